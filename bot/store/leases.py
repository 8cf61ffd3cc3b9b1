"""Leases of steps that are with workers: renewed, run out, and taken back.

A heartbeat touches its step's row alone. One that has not begun is renewed by what a dispatch gets, so that a
task that waits in a queue does not look lost. Steps in line have no lease.

Not known here: what follows when one is lost (`bot/decide.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Float, bindparam, case, select, text, update

from bot.store.rows import Until
from bot.tables import STEP
from workers.kit.wire import Address

MANY = 500  # at once; the rest is found at the next look
OUT = text("step.lease_until IS NOT NULL")  # in the words of the partial index

RENEW = (
    update(STEP)
    .where(
        STEP.c.workspace == bindparam("the_workspace"),
        STEP.c.run_id == bindparam("the_run_id"),
        STEP.c.id == bindparam("the_id"),
        STEP.c.attempt == bindparam("the_attempt"),
        OUT,
    )
    .values(
        lease_until=case(
            (STEP.c.started, bindparam("begun", type_=Float)), else_=bindparam("sent", type_=Float)
        )
    )
)


@dataclass(frozen=True, slots=True)
class Renewal:
    of: Address
    until: Until


def key(renewal: Renewal) -> tuple[str, ...]:
    return ("step", renewal.of.workspace, renewal.of.run, renewal.of.step)


def renew(connection: Connection, batch: Sequence[Renewal]) -> list[None]:
    rows = [
        {
            "the_workspace": r.of.workspace,
            "the_run_id": r.of.run,
            "the_id": r.of.step,
            "the_attempt": r.of.attempt,
            "sent": r.until.dispatched,
            "begun": r.until.started,
        }
        for r in sorted(batch, key=key)
    ]
    connection.execute(RENEW, rows)
    return [None] * len(batch)


def expire(connection: Connection, elsewhere: Collection[str] = ()) -> int:
    """All but those of workers `elsewhere`."""
    ours = STEP.c.worker.not_in(list(elsewhere))
    return connection.execute(update(STEP).where(OUT, ours).values(lease_until=0.0)).rowcount


def lost(connection: Connection, now: float) -> list[Address]:
    query = (
        select(STEP.c.workspace, STEP.c.run_id, STEP.c.id, STEP.c.attempt)
        .where(OUT, STEP.c.lease_until <= now)
        .order_by(STEP.c.lease_until)
        .limit(MANY)
    )
    return [Address(workspace=w, run=r, step=s, attempt=a) for w, r, s, a in connection.execute(query).all()]

"""Slots of schedules that came (fires), as rows: one run at most comes of each, however many bots see it.

Not known here: schedules, what becomes of a slot.
"""

from __future__ import annotations

from dataclasses import asdict, fields

from sqlalchemy import Connection, select, text, update

from bot.ports import BY_HAND, Fire, Schedule
from bot.store.sql import insert
from bot.tables import FIRE, RUN

COLUMNS = [FIRE.c[field.name] for field in fields(Fire)]
OPEN = text("fire.done_at IS NULL")  # in the words of the partial index


def inserted(connection: Connection, fire: Fire, done_at: float | None = None) -> bool:
    row = {**asdict(fire), "retry_at": fire.claimed_at, "done_at": done_at}
    new = insert(connection, FIRE).values(**row).on_conflict_do_nothing()
    return connection.execute(new.returning(FIRE.c.slot)).one_or_none() is not None


def asked(connection: Connection, fire: Fire) -> bool:
    named = {"workspace": fire.workspace, "schedule_id": fire.schedule_id, "slot": fire.slot}
    return connection.execute(select(FIRE.c.slot).filter_by(**named)).first() is not None


def is_on(connection: Connection, fire: Fire) -> bool:
    """The schedule has a run that has not ended, or a slot by hand that is to become one."""
    run = select(RUN.c.id).where(text("run.schedule != ''"), RUN.c.workspace == fire.workspace)
    run = run.where(RUN.c.schedule == fire.schedule_id, RUN.c.status.in_(("queued", "working")))
    slot = select(FIRE.c.slot).where(OPEN, FIRE.c.workspace == fire.workspace)
    slot = slot.where(FIRE.c.schedule_id == fire.schedule_id, FIRE.c.slot.startswith(BY_HAND))
    return any(connection.execute(query.limit(1)).first() for query in (run, slot))


def close(connection: Connection, schedule: Schedule, now: float, but: str = "") -> list[tuple[int, float]]:
    """Ends what is open of it, except slots that begin with `but`: what each had missed, and when it was
    claimed."""
    mine = [FIRE.c.workspace == schedule.workspace, FIRE.c.schedule_id == schedule.id]
    if but:
        mine.append(~FIRE.c.slot.startswith(but))
    end = update(FIRE).where(OPEN, *mine).values(done_at=now).returning(FIRE.c.missed, FIRE.c.claimed_at)
    return [(missed, at) for missed, at in connection.execute(end)]

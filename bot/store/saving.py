"""How changed runs are written: for a whole batch, five or six statements whatever its size.

Version is the fence between bots: the newest versions are read under lock (`FOR UPDATE`; SQLite has the
whole database locked already), and who no longer builds on the newest one gets `Conflict`. A run that was
deleted meanwhile is a conflict too, so an `INSERT … ON CONFLICT` alone would not do: it brings it back.

Only steps that differ are written, runs and steps sorted by key, so that two bots lock in one order.

Steps that come in line get their places here, in the same transaction, where there is room for all that
came and nobody waits already: so it costs one statement as long as nothing is crowded. Otherwise they stay in
line, and who is next is decided over all of it (`bot/store/line.py`). That lock is taken when the runs are
locked and their steps are not yet written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.sql.dml import Delete, Update

from bot.ports import Conflict
from bot.run import Run, StepState
from bot.settling import admit
from bot.store import line
from bot.store.rows import (
    Row,
    Until,
    is_storable,
    request_changes,
    run_changes,
    run_row,
    step_changes,
    step_row,
    storable_run,
)
from bot.store.sql import alone, insert
from bot.tables import RUN, STEP

RUN_KEY = ("workspace", "id")
STEP_KEY = ("workspace", "run_id", "id")


@dataclass(frozen=True, slots=True)
class Saving:
    """One caller's transition, as rows. `run` is what it becomes once the transaction is committed, but that
    steps may get their places."""

    run: Run
    run_row: Row
    request_row: Row | None  # where an old run's request changed
    new_steps: tuple[Row, ...]
    changed_steps: tuple[Row, ...]
    gone_steps: tuple[Row, ...]
    joining: tuple[tuple[StepState, Row], ...]  # who gets in line with this
    leaving: tuple[str, ...]  # the workers with whom a place comes back, once for each
    now: float
    until: Until

    @property
    def key(self) -> tuple[str, str]:
        return self.run.workspace, self.run.id

    @property
    def is_new(self) -> bool:
        return self.run.version == 1


def saving(
    before: Run | None, after: Run, now: float, until: Until, show_after: float | None = None
) -> Saving:
    """What to write. The run in it is exactly what a load will give. `show_after`: until then whoever saves
    it has its thread to itself."""
    planned = _saving(before, after, now, until, show_after)
    rows = (planned.run_row, planned.request_row or {}, *planned.new_steps, *planned.changed_steps)
    if all(is_storable(row) for row in rows):
        return planned
    return _saving(before, storable_run(after), now, until, show_after)


def _saving(before: Run | None, after: Run, now: float, until: Until, show_after: float | None) -> Saving:
    run = replace(after, version=before.version + 1 if before else 1)
    old = {s.id: (p, s) for p, s in enumerate(before.steps)} if before else {}
    new: list[Row] = []
    changed: list[Row] = []
    joining: list[tuple[StepState, Row]] = []
    leaving: list[str] = []
    for position, state in enumerate(run.steps):
        if state.id not in old:
            new.append(step_row(run, position, state, until))
            if state.in_line:
                joining.append((state, new[-1]))
            continue
        old_position, old_state = old.pop(state.id)
        if position != old_position or (state is not old_state and state != old_state):
            changed.append(_where(run, state.id) | step_changes(position, state, until))
            if state.in_line and (not old_state.in_line or old_state.attempt != state.attempt):
                joining.append((state, changed[-1]))
            if _has_place(old_state) and not _has_place(state):
                leaving.append(state.step.worker)
    leaving += [state.step.worker for _, state in old.values() if _has_place(state)]
    row = run_row(run) if before is None else _where(run) | run_changes(run)
    if show_after is not None:
        row["show_after"] = show_after
    asked = None
    if before is not None and before.request is not run.request and before.request != run.request:
        asked = _where(run) | request_changes(run.request)
    return Saving(
        run=run,
        run_row=row,
        request_row=asked,
        new_steps=tuple(new),
        changed_steps=tuple(changed),
        gone_steps=tuple(_where(run, gone) for gone in old),
        joining=tuple(joining),
        leaving=tuple(leaving),
        now=now,
        until=until,
    )


def _has_place(state: StepState) -> bool:
    return state.status == "out" and not state.in_line


def _where(run: Run, step: str | None = None) -> Row:
    """The parameters of `by_key`: named so that they never meet a column's own name."""
    if step is None:
        return {"the_workspace": run.workspace, "the_id": run.id}
    return {"the_workspace": run.workspace, "the_run_id": run.id, "the_id": step}


def by_key(statement: Update | Delete, table: Table, key: tuple[str, ...]) -> Update | Delete:
    return statement.where(*(table.c[name] == bindparam(f"the_{name}") for name in key))


UPDATE_RUN = by_key(update(RUN), RUN, RUN_KEY)
UPDATE_STEP = by_key(update(STEP), STEP, STEP_KEY)
DELETE_STEP = by_key(delete(STEP), STEP, STEP_KEY)


def apply(connection: Connection, batch: Sequence[Saving], window: int) -> list[Run | Conflict]:
    batch_by_key = sorted(batch, key=lambda s: s.key)
    newest = _newest(connection, [s for s in batch_by_key if not s.is_new])
    winners = [s for s in batch_by_key if not s.is_new and newest.get(s.key) == s.run.version - 1]
    if winners:
        connection.execute(UPDATE_RUN, [s.run_row for s in winners])
    if asked := [s.request_row for s in winners if s.request_row]:
        connection.execute(UPDATE_RUN, asked)
    if new := [s for s in batch_by_key if s.is_new]:
        taken = insert(connection, RUN).on_conflict_do_nothing().returning(RUN.c.workspace, RUN.c.id)
        made = {tuple(row) for row in connection.execute(taken, [s.run_row for s in new])}
        winners += [s for s in new if s.key in made]
    saved = {s.key: s.run for s in winners} | _placed(connection, winners, window)
    _write(connection, DELETE_STEP, (row for s in winners for row in s.gone_steps))
    _write(connection, UPDATE_STEP, (row for s in winners for row in s.changed_steps))
    if new_steps := [row for s in winners for row in s.new_steps]:
        connection.execute(STEP.insert(), new_steps)
    waiting = (
        _where(s.run, state.id) | {"since": s.now}
        for s in winners
        for state, row in s.joining
        if row["in_line"]
    )
    _write(connection, line.JOIN, waiting)
    return [saved.get(s.key) or Conflict() for s in batch]


def _placed(connection: Connection, winners: Sequence[Saving], window: int) -> dict[tuple[str, str], Run]:
    """Runs with steps that got their places, and those places in their rows (which may have come here before,
    in a batch that failed)."""
    joining = [s for s in winners if s.joining]
    if not joining:
        return {}
    alone(connection, line.LINE)
    came = Counter(state.step.worker for s in joining for state, _ in s.joining)
    left = Counter(worker for s in winners for worker in s.leaving)
    room = line.room(connection, came, window)
    fits = {
        worker for worker, count in came.items() if worker in room and count <= room[worker] + left[worker]
    }
    placed: dict[tuple[str, str], Run] = {}
    for s in joining:
        for state, row in s.joining:
            row["in_line"] = state.step.worker not in fits
            row["lease_until"] = None if row["in_line"] else s.until.dispatched
        placed[s.key] = admit(s.run, {state.id for state, row in s.joining if not row["in_line"]})
    return placed


def _newest(connection: Connection, batch: Sequence[Saving]) -> dict[tuple[str, str], int]:
    """A statement per workspace: SQLite finds no index for pairs in a list."""
    found: dict[tuple[str, str], int] = {}
    for workspace, savings in groupby(batch, key=lambda s: s.run.workspace):
        query = (
            select(RUN.c.id, RUN.c.version)
            .where(RUN.c.workspace == workspace, RUN.c.id.in_([s.run.id for s in savings]))
            .order_by(RUN.c.id)
            .with_for_update()
        )
        found |= {(workspace, id): version for id, version in connection.execute(query)}
    return found


def _write(connection: Connection, statement: Update | Delete, rows: Iterable[Row]) -> None:
    if batch := sorted(rows, key=lambda row: (row["the_workspace"], row["the_run_id"], row["the_id"])):
        connection.execute(statement, batch)

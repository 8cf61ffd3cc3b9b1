"""Schedules, and the slots of them that came (fires).

What makes one run per slot: a claim is one transaction that moves `next_at` on, if it is still what the
claimer saw, and inserts the fire under its unique key. Confirmations are told apart in the same way: each
leaves a fire that was never open, so that one which comes again changes nothing, even after a deletion.

Not known here: how a rule is read, who may change what, what becomes of a fire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace

from sqlalchemy import Connection, RowMapping, Select, delete, exists, func, select, text, update
from sqlalchemy.sql import ColumnElement

from bot.database import Database
from bot.ports import BY_HAND, Clock, Fire, Schedule
from bot.run import Run
from bot.store import slots
from bot.store.audit import record
from bot.store.changes import line
from bot.store.inbox import first_time
from bot.store.runs import runs_of
from bot.store.slots import OPEN
from bot.store.sql import alone, insert
from bot.tables import FIRE, RUN, SCHEDULE

MANY = 500  # at once, of what is looked for again soon
CONFIRMED = "confirmed "  # so begins what stands among the fires for a confirmation

COLUMNS = [SCHEDULE.c[field.name] for field in fields(Schedule)]
# In the words of the partial indexes, or the databases would not use these.
DUE, OURS = text("schedule.next_at IS NOT NULL"), text("run.schedule != ''")


class Schedules:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def get(self, workspace: str, id: str) -> Schedule | None:
        query = select(*COLUMNS).where(_named(workspace, id))
        return await self._database.read(lambda c: _one(c, query))

    async def of(self, workspace: str, by: str | None = None) -> Sequence[Schedule]:
        """One person's, or all of the workspace's; active ones first, soonest first."""
        query = select(*COLUMNS).where(SCHEDULE.c.workspace == workspace)
        if by is not None:
            query = query.where(SCHEDULE.c.by == by)
        found = await self._all(query)
        return sorted(found, key=lambda s: (s.next_at is None, s.next_at or 0.0, s.created_at, s.id))

    async def put(self, schedule: Schedule, by: str, most: int, *, revises: str = "") -> Schedule | None:
        """A new one, or the new form of one that is there. The same `revision` a second time changes
        nothing; what comes back then is what is there now. Over `most` it is stored paused, with a note.
        `revises`: the form that it changes; None when that is not what is there (any more). Paused stays
        paused."""
        now = self._clock()
        key, seen = (schedule.workspace, schedule.id), CONFIRMED + schedule.revision
        mark = Fire(*key, slot=seen, at=now, claimed_at=now)

        def write(connection: Connection) -> Schedule | None:
            alone(connection, f"{schedule.workspace}/{schedule.by}")
            old = _one(connection, select(*COLUMNS).where(_named(*key)).with_for_update())
            if not slots.inserted(connection, mark, done_at=now):
                return old or replace(
                    schedule, status="ended", next_at=None, next_slot="", note="This schedule was deleted."
                )
            if revises and (old is None or old.revision != revises):
                return None
            new = replace(schedule, created_at=old.created_at) if old else schedule
            if old and old.status == "paused" and new.status == "active":
                new = replace(new, status="paused", next_at=None, next_slot="", note=old.note)
            if new.status == "active" and _active(connection, new) >= most:
                note = f"You have {most} schedules, the most at once."
                new = replace(new, status="paused", next_at=None, next_slot="", note=note)
            _store(connection, new)
            slots.close(connection, new, now)  # what the old form still had to do is not owed any more
            record(connection, line(now, by, old, new))
            return new

        return await self._database.write(write)

    async def change(
        self,
        workspace: str,
        id: str,
        by: str,
        make: Callable[[Schedule], Schedule | None],
        *,
        key: str = "",
        most: int = 0,
    ) -> Schedule | None:
        """None: it is not there any more. What `make` raises, changes nothing."""
        now = self._clock()

        def write(connection: Connection) -> Schedule | None:
            one = select(*COLUMNS).where(_named(workspace, id))
            if most and (there := _one(connection, one)):  # before the row, as in `put`
                alone(connection, f"{workspace}/{there.by}")
            old = _one(connection, one.with_for_update())
            new = make(old) if old else None
            if old is None or new == old:
                return old
            if most and new and new.status == "active" and _active(connection, new) >= most:
                return old
            if not first_time(connection, workspace, key, now):
                return old
            if new is None:
                connection.execute(delete(SCHEDULE).where(_named(workspace, id)))
            else:
                _store(connection, new)
            if new is None or new.status == "paused":
                slots.close(connection, old, now, BY_HAND if new else "")
            if by:
                record(connection, line(now, by, old, new))
            return new

        return await self._database.write(write)

    async def due(self) -> Sequence[Schedule]:
        query = select(*COLUMNS).where(DUE, SCHEDULE.c.next_at <= self._clock())
        return await self._all(query.order_by(SCHEDULE.c.next_at).limit(MANY))

    async def claim(self, schedule: Schedule, fire: Fire, after: Schedule) -> bool:
        """True for exactly one caller, and never twice for one slot. An earlier slot that still waits for
        its run gives way, and is among the missed ones."""
        as_seen = (
            _named(schedule.workspace, schedule.id),
            SCHEDULE.c.status == "active",
            SCHEDULE.c.next_at == schedule.next_at,
            SCHEDULE.c.revision == schedule.revision,
        )
        move = update(SCHEDULE).where(*as_seen)
        move = move.values(status=after.status, next_at=after.next_at, next_slot=after.next_slot)

        def write(connection: Connection) -> bool:
            if connection.execute(move).rowcount != 1:
                return False
            given_way = slots.close(connection, schedule, fire.claimed_at, BY_HAND)
            missed = fire.missed + sum(1 + missed for missed, _ in given_way)
            since = min([fire.claimed_at, *(at for _, at in given_way)])  # so long it is tried in vain
            return slots.inserted(connection, replace(fire, missed=missed, claimed_at=since))

        return await self._database.write(write)

    async def ask(self, fire: Fire, by: str) -> bool:
        """A slot that no rule made but a person. False while its last run, or another such slot, is open: two
        bots may be asked at once. Asked under this name before: True, and nothing is written."""
        query = select(*COLUMNS).where(_named(fire.workspace, fire.schedule_id))

        def write(connection: Connection) -> bool:
            there = _one(connection, query.with_for_update())  # whoever else asks waits
            if there is None or slots.asked(connection, fire):
                return there is not None
            if slots.is_on(connection, fire):
                return False
            slots.inserted(connection, fire)
            record(connection, line(fire.claimed_at, by, there, there, "run now"))
            return True

        return await self._database.write(write)

    async def open_fires(self) -> Sequence[Fire]:
        query = select(*slots.COLUMNS).where(OPEN, FIRE.c.retry_at <= self._clock())
        query = query.order_by(FIRE.c.retry_at, FIRE.c.at).limit(MANY)
        return await self._database.read(lambda c: [Fire(*row) for row in c.execute(query)])

    async def fired(self, fire: Fire) -> None:
        await self._set(fire, done_at=self._clock())

    async def postpone(self, fire: Fire, until: float) -> None:
        await self._set(fire, retry_at=until)

    async def latest_runs(self, schedule: Schedule, limit: int) -> Sequence[Run]:
        query = (
            select(RUN)
            .where(OURS, RUN.c.schedule == schedule.id, RUN.c.created_at >= schedule.counted_from)
            .order_by(RUN.c.created_at.desc(), RUN.c.id)
            .limit(limit)
        )
        return await self._database.read(lambda c: runs_of(c, schedule.workspace, query))

    async def forget(self, older_than: float) -> int:
        """Confirmations are kept: a card may be pressed again however late."""
        slots = ~FIRE.c.slot.startswith(CONFIRMED)
        old = delete(FIRE).where(FIRE.c.done_at < self._clock() - older_than, slots)
        theirs = FIRE.c.workspace == SCHEDULE.c.workspace, FIRE.c.schedule_id == SCHEDULE.c.id
        lately = exists().where(*theirs, slots)
        passed = SCHEDULE.c.status == "ended", SCHEDULE.c.counted_from < self._clock() - older_than
        ended = delete(SCHEDULE).where(*passed, ~lately)
        return await self._database.write(lambda c: c.execute(old).rowcount + c.execute(ended).rowcount)

    async def _all(self, query: Select[tuple[object, ...]]) -> Sequence[Schedule]:
        return await self._database.read(lambda c: [_schedule(row) for row in c.execute(query).mappings()])

    async def _set(self, fire: Fire, **values: float) -> None:
        """Unless somebody else was done with it first."""
        named = {"workspace": fire.workspace, "schedule_id": fire.schedule_id, "slot": fire.slot}
        query = update(FIRE).where(OPEN).filter_by(**named).values(**values)
        await self._database.write(lambda c: c.execute(query))


def _active(connection: Connection, schedule: Schedule) -> int:
    """How many others of its owner there are."""
    query = select(func.count()).select_from(SCHEDULE)
    others = query.where(
        SCHEDULE.c.workspace == schedule.workspace,
        SCHEDULE.c.by == schedule.by,
        SCHEDULE.c.status == "active",
        SCHEDULE.c.id != schedule.id,
    )
    return connection.execute(others).scalar_one()


def _store(connection: Connection, schedule: Schedule) -> None:
    new = insert(connection, SCHEDULE).values(**asdict(schedule))
    keys = ["workspace", "id"]
    rest = {column.name: new.excluded[column.name] for column in COLUMNS if column.name not in keys}
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=rest))


def _named(workspace: str, id: str) -> ColumnElement[bool]:
    return (SCHEDULE.c.workspace == workspace) & (SCHEDULE.c.id == id)


def _one(connection: Connection, query: Select[tuple[object, ...]]) -> Schedule | None:
    row = connection.execute(query).mappings().one_or_none()
    return _schedule(row) if row else None


def _schedule(row: RowMapping) -> Schedule:
    return Schedule(**dict(row))

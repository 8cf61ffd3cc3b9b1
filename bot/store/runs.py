"""Runs in whole: loaded, saved, and found again when time has passed.

What is cached is only ever what was committed, and all of it is thrown away when a commit fails. Another
bot may be ahead of a cached run: a save then is a `Conflict`; where a *missing* change would mislead, load
with `fresh=True`.

Not known here: what runs mean, who waits for them, Slack.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, and_, exists, or_, select, text
from sqlalchemy.sql import ColumnElement

from bot.database import Database
from bot.ports import Clock, Conflict
from bot.run import Run
from bot.settling import admit
from bot.store import leases, line, saving
from bot.store.leases import MANY, Renewal
from bot.store.rows import Until, run_of
from bot.store.saving import Saving
from bot.store.sql import insert
from bot.store.writer import Kind, Writer
from bot.tables import MESSAGE, RATING, RUN, STEP
from workers.kit.wire import Address

T = TypeVar("T")

# In the words of the partial indexes, or the databases would not use these.
QUEUED = text("run.status IN ('queued', 'working') AND run.status = 'queued'")
OPEN = text("run.status IN ('queued', 'working')")

NAMED = (RUN.c.workspace, RUN.c.id, RUN.c.version)


class Runs:
    def __init__(
        self,
        database: Database,
        writer: Writer,
        clock: Clock,
        *,
        lease_seconds: float,
        dispatch_seconds: float,
        window: int,
        cached: int,
        show_seconds: float,
    ) -> None:
        self._database, self._writer, self._clock = database, writer, clock
        self._lease_seconds, self._dispatch_seconds = lease_seconds, dispatch_seconds
        self._window, self._show_seconds = window, show_seconds
        self.crowded = False
        self._joined = 0  # how often somebody had to stay in line
        self._cache: OrderedDict[tuple[str, str], Run] = OrderedDict()
        self._cached = cached
        self._saves = Kind(10, partial(saving.apply, window=window), lambda s: ("run", *s.key), self._saved)
        self._renewals = Kind(20, leases.renew, leases.key)

    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None:
        """`fresh`: from the database, whatever is cached."""
        key = (workspace, run_id)
        if not fresh and (run := self._cache.get(key)):
            self._cache.move_to_end(key)
            return run
        found = await self._read(lambda c: runs_of(c, workspace, select(RUN).where(RUN.c.id == run_id)))
        for run in found:
            self._keep(run)
        return found[0] if found else None

    async def save(self, before: Run | None, after: Run) -> Run:
        now = self._clock()
        own = now + self._show_seconds if self._show_seconds else None
        return await self._writer.do(self._saves, saving.saving(before, after, now, self._until(now), own))

    async def renew(self, address: Address, seconds: float | None = None) -> None:
        now = self._clock()
        until = self._until(now) if seconds is None else Until(now + seconds, now + seconds)
        await self._writer.do(self._renewals, Renewal(address, until))

    async def expire_leases(self, elsewhere: Collection[str] = ()) -> int:
        """Nobody else is alive, so whatever is out is lost: at the start of the only process there is. But
        for workers `elsewhere`: one may have promised to post its result back, and is not lost with us."""
        return await self._database.write(lambda c: leases.expire(c, elsewhere))

    async def lost_leases(self) -> Sequence[Address]:
        now = self._clock()
        return await self._read(lambda c: leases.lost(c, now))

    async def admit(self) -> Sequence[Address]:
        now, joined = self._clock(), self._joined
        if not await self._read(line.crowded):
            self.crowded = self._joined != joined
            return ()
        until = self._until(now).dispatched
        given = await self._database.write(lambda c: line.give(c, self._window, now, until))
        self._placed(given.to)
        self.crowded = given.crowded or self._joined != joined
        return [at for at, _ in given.to]

    async def waiting_long(self, seconds: float) -> Sequence[tuple[Address, int]]:
        now = self._clock()
        return await self._database.write(lambda c: line.waiting_long(c, now, seconds))

    async def due(self) -> Sequence[tuple[str, str]]:
        """What is cached of these and is not the newest is forgotten: who made the newest may be gone, and
        nothing else would tell this bot."""
        now = self._clock()
        woken = select(*NAMED).where(text("run.wake_at IS NOT NULL"), RUN.c.wake_at <= now)
        behind = select(*NAMED).where(text("run.shown_version < run.version"), RUN.c.show_after <= now)
        queries = (woken.limit(MANY), _their_turn().limit(MANY), behind.limit(MANY))
        rows = await self._read(lambda c: [row for query in queries for row in c.execute(query)])
        for workspace, id, version in rows:
            known = self._cache.get((workspace, id))
            if known and known.version < version:
                del self._cache[workspace, id]
        return list(dict.fromkeys((workspace, id) for workspace, id, _ in rows))

    async def thread_runs(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Run]:
        query = (
            select(RUN).where(_in_thread(workspace, channel, thread_ts)).order_by(RUN.c.created_at, RUN.c.id)
        )
        return await self._read(lambda c: runs_of(c, workspace, query))

    async def owners(self, workspace: str, channel: str, thread_ts: str) -> set[str]:
        """The people whose request started a run in this thread."""
        query = select(RUN.c.by).where(_in_thread(workspace, channel, thread_ts))  # DISTINCT misleads SQLite
        return set(await self._read(lambda c: c.execute(query).scalars().all()))

    async def open_runs(self, workspace: str) -> Sequence[Run]:
        """What is queued or on, oldest first."""
        query = select(RUN).where(OPEN).order_by(RUN.c.created_at).limit(MANY)
        return await self._read(lambda c: runs_of(c, workspace, query))

    async def recent_runs(self, workspace: str, by: str, limit: int = 10) -> Sequence[Run]:
        """One person's runs, newest first."""
        query = select(RUN).where(RUN.c.by == by)
        return await self._read(
            lambda c: runs_of(c, workspace, query.order_by(RUN.c.created_at.desc()).limit(limit))
        )

    async def run_of_message(self, workspace: str, channel: str, ts: str) -> Run | None:
        """The run that this message of ours belongs to."""
        place = (MESSAGE.c.workspace == workspace, MESSAGE.c.channel == channel, MESSAGE.c.ts == ts)
        run_ids = select(MESSAGE.c.run_id).where(*place)
        query = select(RUN).where(RUN.c.id.in_(run_ids))
        found = await self._read(lambda c: runs_of(c, workspace, query))
        return found[0] if found else None

    async def open_of(self, workspace: str, person: str, *, cards: bool = True) -> set[str]:
        """Ids of this person's runs that have not ended. `cards`: schedules that wait for a yes count too."""
        query = select(RUN.c.id).where(OPEN, RUN.c.workspace == workspace, RUN.c.by == person)
        if not cards:
            query = query.where(RUN.c.proposal.is_(None))
        return set(await self._read(lambda c: c.execute(query).scalars().all()))

    async def rate(self, workspace: str, run_id: str, by: str, value: str) -> None:
        """What a person thought of the answer; the last word counts."""
        row = {"workspace": workspace, "run_id": run_id, "by": by, "value": value, "at": self._clock()}

        def write(connection: Connection) -> None:
            last = insert(connection, RATING).on_conflict_do_update(
                index_elements=["workspace", "run_id", "by"], set_={"value": value, "at": row["at"]}
            )
            connection.execute(last, row)

        await self._database.write(write)

    def forget_cached(self, workspace: str) -> None:
        for key in [key for key in self._cache if key[0] == workspace]:
            del self._cache[key]

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    def _until(self, now: float) -> Until:
        return Until(dispatched=now + self._dispatch_seconds, started=now + self._lease_seconds)

    def _placed(self, given: Sequence[tuple[Address, int]]) -> None:
        """What is remembered of these runs goes on, or is forgotten where somebody else was ahead of it."""
        steps: dict[tuple[str, str, int], set[str]] = {}
        for at, version in given:
            steps.setdefault((at.workspace, at.run, version), set()).add(at.step)
        for (workspace, run_id, version), placed in steps.items():
            known = self._cache.pop((workspace, run_id), None)
            if known is not None and known.version == version - 1:
                self._keep(replace(admit(known, placed), version=version))

    def _saved(self, change: Saving, outcome: Run | Exception) -> None:
        if isinstance(outcome, Run):
            self._keep(outcome)
            if any(row["in_line"] for _, row in change.joining):
                self.crowded = True
                self._joined += 1
        elif isinstance(outcome, Conflict):
            self._cache.pop(change.key, None)
        else:
            self._cache.clear()

    def _keep(self, run: Run) -> None:
        key = (run.workspace, run.id)
        known = self._cache.get(key)
        if known is None or known.version < run.version:
            self._cache[key] = run
        self._cache.move_to_end(key)
        while len(self._cache) > self._cached:
            self._cache.popitem(last=False)


def _in_thread(workspace: str, channel: str, thread_ts: str) -> ColumnElement[bool]:
    return and_(RUN.c.workspace == workspace, RUN.c.channel == channel, RUN.c.thread_ts == thread_ts)


def _their_turn() -> Select[Any]:
    """Queued runs before which nothing is open in their thread. No thread yet: nothing to wait for."""
    other = RUN.alias("other")
    before = and_(
        other.c.workspace == RUN.c.workspace,
        other.c.channel == RUN.c.channel,
        other.c.thread_ts == RUN.c.thread_ts,
        or_(
            and_(other.c.status == "working", other.c.resting.is_(False)),
            and_(
                other.c.status == "queued",
                or_(
                    other.c.created_at < RUN.c.created_at,
                    and_(other.c.created_at == RUN.c.created_at, other.c.id < RUN.c.id),
                ),
            ),
        ),
    )
    waits = and_(RUN.c.thread_ts != "", exists().where(before))
    return select(*NAMED).where(QUEUED, ~waits).order_by(RUN.c.created_at)


def runs_of(connection: Connection, workspace: str, query: Select[Any]) -> list[Run]:
    """Two statements for any number of runs of one workspace."""
    rows = connection.execute(query.where(RUN.c.workspace == workspace)).mappings().all()
    steps: dict[str, list[Any]] = {row["id"]: [] for row in rows}
    if steps:
        there = select(STEP).where(STEP.c.workspace == workspace, STEP.c.run_id.in_(list(steps)))
        for row in connection.execute(there.order_by(STEP.c.position)).mappings():
            steps[row["run_id"]].append(row)
    return [run_of(dict(row), steps[row["id"]]) for row in rows]

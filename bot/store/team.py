"""The team of each workspace, as one list, and what became of its steps lately.

A list is changed under lock: the row's (PostgreSQL), the whole database's (SQLite). Before the first change
there is no row to lock, so whoever changes first puts the default list there, and one of them does. Not
known here: what a member means (`bot/team.py`), which workers there are, who may change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, case, func, select, text, update

from bot.database import Database
from bot.ports import Clock, Entry, Used
from bot.store.audit import record
from bot.store.inbox import first_time
from bot.store.sql import insert
from bot.tables import STEP, TEAM
from bot.team import Member, described

MEMBERS = TypeAdapter(tuple[Member, ...])
ENDED = text("step.kind = 'work' AND step.finished_at > 0")  # in the words of the partial index


class Teams:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def members(self, workspace: str) -> Mapping[str, Member] | None:
        """The workspace's own list, by worker. None: nobody changed anything yet."""
        return await self._database.read(lambda c: _members(c, workspace))

    async def change(
        self,
        workspace: str,
        worker: str,
        by: str,
        make: Callable[[Member], Member],
        defaults: Mapping[str, Member],
        *,
        key: str = "",
    ) -> Member:
        """Changes one member, and logs it, in one transaction. The first change makes `defaults` the list.
        Where nothing changes, nothing is logged and no list made. `make` may be called more than once."""
        now = self._clock()

        def changed(members: Mapping[str, Member]) -> tuple[Member, Member]:
            before = members.get(worker) or Member(worker=worker, on=False)
            return before, make(before).model_copy(update={"worker": worker})

        def work(connection: Connection) -> Member:
            members = _members(connection, workspace, lock=True)
            if not first_time(connection, workspace, key, now):
                return (members or defaults).get(worker) or Member(worker=worker, on=False)
            while members is None:
                before, after = changed(defaults)
                if after == before:
                    return before
                row = {"workspace": workspace, "members": _json(defaults)}
                connection.execute(insert(connection, TEAM).on_conflict_do_nothing(), row)
                members = _members(connection, workspace, lock=True)  # ours, or that of who was first
            before, after = changed(members)
            if after != before:
                own = update(TEAM).where(TEAM.c.workspace == workspace)
                connection.execute(own.values(members=_json({**members, worker: after})))
                words = described(before), described(after)
                record(connection, Entry(workspace, now, by, "worker", worker, *words))
            return after

        return await self._database.write(work)

    async def use(self, workspace: str, since: float) -> Mapping[str, Used]:
        """By worker, of steps that ended after `since`."""
        query = ended(workspace, since)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return {worker: Used(last_at, done, failed) for worker, last_at, done, failed in rows}


def ended(workspace: str, since: float) -> Select[Any]:
    """(worker, when its last step ended, how many were done, how many failed)."""
    count = [func.sum(case((STEP.c.status == status, 1), else_=0)) for status in ("done", "failed")]
    return (
        select(STEP.c.worker, func.max(STEP.c.finished_at), *count)
        .where(STEP.c.workspace == workspace, ENDED, STEP.c.finished_at > since)
        .group_by(STEP.c.worker)
    )


def _members(connection: Connection, workspace: str, *, lock: bool = False) -> dict[str, Member] | None:
    query = select(TEAM.c.members).where(TEAM.c.workspace == workspace)
    found = connection.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    return None if found is None else {m.worker: m for m in MEMBERS.validate_json(found)}


def _json(members: Mapping[str, Member]) -> str:
    return MEMBERS.dump_json(tuple(members.values())).decode()

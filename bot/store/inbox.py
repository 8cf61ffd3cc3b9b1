"""Events, committed before Slack hears that we have them; each once, whatever name it comes under.

Not known here: what an event says, how it was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, text, update

from bot.database import Database
from bot.ports import Clock, Waiting
from bot.store.sql import insert
from bot.store.writer import Kind, Writer
from bot.tables import INBOX, SEEN, storable

MANY = 1000
OPEN = text("inbox.done_at IS NULL")  # in the words of the partial indexes
FREE = (
    select(INBOX.c.id)
    .where(OPEN, INBOX.c.held_at <= bindparam("before"), INBOX.c.received_at <= bindparam("before"))
    .order_by(INBOX.c.id)
)


@dataclass(frozen=True, slots=True, eq=False)
class _Event:
    workspace: str
    keys: tuple[str, ...]
    body: str
    place: str
    now: float


class Inbox:
    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database, self._writer, self._clock = database, writer, clock

    async def put(self, workspace: str, keys: Sequence[str], body: str, place: str = "") -> int | None:
        names = tuple(storable(key) for key in keys)
        return await self._writer.do(PUTS, _Event(storable(workspace), names, body, place, self._clock()))

    async def take(self, older_than: float = 0.0) -> Sequence[Waiting]:
        now = self._clock()
        before = {"before": now - older_than}
        take = update(INBOX).values(held_at=now, tries=INBOX.c.tries + 1)

        def work(connection: Connection) -> list[Waiting]:
            ids = (
                connection.execute(FREE.limit(MANY).with_for_update(skip_locked=True), before).scalars().all()
            )
            if not ids:
                return []
            mine = take.where(INBOX.c.id.in_(ids)).returning(INBOX.c.id, INBOX.c.body, INBOX.c.tries)
            return sorted((Waiting(*row) for row in connection.execute(mine)), key=lambda taken: taken.id)

        if not await self._database.read(lambda c: c.execute(FREE.limit(1), before).first()):
            return []  # the usual answer: no transaction that writes
        return await self._database.write(work)

    async def hold(self, ids: Sequence[int]) -> None:
        rows = [{"the_id": id, "at": self._clock()} for id in sorted(ids)]
        await self._database.write(lambda c: c.execute(HOLD, rows))

    async def give_back(self, id: int) -> None:
        again = update(INBOX).where(INBOX.c.id == id).values(tries=INBOX.c.tries - 1)
        await self._database.write(lambda c: c.execute(again))

    async def at(self, workspace: str, place: str) -> Sequence[tuple[int, str]]:
        there = INBOX.c.workspace == storable(workspace), INBOX.c.place == storable(place)
        query = select(INBOX.c.id, INBOX.c.body).where(OPEN, *there).order_by(INBOX.c.id).limit(MANY)
        return await self._database.read(lambda c: [(id, body) for id, body in c.execute(query)])

    async def done(self, id: int) -> None:
        await self._writer.do(DONE, (id, self._clock()))

    async def forget_done(self, older_than: float) -> int:
        """Deletes handled events, and names of events, that are this many seconds old."""
        before = self._clock() - older_than
        rows = delete(INBOX).where(INBOX.c.done_at < before)
        names = delete(SEEN).where(SEEN.c.at < before)
        return await self._database.write(lambda c: c.execute(rows).rowcount + c.execute(names).rowcount)


def _put(connection: Connection, batch: Sequence[_Event]) -> list[int | None]:
    """An event is new if all its names are. The names are tried in one order, so that two bots that store
    the twins of one event wait for each other and neither fails."""
    names = {(event.workspace, key): event.now for event in batch for key in event.keys}
    fresh: set[tuple[str, ...]] = set()
    if names:
        remember = insert(connection, SEEN).on_conflict_do_nothing().returning(SEEN.c.workspace, SEEN.c.key)
        rows = [{"workspace": w, "key": key, "at": now} for (w, key), now in sorted(names.items())]
        fresh = {tuple(row) for row in connection.execute(remember, rows)}
    new: list[_Event] = []
    for event in batch:
        own = {(event.workspace, key) for key in event.keys}
        if own <= fresh:
            new.append(event)
        fresh -= own  # a later twin in this batch is none any more
    if not new:
        return [None] * len(batch)
    add = INBOX.insert().returning(INBOX.c.id, sort_by_parameter_order=True)
    rows = [
        {"workspace": e.workspace, "place": e.place, "body": e.body, "received_at": e.now, "held_at": e.now}
        for e in new
    ]
    ids = dict(zip(map(id, new), connection.execute(add, rows).scalars(), strict=True))
    return [ids.get(id(event)) for event in batch]


def first_time(connection: Connection, workspace: str, key: str, now: float) -> bool:
    """Whether what came under this key is done for the first time: in the transaction that does it. An event
    may be handled again after a crash, and must not undo what was changed since. Without a key: always."""
    if not key:
        return True
    remember = insert(connection, SEEN).on_conflict_do_nothing().returning(SEEN.c.key)
    row = {"workspace": workspace, "key": storable(f"done:{key}"), "at": now}
    return connection.execute(remember, [row]).first() is not None


def _done(connection: Connection, batch: Sequence[tuple[int, float]]) -> list[None]:
    connection.execute(FINISH, [{"the_id": id, "at": at} for id, at in sorted(batch)])
    return [None] * len(batch)


FINISH = (
    update(INBOX)
    .where(INBOX.c.id == bindparam("the_id"), INBOX.c.done_at.is_(None))
    .values(done_at=bindparam("at"))
)

HOLD = (
    update(INBOX)
    .where(INBOX.c.id == bindparam("the_id"), INBOX.c.done_at.is_(None))
    .values(held_at=bindparam("at"))
)

PUTS = Kind(1, _put, lambda event: ("event", id(event)))
DONE = Kind(2, _done, lambda done: ("done", done[0]))

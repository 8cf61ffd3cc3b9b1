"""Group commit: one task that puts the changes of many callers into one transaction.

A commit costs a disk's flush, and a statement costs the same for one row as for fifty. So changes that come
while a transaction is on its way wait for the next one, together, and each caller goes on when *its*
transaction is committed. Changes of one kind are applied at once; two with the same key never meet in one
batch.

A batch that fails through one of its members is tried again member by member, so that a poisoned one harms
nobody else. One that fails because the database is away fails everybody who waits: they are refused now
rather than one time limit after another.

Not known here: what the changes are. Those are the `Kind`s beside this module.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from bot.database import Database
from bot.ports import Conflict, StoreDown

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
BATCH = 500


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, eq=False)
class Kind(Generic[Item, Outcome]):
    """One kind of change. `order`: kinds touch their tables in the same order in every transaction.
    `settled` hears of each outcome before its caller does, even when the caller has gone away."""

    order: int
    apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Conflict]]
    key: Callable[[Item], Hashable]
    settled: Callable[[Item, Outcome | Exception], None] = _nothing


@dataclass(slots=True, eq=False)
class _Change:
    kind: Kind[Any, Any]
    item: Any
    key: Hashable
    future: asyncio.Future[Any]

    def settle(self, outcome: object) -> None:
        self.kind.settled(self.item, outcome)
        if self.future.done():  # its caller was cancelled
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Writer:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Change] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def do(self, kind: Kind[Item, Outcome], item: Item) -> Outcome:
        """Returns when the change is committed. Raises `Conflict`, `StoreDown`, or the change's own error."""
        self.check()
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="store-writer")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Change(kind, item, kind.key(item), future))
        self._wake.set()
        return await future

    def check(self) -> None:
        if self._closed:
            raise StoreDown("The store is closed.")

    async def close(self) -> None:
        """Commits what waits, and takes nothing more."""
        self._closed = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        try:
            while self._waiting or not self._closed:
                if self._waiting:
                    await self._work_off()
                else:
                    self._wake.clear()
                    await self._wake.wait()
        finally:  # also when somebody cancels us: nobody must wait for what will not come
            self._closed = True
            self._refuse(StoreDown("The store was closed before this was written."))

    async def _work_off(self) -> None:
        await asyncio.sleep(0)  # whoever was woken together with us may join
        batch = self._take()
        try:
            await self._flush(batch)
        except BaseException as error:
            self._waiting.extendleft(reversed(batch))
            if not isinstance(error, StoreDown):
                raise
            self._refuse(error)

    def _take(self) -> list[_Change]:
        batch: list[_Change] = []
        keys: set[Hashable] = set()
        later: deque[_Change] = deque()
        while self._waiting and len(batch) < BATCH:
            change = self._waiting.popleft()
            if change.key in keys:
                later.append(change)
            else:
                keys.add(change.key)
                batch.append(change)
        self._waiting.extendleft(reversed(later))
        batch.sort(key=lambda change: change.kind.order)
        return batch

    async def _flush(self, batch: list[_Change]) -> None:
        try:
            outcomes = await self._database.write(lambda connection: list(_applied(connection, batch)))
        except StoreDown:
            raise
        except Exception as error:
            if len(batch) == 1:
                batch[0].settle(error)
                return
            for change in batch:
                await self._flush([change])
            return
        for change, outcome in zip(batch, outcomes, strict=True):
            change.settle(outcome)

    def _refuse(self, error: StoreDown) -> None:
        while self._waiting:
            change = self._waiting.popleft()
            if not change.future.done():
                change.settle(StoreDown(str(error)))


def _applied(connection: Connection, batch: list[_Change]) -> Iterator[object]:
    for kind, changes in groupby(batch, key=lambda change: change.kind):
        yield from kind.apply(connection, [change.item for change in changes])

"""Places to work in: so many tasks at once, or one that runs alone.

First come, first served: who waits to be alone holds up those behind it, so that it gets there in the end,
and two of them cannot wait for each other. Not known here: what a task is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class NoPlace(Exception):
    """None became free in time."""


class Places:
    def __init__(self, many: int) -> None:
        self._free = self._many = many
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @asynccontextmanager
    async def place(self, *, alone: bool = False, seconds: float | None = None) -> AsyncIterator[None]:
        """A place, waited for so long; `alone`: all of them. Raises `NoPlace`."""
        wanted = self._many if alone else 1
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, wanted))
        self._seat()
        try:
            try:
                async with asyncio.timeout(seconds):
                    await turn
            except TimeoutError:
                raise NoPlace from None
            yield
        finally:
            if turn.cancelled():
                with suppress(ValueError):  # it is not in line any more
                    self._waiting.remove((turn, wanted))
            else:
                self._free += wanted
            self._seat()

    def _seat(self) -> None:
        while self._waiting and self._waiting[0][1] <= self._free:
            turn, wanted = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= wanted
                turn.set_result(None)

"""The two ends of a transport in this process: a service that runs tasks, a function that takes reports.

Not known here: how either got here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from workers.kit.service import Service
from workers.kit.wire import Beat, Report, Said

log = structlog.get_logger(__name__)
LONGEST_PAUSE = 1.0  # seconds between attempts to hand over a report

OnReport = Callable[[Report], Awaitable[object]]


class NotTaken(Exception):
    """The report could not be handled here and now; it is not lost, if there is somebody else."""


class Ends:
    """`transient`: what `on_report` may raise that passes by itself (the database is away)."""

    def __init__(
        self, transient: tuple[type[Exception], ...], clock: Callable[[], float] = time.time
    ) -> None:
        self.service: Service | None = None
        self.on_report: OnReport | None = None
        self.closing = False
        self._transient, self._clock = transient, clock
        self._in_hand: dict[object, float] = {}  # reports being handled: when they were sent

    @property
    def lag(self) -> float:
        """How many seconds ago the oldest report was sent that is being handled; 0 when there is none."""
        return max(0.0, self._clock() - min(self._in_hand.values())) if self._in_hand else 0.0

    async def take(self, report: Report, sent: float = 0.0) -> bool:
        """Offers it until it is taken. False: what was `Started` may not begin. Raises `NotTaken`, and what
        `on_report` raises that does not pass."""
        key, pause = object(), 0.1
        self._in_hand[key] = sent or self._clock()
        try:
            while self.on_report is not None:
                try:
                    return await self.on_report(report) is not False
                except self._transient as error:
                    if isinstance(report, Beat | Said):  # the next one will do
                        log.warning("a report was not taken", kind=report.kind, error=type(error).__name__)
                        return True
                    if self.closing:
                        raise NotTaken from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            raise NotTaken
        finally:
            del self._in_hand[key]

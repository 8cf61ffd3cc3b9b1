"""When a silent lease means that a process was lost, and when it means nothing yet.

After a pause (a laptop's sleep, a database that was away) leases have run out though nobody died: those who
live get the time of one lease to say so. With a broker what they said waits in its queue: so nothing is lost
for one lease after a bot began, while it has not read that queue up, or the broker is away; and when that
lasted, for one lease more. A result that waits is worth more than a model call that is paid for again.

It does not know what a lease is for, nor what becomes of one that is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from bot.ports import Clock
from workers.kit.broker.down import TransportDown

CaughtUp = Callable[[], Awaitable[bool]]
REPORTS = "bot.reports"


class Patience:
    """`lease_seconds`: 0 is none at all. `caught_up`: whether what workers said is handled; None where it is
    handled as they say it, in this process."""

    def __init__(self, clock: Clock, lease_seconds: float, caught_up: CaughtUp | None = None) -> None:
        self._clock, self._lease_seconds, self._caught_up = clock, lease_seconds, caught_up
        self._looked_at: float | None = None
        self._behind_since: float | None = None
        self._until = 0.0

    async def lasts(self) -> bool:
        """Asked at each look at the leases."""
        if not self._lease_seconds:
            return False
        behind = self._caught_up is not None and not await self._caught_up()
        now = self._clock()
        if self._was_away(now) or (not behind and self._was_behind(now)):
            self._until = now + self._lease_seconds
        if not behind:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        return behind or now < self._until

    def looked(self) -> None:
        """A look came to its end."""
        self._looked_at = self._clock()

    def _was_away(self, now: float) -> bool:
        if self._looked_at is None:
            return self._caught_up is not None
        return now - self._looked_at > self._lease_seconds / 2

    def _was_behind(self, now: float) -> bool:
        """For longer than a lease bears: its heartbeats come four to a lease."""
        return self._behind_since is not None and now - self._behind_since > self._lease_seconds / 4


class Reports(Protocol):
    """The transport, as far as it says how much of what workers said is not handled."""

    @property
    def connected(self) -> bool: ...
    @property
    def lag(self) -> float:
        """The age of the oldest report that is being handled, in seconds; 0 when there is none."""
        ...

    async def pending(self) -> Mapping[str, int]: ...


def read_up(reports: Reports, lease_seconds: float) -> CaughtUp:
    """With a broker: nothing waits in the queue, or what is being handled now was said a moment ago."""

    async def caught_up() -> bool:
        if not reports.connected or reports.lag > lease_seconds / 4:
            return False
        try:
            waiting = (await reports.pending()).get(REPORTS, 0)
        except TransportDown:
            return False
        return waiting == 0 or reports.lag > 0

    return caught_up

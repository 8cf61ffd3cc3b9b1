"""How fast we may speak: Slack's published rates as token buckets, and the pauses that a 429 asks for.

Updates share one bucket per workspace: what ends a run goes first, then errors, then progress, which is
dropped while tokens are low (a newer view comes anyway). Buckets live in this process: several bots together
may run into a 429, which is then honoured. It knows time only as it is told, and no messages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from bot.ports import Clock

Urgency = Literal["terminal", "error", "progress"]
POST, UPDATE = "chat.postMessage", "chat.update"
REPLIES, HISTORY = "conversations.replies", "conversations.history"


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls a second, and how many at once after a quiet time. `math.inf` switches a limit off."""

    posts: float = 1.0  # per channel
    post_burst: float = 4.0
    updates: float = 50 / 60  # per workspace
    update_burst: float = 25.0
    reads: float = 50 / 60  # per workspace and method
    read_burst: float = 10.0
    same_message: float = 1.0  # seconds between two updates of one message


NO_LIMITS = Rates(math.inf, math.inf, math.inf, math.inf, math.inf, math.inf, 0.25)

# The share of a full bucket that is kept for what matters more.
KEPT: dict[Urgency, float] = {"terminal": 0.0, "error": 0.1, "progress": 0.3}


@dataclass(slots=True)
class Bucket:
    rate: float
    size: float
    level: float
    at: float

    def _fill(self, now: float) -> None:
        if self.rate == math.inf:
            self.level = self.size
            return
        self.level = min(self.size, self.level + max(0.0, now - self.at) * self.rate)
        self.at = now

    def take(self, now: float, keep: float = 0.0) -> float:
        """0 when one was taken; otherwise in how many seconds to ask again, and nothing was taken."""
        self._fill(now)
        if self.level >= 1 + keep:
            self.level -= 1
            return 0.0
        return (1 + keep - self.level) / self.rate

    def reserve(self, now: float) -> float:
        """Takes one in any case, and says how long to wait for it: first come, first served."""
        self._fill(now)
        if self.rate == math.inf:
            return 0.0
        self.level -= 1
        return max(0.0, -self.level / self.rate)


@dataclass(slots=True)
class Pace:
    clock: Clock  # a steady one: it measures how much time passed
    rates: Rates = field(default_factory=Rates)
    _buckets: dict[tuple[str, ...], Bucket] = field(default_factory=dict)
    _until: dict[tuple[str, str], float] = field(default_factory=dict)
    _touched: dict[str, float] = field(default_factory=dict)

    def post(self, workspace: str, channel: str) -> float:
        """A place in the queue of this channel; in how many seconds it comes."""
        bucket = self._bucket((POST, workspace, channel), self.rates.posts, self.rates.post_burst)
        return bucket.reserve(self.clock())

    def update(self, workspace: str, urgency: Urgency) -> float:
        """0: go ahead. Otherwise ask again in so many seconds."""
        keep = KEPT[urgency] * self.rates.update_burst if self.rates.updates < math.inf else 0.0
        bucket = self._bucket((UPDATE, workspace), self.rates.updates, self.rates.update_burst)
        return self.paused(workspace, UPDATE) or bucket.take(self.clock(), keep)

    def read(self, workspace: str, method: str) -> float:
        bucket = self._bucket((method, workspace), self.rates.reads, self.rates.read_burst)
        return bucket.reserve(self.clock())

    def touched(self, message: str) -> None:
        """This message was just posted or changed."""
        now = self.clock()
        if len(self._touched) > 10_000:
            self._touched = {m: t for m, t in self._touched.items() if now - t < self.rates.same_message}
        self._touched[message] = now

    def apart(self, message: str) -> float:
        """Two changes of one message keep a distance: how long to wait for the next."""
        since = self.clock() - self._touched.get(message, -math.inf)
        return max(0.0, self.rates.same_message - since)

    def limited(self, workspace: str, method: str, seconds: float) -> None:
        """Slack said 429."""
        key = (workspace, method)
        self._until[key] = max(self._until.get(key, 0.0), self.clock() + seconds)

    def paused(self, workspace: str, method: str) -> float:
        left = self._until.get((workspace, method), 0.0) - self.clock()
        if left <= 0:
            self._until.pop((workspace, method), None)
            return 0.0
        return left

    def _bucket(self, key: tuple[str, ...], rate: float, size: float) -> Bucket:
        if key not in self._buckets:
            if len(self._buckets) > 10_000:  # a full bucket and none at all are the same
                now = self.clock()
                self._buckets = {
                    k: b for k, b in self._buckets.items() if b.level + (now - b.at) * b.rate < b.size
                }
            self._buckets[key] = Bucket(rate, size, size, self.clock())
        return self._buckets[key]

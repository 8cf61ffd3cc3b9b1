"""Rate limits: token buckets per method, and per channel for posting. Told the time, never looks at a clock.

[doc: apis/web-api/rate-limits] tiers 1-4 are 1+, 20+, 50+, 100+ calls a minute per method and workspace, with
bursts tolerated (tier 1 gets 20 here: apps restart often in tests); chat.postMessage is about one a second
per channel, "short bursts" allowed; tier 0 here stands for what has a special, generous limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from playground.errors import RateLimited
from playground.ids import Clock


@dataclass
class Bucket:
    level: float
    at: float


@dataclass
class Limits:
    """Numbers of calls a minute, by tier; `enabled=False` for load tests."""

    now: Clock
    enabled: bool = True
    per_minute: dict[int, float] = field(default_factory=lambda: {0: 600, 1: 20, 2: 20, 3: 50, 4: 100})
    post_per_second: float = 1.0
    # How long a burst Slack tolerates is not documented: 10 posts is a guess on the strict side.
    post_burst: float = 10.0
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def check(self, method: str, tier: int, channel: str) -> None:
        """Takes one call from the bucket, or raises RateLimited."""
        if not self.enabled:
            return
        if method == "chat.postMessage":
            self._take(f"post:{channel}", self.post_per_second, self.post_burst)
        else:
            a_minute = self.per_minute[tier]
            self._take(method, a_minute / 60, a_minute)

    def _take(self, key: str, rate: float, size: float) -> None:
        now = self.now()
        bucket = self._buckets.setdefault(key, Bucket(size, now))
        bucket.level = min(size, bucket.level + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.level < 1:
            raise RateLimited((1 - bucket.level) / rate)
        bucket.level -= 1

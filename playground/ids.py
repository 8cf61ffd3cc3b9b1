"""Ids and timestamps in Slack's shapes. Time and randomness come from outside, so a test can fix both."""

from __future__ import annotations

import random
import string
import time
import uuid
from collections.abc import Callable

Clock = Callable[[], float]

_ALPHABET = string.ascii_uppercase + string.digits


class Ids:
    """Makes ids; message timestamps are strictly increasing, because a `ts` is a message's identity."""

    def __init__(self, now: Clock = time.time, rng: random.Random | None = None) -> None:
        self.now = now
        self._rng = rng or random.SystemRandom()
        self._last_micros = 0

    def new(self, prefix: str, length: int = 10) -> str:
        return prefix + "".join(self._rng.choices(_ALPHABET, k=length))

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def secret(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    def ts(self, at: float | None = None) -> str:
        """A message timestamp: unique in the whole workspace, which is more than Slack promises."""
        micros = max(int((self.now() if at is None else at) * 1_000_000), self._last_micros + 1)
        self._last_micros = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def trigger(self, team_id: str) -> str:
        return f"{self._rng.randrange(10**12)}.{self._rng.randrange(10**12)}.{self.secret()}.{team_id}"

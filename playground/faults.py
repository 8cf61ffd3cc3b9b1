"""Trouble on demand: what the API, the events and the sockets shall do wrong, and for how long.

Rules are set here and consulted elsewhere; each is used up or runs out by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playground.ids import Clock


@dataclass
class ApiFault:
    """One rule about calls to a method (`*` is every method)."""

    what: str  # ratelimit | fail | refuse | slow | drop_reply | commit_late
    method: str
    times: float = float("inf")
    until: float = float("inf")
    seconds: float = 0.0
    status: int = 500
    error: str = ""


@dataclass(frozen=True)
class EventFault:
    what: str  # repeat | swap | lose_first
    copies: int = 1
    type: str = "*"


class Faults:
    def __init__(self, now: Clock) -> None:
        self._now = now
        self._api: list[ApiFault] = []
        self._events: deque[EventFault] = deque()
        self.refused_blocks: set[str] = set()

    # -- what a test sets

    def ratelimit(self, seconds: float, method: str = "*") -> None:
        """429 with Retry-After until `seconds` have passed."""
        self._api.append(ApiFault("ratelimit", method, until=self._now() + seconds, seconds=seconds))

    def fail(self, times: int = 1, method: str = "*", status: int = 500) -> None:
        """An HTTP error, and nothing done."""
        self._api.append(ApiFault("fail", method, times=times, status=status))

    def refuse(self, error: str, method: str = "*", times: float = float("inf")) -> None:
        """`{"ok": false, "error": …}`, and nothing done."""
        self._api.append(ApiFault("refuse", method, times=times, error=error))

    def slow(self, seconds: float, method: str = "*", times: int = 1) -> None:
        """The answer takes its time."""
        self._api.append(ApiFault("slow", method, times=times, seconds=seconds))

    def drop_reply(self, times: int = 1, method: str = "chat.postMessage") -> None:
        """Done, but the connection goes before the answer: the caller can't know."""
        self._api.append(ApiFault("drop_reply", method, times=times))

    def commit_late(self, seconds: float, times: int = 1, method: str = "chat.postMessage") -> None:
        """The connection goes now; it is done `seconds` later."""
        self._api.append(ApiFault("commit_late", method, times=times, seconds=seconds))

    def repeat_event(self, copies: int = 2, times: int = 1, type: str = "*") -> None:
        """The next events come `copies` times at once, the later ones marked as retries."""
        self._events.extend([EventFault("repeat", copies, type)] * times)

    def swap_events(self, times: int = 1, type: str = "*") -> None:
        """The next event waits until the one after it has gone out."""
        self._events.extend([EventFault("swap", type=type)] * times)

    def lose_first_delivery(self, times: int = 1, type: str = "*") -> None:
        """The next events' first delivery never arrives; the retry does."""
        self._events.extend([EventFault("lose_first", type=type)] * times)

    def refuse_blocks(self, *types: str) -> None:
        """Blocks of these types are refused as `invalid_blocks`, as in a workspace without the feature."""
        self.refused_blocks |= set(types)

    def clear(self) -> None:
        self._api.clear()
        self._events.clear()
        self.refused_blocks.clear()

    # -- what the server asks

    def on_call(self, method: str) -> ApiFault | None:
        self._api = [f for f in self._api if f.times > 0 and f.until > self._now()]
        for fault in self._api:
            if fault.method in ("*", method):
                fault.times -= 1
                return fault
        return None

    def left(self, fault: ApiFault) -> float:
        return max(0.0, fault.until - self._now())

    def next_event(self, event_type: str) -> EventFault | None:
        if self._events and self._events[0].type in ("*", event_type):
            return self._events.popleft()
        return None

    @contextmanager
    def during(self) -> Iterator[Faults]:
        """Trouble inside the `with`, none after it."""
        try:
            yield self
        finally:
            self.clear()

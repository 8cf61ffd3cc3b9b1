"""Gets events to the app as Slack does: until acknowledged, at most three retries, pending ones remembered.

[doc: apis/events-api#error-handling] no 200 within 3 s is a failure; retries come at once, after a minute,
after five. While no socket is connected, nothing is tried, so nothing counts as an attempt: an app that
comes back finds what it never acknowledged. Interactive payloads and commands are tried once.
It knows neither sockets nor HTTP: that is the transport's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from playground.errors import NotAcked
from playground.faults import EventFault, Faults
from playground.ids import Ids
from playground.state import Json, State

log = logging.getLogger("playground.delivery")


@dataclass(frozen=True)
class Retries:
    """Tests shorten these; the defaults are Slack's [doc]."""

    ack_timeout: float = 3.0
    delays: tuple[float, ...] = (0.0, 60.0, 300.0)


@dataclass(frozen=True)
class Parcel:
    """One payload on its way. `kind` is the socket's envelope type."""

    kind: str  # events_api | interactive | slash_commands
    payload: Json
    envelope_id: str
    attempt: int = 0
    reason: str = ""


class Transport(Protocol):
    async def ready(self) -> None:
        """Returns when there is somebody to send to."""

    async def send(self, parcel: Parcel, timeout: float) -> Json:
        """Returns the app's answer ({} when it had none); raises NotAcked."""


class Delivery:
    def __init__(
        self, state: State, ids: Ids, faults: Faults, retries: Retries, transport: Transport
    ) -> None:
        self._state = state
        self._ids = ids
        self._faults = faults
        self._retries = retries
        self._transport = transport
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: Json | None = None
        self.log: deque[Json] = deque(maxlen=5_000)

    def resume(self) -> None:
        """After a restart: everything that was never acknowledged, in its order."""
        for row in self._state.deliveries:
            self._spawn(self._deliver(row, None))

    def offer(self, payload: Json) -> None:
        """An event for the app; returns at once."""
        row = {"event_id": payload["event_id"], "payload": payload, "attempt": 0, "reason": "", "at": 0.0}
        self._state.deliveries.put(row["event_id"], row)
        fault = self._faults.next_event(payload["event"]["type"])
        held, self._held = self._held, None
        if fault is not None and fault.what == "swap" and held is None:
            self._held = row
            self._spawn(self._release(row))
            return
        self._spawn(self._deliver(row, fault))
        if held is not None:
            self._spawn(self._deliver(held, None, wait=0.05))

    async def ask(self, kind: str, payload: Json) -> Json:
        """A click, a command, a form: one try, and its answer."""
        parcel = Parcel(kind, payload, self._ids.uuid())
        try:
            await asyncio.wait_for(self._transport.ready(), self._retries.ack_timeout)
        except TimeoutError:
            raise NotAcked("not_connected") from None
        return await self._transport.send(parcel, self._retries.ack_timeout)

    @property
    def pending(self) -> int:
        return len(self._state.deliveries)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _release(self, row: Json) -> None:
        """An event held back to come second goes out anyway when no second one follows."""
        await asyncio.sleep(1.0)
        if self._held is row:
            self._held = None
            await self._deliver(row, None)

    async def _deliver(self, row: Json, fault: EventFault | None, wait: float = 0.0) -> None:
        await asyncio.sleep(wait)
        if fault is not None and fault.what == "lose_first":
            await asyncio.sleep(self._retries.ack_timeout)
            if not self._failed(row, "timeout"):
                return
        copies = fault.copies if fault is not None and fault.what == "repeat" else 1
        while True:
            await asyncio.sleep(max(0.0, row["at"] - self._ids.now()))
            await self._transport.ready()
            attempt = row["attempt"]
            sends = [self._send(row, attempt + n) for n in range(copies)]
            results = await asyncio.gather(*sends, return_exceptions=True)
            copies = 1
            lost = next((r for r in results if isinstance(r, NotAcked)), None)
            odd = next((r for r in results if isinstance(r, Exception) and not isinstance(r, NotAcked)), None)
            if odd is not None:
                log.error("delivery of %s broke", row["event_id"], exc_info=odd)
            if any(not isinstance(r, BaseException) for r in results):
                self._state.deliveries.drop(row["event_id"])
                return
            if not self._failed(row, lost.reason if lost else "unknown_error"):
                return

    async def _send(self, row: Json, attempt: int) -> Json:
        parcel = Parcel("events_api", row["payload"], self._ids.uuid(), attempt, row["reason"])
        self.log.append(
            {"event_id": row["event_id"], "type": row["payload"]["event"]["type"], "attempt": attempt}
        )
        return await self._transport.send(parcel, self._retries.ack_timeout)

    def _failed(self, row: Json, reason: str) -> bool:
        """Notes a failed attempt; False when it was the last."""
        if reason == "no_retry" or row["attempt"] >= len(self._retries.delays):
            self._state.deliveries.drop(row["event_id"])
            log.warning("event %s was never acknowledged, and is given up", row["event_id"])
            return False
        row["at"] = self._ids.now() + self._retries.delays[row["attempt"]]
        row["attempt"] += 1
        row["reason"] = reason
        self._state.deliveries.put(row["event_id"], row)
        return True

"""What is so now, looked up when somebody asks: the database's open work, the broker's queues, the sockets.

The numbers out of the database are the same in every bot: take their maximum, never their sum. One that
cannot be had now is left out, rather than shown as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from prometheus_client import Gauge

from bot.health import Age
from bot.ports import Clock, StoreDown
from bot.store.counts import Counts
from workers.kit.metrics import Book

log = structlog.get_logger(__name__)

SECONDS = 2.0  # for each of the two; Prometheus waits for ten


class Broker(Protocol):
    @property
    def lag(self) -> float: ...

    async def pending(self) -> Mapping[str, int]: ...


class Gauges:
    def __init__(
        self,
        book: Book,
        counts: Callable[[], Awaitable[Counts]],
        clock: Clock,
        *,
        broker: Broker | None = None,
        socket_age: Age = lambda: None,
    ) -> None:
        """`broker`: None where all is in one process. `socket_age`: seconds since Slack's sockets last gave a
        sign; None where there are none."""
        self._book, self._counts, self._clock = book, counts, clock
        self._broker, self._socket_age = broker, socket_age
        self._database_up = book.gauge("delegate_database_up", "1: the database answers this bot")
        self._open = book.gauge(
            "delegate_runs_open",
            "Runs that are not over: working, or queued behind another in their thread",
            "status",
        )
        self._out = book.gauge("delegate_steps_out", "Steps that are with a worker", "worker")
        self._line = book.gauge(
            "delegate_steps_in_line", "Steps that wait for a place with their worker", "worker"
        )
        self._line_age = book.gauge(
            "delegate_line_oldest_seconds", "How long ago the oldest request was made of which a step waits"
        )
        self._inbox = book.gauge("delegate_inbox_events", "Events acknowledged and not handled yet")
        self._inbox_age = book.gauge("delegate_inbox_oldest_seconds", "The age of the oldest of these")
        self._broker_up = book.gauge("delegate_broker_up", "1: RabbitMQ answers this bot")
        self._lag = book.gauge(
            "delegate_report_lag_seconds", "How long ago the oldest report was sent that is being handled"
        )
        self._queued = book.gauge(
            "delegate_queue_messages", "Messages that wait in RabbitMQ; in bot.dead for an operator", "queue"
        )
        self._socket = book.gauge(
            "delegate_socket_age_seconds", "Since Slack's sockets last gave a sign (Socket Mode)"
        )
        self._names: dict[Gauge, set[str]] = {}

    async def page(self) -> bytes:
        """All metrics of this process, as Prometheus reads them. Never raises."""
        await asyncio.gather(self._read_database(), self._read_broker())
        age = self._socket_age()
        self._socket.set(float("nan") if age is None else age)
        return self._book.page()

    async def _read_database(self) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                now = await self._counts()
        except (StoreDown, TimeoutError):
            self._database_up.set(0)
            for gauge in (self._open, self._out, self._line):
                self._fill(gauge, {}, float("nan"))
            for gauge in (self._line_age, self._inbox, self._inbox_age):
                gauge.set(float("nan"))
            return
        self._database_up.set(1)
        self._fill(self._open, {"working": now.working, "queued": now.queued})
        self._fill(self._out, now.out_by_worker)
        self._fill(self._line, now.line_by_worker)
        self._line_age.set(self._since(now.oldest_in_line))
        self._inbox.set(now.inbox)
        self._inbox_age.set(self._since(now.oldest))

    async def _read_broker(self) -> None:
        if self._broker is None:
            self._broker_up.set(float("nan"))
            return
        self._lag.set(self._broker.lag)
        try:
            async with asyncio.timeout(SECONDS):
                pending = await self._broker.pending()
        except Exception as error:  # whatever its client raises while it is away
            log.info("the broker's queues could not be looked at", error=type(error).__name__)
            self._broker_up.set(0)
            self._fill(self._queued, {}, float("nan"))
            return
        self._broker_up.set(1)
        self._fill(self._queued, pending)

    def _fill(self, gauge: Gauge, values: Mapping[str, float], otherwise: float = 0.0) -> None:
        """What was there before and is not any more becomes `otherwise`: a series that ends looks like one
        whose value stays."""
        names = self._names.setdefault(gauge, set())
        names.update(values)
        for name in names:
            gauge.labels(name).set(values.get(name, otherwise))

    def _since(self, at: float | None) -> float:
        return 0.0 if at is None else max(0.0, self._clock() - at)

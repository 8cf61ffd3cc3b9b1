"""A task on its way out: its files fetched, its lease kept meanwhile, sent until the broker has it.

Whatever fails here is found again: an attempt that was never sent is one whose lease runs out. It does not
know which steps are to go out (`bot/decide.py`), nor what carries them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot import traces
from bot.briefing import Briefing, address
from bot.ports import Clock, RunStore, Transport
from bot.run import Event, Run, StepState
from workers import WorkerError
from workers.kit import wire
from workers.kit.broker.down import TransportDown
from workers.kit.crashpoints import Crash, no_crash
from workers.kit.ending import what
from workers.kit.tracing import UNTRACED, Tracing

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0  # until a task that the broker did not take is sent again

Handle = Callable[[str, str, Event], Awaitable[object]]


class Sending:
    def __init__(
        self,
        store: RunStore,
        transport: Transport,
        briefing: Briefing,
        handle: Handle,
        *,
        clock: Clock,
        lease_seconds: float = 0.0,
        crash: Crash = no_crash,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._store, self._transport, self._briefing, self._handle = store, transport, briefing, handle
        self._clock, self._lease_seconds, self._crash, self._tracing = clock, lease_seconds, crash, tracing
        self._refused = False
        self.closing = False

    async def send(self, run: Run, state: StepState) -> None:
        """Returns when it is sent, or nobody wants it any more."""
        at = address(run, state)
        preparing = asyncio.ensure_future(self._briefing.task(run, state))
        try:
            slow = False
            while not (await asyncio.wait({preparing}, timeout=self._lease_seconds / 4 or None))[0]:
                slow = True
                await self._store.renew(wire.Address(**at))
            message = preparing.result()
        except WorkerError as error:
            await self._handle(run.workspace, run.id, wire.Failed(**at, error=str(error)))
            return
        finally:
            preparing.cancel()
        if (slow or state.kind == "work") and not await self._is_current(run, state):
            return  # stopped, or sent again, while its files were fetched
        self._crash("K9")
        try:
            while not await self._taken(message):
                await asyncio.sleep(AGAIN_SECONDS)
                if self.closing or not await self._is_current(run, state, fresh=True):
                    return
        except Exception as error:  # sending it again would fail again
            log.error("a task cannot be sent", run=run.id, step=state.id, **what(error))
            await self._handle(run.workspace, run.id, wire.Failed(**at, error=_sentence(error)))
            return
        self._crash("K10")

    async def _taken(self, message: wire.TaskMessage) -> bool:
        """False: the broker is away, which is said once for all tasks."""
        with traces.sending(self._tracing, message) as span:
            sent = {"trace": span.traceparent, "sent_at": self._clock()}
            try:
                await self._transport.send(message.model_copy(update=sent))
            except TransportDown as error:
                if not self._refused:
                    log.warning("tasks are not taken; trying again", error=str(error))
                self._refused = True
                return False
        if self._refused:
            log.info("tasks are taken again")
        self._refused = False
        return True

    async def _is_current(self, run: Run, state: StepState, *, fresh: bool = False) -> bool:
        now = await self._store.load(run.workspace, run.id, fresh=fresh)
        there = now.find(state.id) if now else None
        return there is not None and there.status == "out" and there.attempt == state.attempt


def _sentence(error: Exception) -> str:
    if isinstance(error, WorkerError):
        return str(error)
    return f"This could not be handed to its worker ({type(error).__name__})."

"""Runs tasks and reports what became of them: whatever a worker does, one report comes back, in time.

A worker that raises, hangs, answers a gigabyte or calls `exit` costs its own step and nothing else. What it
can not do is block the event loop: CPU-bound work belongs in a thread (`asyncio.to_thread`) or, if it may
crash or never end, in a child process; a loop that is blocked sends no heartbeats, and its leases run out.

Heartbeats begin on receipt, not at the start, so that a task which waits for a place is not taken for lost;
where there are other processes it is handed back after two of them, for one may be idle. `Started` is
reported before a worker runs: an attempt whose start nobody heard of can be repeated without asking.

A task is acknowledged when it starts. A process that is lost before costs nothing: the broker hands the
message to the next. From then on its lease is the one owner of lost work: who lost its connection may still
be at it, so a second delivery must never begin it again. Where beginning twice would do harm (effects
outside, or a task that two processes were lost over) the bot is asked first, and waited for.

Not known here: plans, databases, Slack, which queue a task came from.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from workers import Result, Worker, WorkerError
from workers.kit.attempt import Attempt, Send
from workers.kit.crashpoints import Crash, no_crash
from workers.kit.ending import ending, fit, too_late
from workers.kit.far_files import FarFiles
from workers.kit.files import FileStore
from workers.kit.held import Ack, Held, nothing
from workers.kit.model import Model
from workers.kit.places import NoPlace, Places
from workers.kit.watching import UNSEEN, Watching
from workers.kit.wire import MODEL, Beat, Go, Released, Report, Started, TaskMessage, address_of

log = structlog.get_logger(__name__)
Key = tuple[str, str, str, int]
REMEMBERED = 4096  # attempts that are done here; a message that comes twice is not paid twice
BEATS_WAITED = 2  # for a place, where there are other processes: one of them may be idle
PATIENCE = 1.0  # seconds for a worker to leave when it is told to; then it is left behind


class Service:
    """`holder` names this process; with `reply_to`, its control queue, the bot's answers come to `went`.
    `far_files` is for one that may share no folder with the bot."""

    def __init__(
        self,
        workers: Mapping[str, Worker],
        model_for: Callable[[TaskMessage], Model],
        report: Send,
        files: FileStore,
        *,
        holder: str = "",
        reply_to: str = "",
        far_files: FarFiles | None = None,
        clock: Callable[[], float] = time.time,
        concurrency: int = 64,
        beat_seconds: float = 5.0,
        say_seconds: float = 1.0,
        asks: int = 20,
        result_bytes: int = 1_000_000,
        crash: Crash = no_crash,
        watching: Watching = UNSEEN,
    ) -> None:
        self._workers, self._model_for, self._report, self._files = workers, model_for, report, files
        self._clock, self._beat_seconds, self._say_seconds = clock, beat_seconds, say_seconds
        self._asks, self._result_bytes, self._crash = asks, result_bytes, crash
        self._holder, self._reply_to, self._far_files, self._watching = holder, reply_to, far_files, watching
        self._places, self._patience = Places(concurrency), BEATS_WAITED * beat_seconds if reply_to else None
        self._held: dict[Key, Held] = {}
        self._done: dict[Key, None] = {}
        self.idle = asyncio.Event()  # nothing is here
        self.idle.set()
        self._draining = False
        self._background: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks weakly
        self._ticker: asyncio.Task[None] | None = None

    @property
    def workers(self) -> Mapping[str, Worker]:
        return self._workers

    @property
    def busy(self) -> int:
        """How many tasks are here, running or waiting for a place."""
        return len(self._held)

    async def run(self, task: TaskMessage, ack: Ack = nothing) -> None:
        """Never raises. An attempt that is here already, or was done here, is ignored. While draining nothing
        is taken, nor acknowledged: whoever brought it takes it elsewhere."""
        key = (task.workspace, task.run, task.step, task.attempt)
        if self._draining:
            return
        if here := self._held.get(key):
            await here.again(ack)
            return
        if key in self._done:
            with suppress(Exception):  # it comes once more then
                await ack()
            return
        self._crash("K11")  # received, unleased
        attempt = Attempt(
            task, self._model_for, self._report, self._files, asks=self._asks, say_seconds=self._say_seconds
        )
        held = self._held[key] = Held(task, attempt, [ack], self._watching.came(task))
        self.idle.clear()
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick())
        try:
            if outcome := await self._outcome(held):
                held.seen.outcome = outcome.kind
                self._crash("K12")  # work done, result unsent
                await self._report(outcome)
                self._remember(key)
        except NoPlace:
            await self._hand_back([held])
        except Exception as error:  # the lease runs out, and the step is handed out again
            log.error("a report was lost", step=task.step, run=task.run, error=type(error).__name__)
        finally:
            if held.body is not None and not held.body.done():
                self._keep(held.body).cancel()
            attempt.close()
            held.seen.over()
            del self._held[key]
            if not self._held:
                self.idle.set()

    def went(self, go: Go) -> None:
        """The bot's answer to a `Started` that asked. One that nobody waits for is harmless."""
        if held := self._held.get((go.workspace, go.run, go.step, go.attempt)):
            held.granted = go.granted
            held.answered.set()

    def cancel(self, workspace: str, run_id: str) -> int:
        """Nobody waits for this run: its tasks end without a report. Says how many there were."""
        held = [h for k, h in self._held.items() if k[:2] == (workspace, run_id)]
        for h in held:
            h.drop()
        return len(held)

    async def drain(self, seconds: float) -> None:
        """For SIGTERM: takes nothing new, hands back what waits for a place, gives the rest this long and
        then hands that back too, so that another process takes it at once and counts no loss."""
        self._draining = True
        await self._hand_back([h for h in self._held.values() if not h.started])
        try:
            await asyncio.wait_for(self.idle.wait(), seconds)
        except TimeoutError:
            for last in (self._hand_back(list(self._held.values())), self.idle.wait()):  # or nobody takes it
                await asyncio.wait([self._keep(last)], timeout=PATIENCE + 0.5)
        if self._ticker is not None:
            self._ticker.cancel()

    async def _hand_back(self, held: list[Held]) -> None:
        await asyncio.gather(*map(self._release, held), return_exceptions=True)

    async def _release(self, held: Held) -> None:
        """Whose report fails, its lease runs out. What went back to the broker needs no word from us."""
        held.drop()
        if held.started or await held.acknowledge():
            held.seen.outcome = "handed_back"
            log.info("a task is handed back", step=held.task.step, run=held.task.run)
            address, begun = address_of(held.task), held.body is not None
            await self._report(Released(**address, holder=self._holder, begun=begun))

    async def _outcome(self, held: Held) -> Report | None:
        """What to report in the end; None when nobody waits for it."""
        task = held.task
        async with self._places.place(alone=task.alone, seconds=None if task.alone else self._patience):
            held.started = not held.gone
            if not await held.acknowledge() or held.gone or not await self._may_begin(held):
                return None
            held.body = asyncio.create_task(held.seen.body(lambda: self._body(held), held.attempt))
            await asyncio.wait({held.body}, timeout=task.seconds)
            late = not held.body.done()
            if late or held.gone:
                held.body.cancel()
                await asyncio.wait({held.body}, timeout=PATIENCE)
        held.attempt.close()
        if held.gone:
            return None
        usage = held.attempt.usage
        return too_late(task, usage) if late else ending(held.body, task, usage)

    async def _may_begin(self, held: Held) -> bool:
        """Says that it begins. Where it must be let, asks until there is an answer: bots may be away. One
        that gets none is handed back, for it has not begun."""
        task, address = held.task, address_of(held.task)
        if not (self._reply_to and (task.external or task.alone)):
            heard = await self._report(Started(**address, holder=self._holder))
            return heard is not False and not held.gone
        asking = Started(**address, holder=self._holder, reply_to=self._reply_to)
        try:
            async with asyncio.timeout(task.seconds):
                while not held.answered.is_set():
                    await self._report(asking)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(held.answered.wait(), self._beat_seconds)
        except TimeoutError:
            await self._release(held)
        return held.granted and not held.gone

    async def _body(self, held: Held) -> Result:
        task, attempt, deadline = held.task, held.attempt, self._clock() + held.task.seconds
        try:
            if task.worker == MODEL and (call := task.call) is not None:
                if task.step == "~plan":
                    self._crash("K4")
                text = await attempt.complete(call.messages, call.response_schema, call.max_tokens)
                return fit(text, task, self._result_bytes)
            if (worker := self._workers.get(task.worker)) is None:
                raise WorkerError(f"There is no worker named {task.worker} here.")
            if self._far_files:
                await self._far_files.fetch(task)
            result = fit(await worker.run(attempt.for_worker(deadline)), task, self._result_bytes)
            if self._far_files:
                await self._far_files.keep(task, result)
            return result
        except (SystemExit, KeyboardInterrupt) as error:  # asyncio would end the whole process with it
            raise RuntimeError(type(error).__name__) from error

    def _remember(self, key: Key) -> None:
        self._done[key] = None
        if len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]

    async def _tick(self) -> None:
        while self._held:
            await asyncio.sleep(self._beat_seconds)
            for held in self._held.values():
                if not held.beating and not held.gone:
                    held.beating = True
                    self._keep(self._beat(held))

    async def _beat(self, held: Held) -> None:
        try:
            await self._report(Beat(**address_of(held.task)))
        except Exception as error:  # the next one may pass
            log.warning("a heartbeat was lost", error=type(error).__name__)
        finally:
            held.beating = False

    def _keep(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

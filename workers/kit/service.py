"""Runs tasks and reports what became of them: whatever a worker does, one report comes back, in time.

A worker that raises, hangs, answers a gigabyte or calls `exit` costs its own step and nothing else. What it
can not do is block the event loop: CPU-bound work belongs in a thread (`asyncio.to_thread`) or, if it may
crash or never end, in a child process; a loop that is blocked sends no heartbeats, and its leases run out.

Heartbeats begin on receipt, not at the start, so that a task which waits for a slot is not handed to
somebody else as lost. `Started` is reported before a worker runs: an attempt whose start nobody heard of can
be repeated without asking. Not known here: plans, databases, Slack, which queue a task came from.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from workers import Question, Result, Worker, WorkerError
from workers.kit.attempt import Attempt, Send
from workers.kit.files import FileStore
from workers.kit.model import Model, ModelError
from workers.kit.wire import MODEL, Asked, Beat, Failed, Finished, Released, Report, Started, TaskMessage

log = structlog.get_logger(__name__)
Key = tuple[str, str, str, int]
REMEMBERED = 4096  # attempts that are done here; a message that comes twice is not paid twice
PATIENCE = 1.0  # seconds for a worker to leave when it is told to; then it is left behind


@dataclass(slots=True, eq=False)
class Held:
    """A task this process answers for."""

    task: TaskMessage
    attempt: Attempt
    body: asyncio.Task[Result | str] | None = None
    started: bool = False  # it has a slot, and the bot may have heard so
    gone: bool = False  # nobody waits for it any more
    beating: bool = False


class Service:
    def __init__(
        self,
        workers: Mapping[str, Worker],
        model_for: Callable[[TaskMessage], Model],
        report: Send,
        files: FileStore,
        *,
        clock: Callable[[], float] = time.time,
        concurrency: int = 64,
        beat_seconds: float = 5.0,
        say_seconds: float = 1.0,
        asks: int = 20,
        result_bytes: int = 1_000_000,
        crash: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._workers, self._model_for, self._report, self._files = workers, model_for, report, files
        self._clock, self._beat_seconds, self._say_seconds = clock, beat_seconds, say_seconds
        self._asks, self._result_bytes, self._crash = asks, result_bytes, crash
        self._slots = asyncio.Semaphore(concurrency)
        self._held: dict[Key, Held] = {}
        self._done: dict[Key, None] = {}
        self.idle = asyncio.Event()  # nothing is here
        self.idle.set()
        self._draining = False
        self._background: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks weakly
        self._ticker: asyncio.Task[None] | None = None

    @property
    def busy(self) -> int:
        """How many tasks are here, running or waiting for a slot."""
        return len(self._held)

    async def run(self, task: TaskMessage) -> None:
        """Never raises. An attempt that is here already, or was done here, is ignored."""
        key = (task.workspace, task.run, task.step, task.attempt)
        if self._draining or key in self._held or key in self._done:
            return
        attempt = Attempt(
            task, self._model_for, self._report, self._files, asks=self._asks, say_seconds=self._say_seconds
        )
        held = self._held[key] = Held(task, attempt)
        self.idle.clear()
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick())
        try:
            if outcome := await self._outcome(held):
                self._crash("K12")  # work done, result unsent
                await self._report(outcome)
                self._remember(key)
        except Exception as error:  # the lease runs out, and the step is handed out again
            log.error("a report was lost", step=task.step, run=task.run, error=type(error).__name__)
        finally:
            if held.body is not None and not held.body.done():
                self._keep(held.body).cancel()
            attempt.close()
            del self._held[key]
            if not self._held:
                self.idle.set()

    def cancel(self, workspace: str, run_id: str) -> int:
        """Nobody waits for this run: its tasks end without a report. Says how many there were."""
        return self._drop([h for k, h in self._held.items() if k[:2] == (workspace, run_id)])

    async def drain(self, seconds: float) -> None:
        """For SIGTERM: takes nothing new, hands back what waits for a slot, gives the rest this long and then
        hands that back too, so that another process takes it at once and counts no loss."""
        self._draining = True
        await self._hand_back([h for h in self._held.values() if not h.started])
        try:
            await asyncio.wait_for(self.idle.wait(), seconds)
        except TimeoutError:
            await self._hand_back(list(self._held.values()))
            await asyncio.wait([self._keep(self.idle.wait())], timeout=PATIENCE + 0.5)
        if self._ticker is not None:
            self._ticker.cancel()

    async def _hand_back(self, held: list[Held]) -> None:
        self._drop(held)
        for h in held:
            log.info("a task is handed back", step=h.task.step, run=h.task.run)
        released = (self._report(Released(**_address(h.task))) for h in held)
        await asyncio.gather(*released, return_exceptions=True)  # one that fails: its lease runs out

    def _drop(self, held: list[Held]) -> int:
        for h in held:
            h.gone = True
            if h.body is not None:
                h.body.cancel()
        return len(held)

    async def _outcome(self, held: Held) -> Report | None:
        """What to report in the end; None when nobody waits for it."""
        task, address = held.task, _address(held.task)
        async with self._slots:
            if held.gone:
                return None
            held.started = True
            await self._report(Started(**address))
            if held.gone:
                return None
            held.body = asyncio.create_task(self._body(held))
            await asyncio.wait({held.body}, timeout=task.seconds)
            late = not held.body.done()
            if late or held.gone:
                held.body.cancel()
                await asyncio.wait({held.body}, timeout=PATIENCE)
        held.attempt.close()
        if held.gone:
            return None
        usage = held.attempt.usage
        if late:
            sentence = f"The {task.worker} took longer than {task.seconds} seconds, so I stopped it."
            return Failed(**address, error=sentence, model_down=False, usage=usage)
        error = _plain(asyncio.CancelledError() if held.body.cancelled() else held.body.exception())
        if isinstance(error, Question):
            return Asked(**address, question=error.text, options=error.options, usage=usage)
        if error is None:
            try:
                return Finished(**address, result=self._result(held.body.result(), task), usage=usage)
            except Exception as unfit:
                error = unfit
        down = isinstance(error, ModelError) and error.down
        return Failed(**address, error=_sentence(error, task), model_down=down, usage=usage)

    async def _body(self, held: Held) -> Result | str:
        task, attempt = held.task, held.attempt
        try:
            if task.worker == MODEL and task.call is not None:
                if task.step == "~plan":
                    self._crash("K4")
                return Result(
                    text=await attempt.complete(
                        task.call.messages, task.call.response_schema, task.call.max_tokens
                    )
                )
            if (worker := self._workers.get(task.worker)) is None:
                raise WorkerError(f"There is no worker named {task.worker} here.")
            return await worker.run(attempt.for_worker(self._clock() + task.seconds))
        except (SystemExit, KeyboardInterrupt) as error:  # asyncio would end the whole process with it
            raise RuntimeError(type(error).__name__) from error

    def _result(self, value: object, task: TaskMessage) -> Result:
        """The worker's result if it can be passed on. Raises `WorkerError`, and whatever JSON does."""
        result = Result(text=value) if isinstance(value, str) else value
        if not isinstance(result, Result):
            raise WorkerError(f"The {task.worker} came back with something that is no result.")
        if not (result.text.strip() or result.files or result.table):
            raise WorkerError(f"The {task.worker} came back with nothing.")
        if len(result.text) > self._result_bytes or len(result.model_dump_json()) > self._result_bytes:
            raise WorkerError(f"The {task.worker}'s result is too large to pass on.")
        return result

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
            await self._report(Beat(**_address(held.task)))
        except Exception as error:  # the next one may pass
            log.warning("a heartbeat was lost", error=type(error).__name__)
        finally:
            held.beating = False

    def _keep(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _address(task: TaskMessage) -> dict[str, Any]:
    return {"workspace": task.workspace, "run": task.run, "step": task.step, "attempt": task.attempt}


def _plain(error: BaseException | None) -> BaseException | None:
    """Out of a group (a worker's `TaskGroup`): what was meant for people, if anything was."""
    if isinstance(error, BaseExceptionGroup):
        meant: BaseException | None = error.subgroup((WorkerError, Question))
        while isinstance(meant, BaseExceptionGroup):
            meant = meant.exceptions[0]
        return meant or error
    return error


def _sentence(error: BaseException, task: TaskMessage) -> str:
    if isinstance(error, WorkerError):
        return str(error) or f"The {task.worker} gave up."
    log.error("a worker failed", worker=task.worker, run=task.run, **what(error))
    if isinstance(error, MemoryError):
        return f"The {task.worker} needed more memory than there is."
    return f"The {task.worker} stopped at an error of its own ({type(error).__name__})."


def what(error: BaseException) -> dict[str, str]:
    """An error for the log: its type and the place, never its text, which may quote what people wrote."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return {"error": type(error).__name__, "where": ", ".join(f"{f.filename}:{f.lineno}" for f in last)}

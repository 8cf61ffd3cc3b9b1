"""What is seen of a service's tasks and model calls: counted, and as spans in their runs' traces.

One object for both, handed to the service and to its models; the one that nobody reads does nothing. Not
known here: how numbers and spans are kept, and what a task is about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from workers import Question, Result, WorkerError
from workers.kit.metrics import UNMETERED, Meter
from workers.kit.tracing import UNTRACED, Span, Tracing, traceparent
from workers.kit.trouble import Trouble
from workers.kit.wire import TaskMessage, Usage

Clock = Callable[[], float]


@dataclass(slots=True)
class Call:
    """One call of a model, while it is on its way."""

    usage: Usage


class Spending(Protocol):
    @property
    def usage(self) -> Usage: ...


class Watching:
    """`clock` is the time of day, `steady` measures how much time passed."""

    def __init__(
        self,
        meter: Meter = UNMETERED,
        tracing: Tracing = UNTRACED,
        *,
        clock: Clock = time.time,
        steady: Clock = time.monotonic,
    ) -> None:
        self._meter, self._tracing, self._clock, self._steady = meter, tracing, clock, steady

    def came(self, task: TaskMessage) -> Seen:
        self._meter.waits(task.worker)
        return Seen(task, self._meter, self._tracing, clock=self._clock, steady=self._steady)

    @contextmanager
    def call(self, model: str) -> Iterator[Call]:
        """Around one call. It belongs to the task that makes it."""
        began, call, outcome = self._steady(), Call(Usage(calls=1)), "ok"
        with self._tracing.span(
            f"model {model}", role="client", attributes={"gen_ai.request.model": model}
        ) as span:
            try:
                yield call
            except BaseException as error:
                outcome = _outcome(error)
                raise
            finally:
                spent(span, call.usage)
                if outcome:
                    self._meter.called(model, outcome, self._steady() - began, call.usage)


class Seen:
    """One task, from its arrival until it is over."""

    def __init__(
        self, task: TaskMessage, meter: Meter, tracing: Tracing, *, clock: Clock, steady: Clock
    ) -> None:
        self._task, self._meter, self._tracing = task, meter, tracing
        self._clock, self._steady = clock, steady
        self._began: float | None = None
        self.outcome = "dropped"

    async def body(self, work: Callable[[], Awaitable[Result]], attempt: Spending) -> Result:
        """The work itself, from its start."""
        task, now = self._task, self._clock()
        parent = task.trace or traceparent(task.workspace, task.run, task.step, task.attempt)
        about = {"delegate.run": task.run, "delegate.step": task.step, "delegate.worker": task.worker}
        self._began = self._steady()
        self._meter.begins(task.worker, max(0.0, now - task.sent_at) if task.sent_at else 0.0)
        with self._tracing.span("queue", parent=parent, began=task.sent_at or now, attributes=about):
            pass
        with self._tracing.span(
            f"run {task.worker}", parent=parent, role="consumer", attributes=about
        ) as span:
            try:
                return await work()
            except Question as question:  # no failure
                asked = question
            finally:
                spent(span, attempt.usage)
        raise asked

    def over(self) -> None:
        """Whatever became of it."""
        seconds = None if self._began is None else self._steady() - self._began
        late = self.outcome == "failed" and seconds is not None and seconds >= self._task.seconds
        self._meter.ended(self._task.worker, "late" if late else self.outcome, seconds)


def spent(span: Span, usage: Usage) -> None:
    span.note(
        {
            "gen_ai.usage.input_tokens": usage.tokens_in,
            "gen_ai.usage.output_tokens": usage.tokens_out,
            "delegate.cost": usage.cost,
        }
    )


def _outcome(error: BaseException) -> str:
    """Empty: no call was made."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, Trouble):
        return "unusable"
    if isinstance(error, WorkerError):
        return ""
    if getattr(error, "status_code", 0) == 429:
        return "limited"
    late = isinstance(error, TimeoutError) or type(error).__name__ == "Timeout"
    return "timeout" if late else "error"


UNSEEN = Watching()

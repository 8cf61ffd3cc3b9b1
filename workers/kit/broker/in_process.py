"""The transport within one process: taskiq's broker in memory for tasks, a call for reports.

A task runs on beside its sender. A report is handled before `report` returns, so what one worker says keeps
its order, a worker feels it when the bot is slow, and whoever asks has the answer at once.

taskiq drops what it cannot read with one warning that quotes it all: that warning is caught and becomes
`on_broken`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

import structlog
from taskiq import InMemoryBroker
from taskiq.result_backends.dummy import DummyResultBackend

from workers.kit.broker.ends import Ends, NotTaken
from workers.kit.ending import what
from workers.kit.wire import Report, TaskMessage

log = structlog.get_logger(__name__)


def broker_in_memory() -> InMemoryBroker:
    numbers = (
        count()
    )  # nobody asks for a message by its id, and a uuid4 for each was the loop's costliest call
    broker = InMemoryBroker(cast_types=False)
    broker = broker.with_id_generator(lambda: str(next(numbers)))
    return broker.with_result_backend(DummyResultBackend())  # its own keeps the last 100 results alive


class InProcess:
    reply_to = ""
    connected = True

    def __init__(self, ends: Ends, on_broken: Callable[[str], None]) -> None:
        self._ends, self._guard = ends, Unreadable(on_broken)
        self._broker = broker_in_memory()

        async def received(body: str) -> None:
            await self._received(body)

        self._task = self._broker.register_task(received, "delegate.task")

    async def start(self) -> None:
        logging.getLogger("taskiq.receiver.receiver").addFilter(self._guard)
        await self._broker.startup()

    async def stop(self, seconds: float) -> None:
        self._ends.closing = True
        if self._ends.service is not None:
            await self._ends.service.drain(seconds)
        await self._broker.wait_all()
        await self._broker.shutdown()
        logging.getLogger("taskiq.receiver.receiver").removeFilter(self._guard)

    async def send(self, task: TaskMessage) -> None:
        await self._task.kiq(task.model_dump_json())

    async def cancel(self, workspace: str, run_id: str) -> None:
        if self._ends.service is not None:
            self._ends.service.cancel(workspace, run_id)

    async def report(self, report: Report) -> bool:
        try:
            return await self._ends.take(report)
        except NotTaken:
            log.warning("a report was not taken", kind=report.kind)
        except Exception as error:
            log.error("a report was lost", kind=report.kind, run=report.run, **what(error))
        return True

    async def pending(self) -> dict[str, int]:
        return {}

    async def _received(self, body: str) -> None:
        try:
            task = TaskMessage.model_validate_json(body)
        except ValueError as error:
            self._guard.broken(type(error).__name__)
            return
        if self._ends.service is None:
            log.warning("no worker listens here", worker=task.worker, run=task.run)
            return
        await self._ends.service.run(task)


class Unreadable(logging.Filter):
    """Stands in taskiq's logger for the one warning that means a message was thrown away."""

    def __init__(self, on_broken: Callable[[str], None]) -> None:
        super().__init__()
        self._on_broken = on_broken

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or not str(record.msg).startswith(("Cannot parse", "task ")):
            return True
        self.broken("taskiq")
        return False  # it quotes the message

    def broken(self, by: str) -> None:
        self._on_broken(f"A message could not be read and was thrown away ({by}).")

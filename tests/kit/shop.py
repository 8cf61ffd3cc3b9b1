"""A worker service with hand-made workers, and all that it reported."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from workers import Task, Worker
from workers.kit.files import FileStore
from workers.kit.model import Model
from workers.kit.service import Service
from workers.kit.wire import Report, TaskMessage

Body = Callable[[Task], Awaitable[Any]]


class Shop:
    """A service with the workers a test gives it, and all that it reported."""

    def __init__(
        self, folder: Path, model: Model | None = None, *, files: FileStore | None = None, **more: Any
    ) -> None:
        self.reports: list[Report] = []
        self.workers: dict[str, Worker] = {}
        self.files = files or FileStore(folder)
        self.refuses: set[type] = set()
        self.crashes: list[str] = []
        self.model = model or Model("hosted_vllm/none", "http://127.0.0.1:9/v1")
        known: dict[str, Any] = {"say_seconds": 0.05, "crash": self.crashes.append}
        self.service = Service(self.workers, lambda _: self.model, self.take, self.files, **(known | more))

    async def take(self, report: Report) -> None:
        if type(report) in self.refuses:
            raise ConnectionError("nobody takes this")
        self.reports.append(report)

    async def run(self, body: Body, **more: Any) -> Report:
        """The report that ends the attempt of a worker with this body."""
        self.workers["clerk"] = Worker("clerk", "Does things.", body)
        await self.service.run(message(**more))
        return self.reports[-1]

    def kinds(self) -> list[str]:
        return [r.kind for r in self.reports]


def message(**more: Any) -> TaskMessage:
    known = {"workspace": "T1", "run": "r1", "step": "s1", "attempt": 1, "worker": "clerk", "seconds": 50}
    return TaskMessage(**(known | more))


async def forever(_: Task) -> str:
    await asyncio.sleep(3600)
    return "never"

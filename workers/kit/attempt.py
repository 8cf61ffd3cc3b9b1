"""One attempt at one step, as the worker sees it: `ask`, `say`, `save`, and what it spent.

`say` keeps the newest line only and sends at most one in `say_seconds`, in the background: a worker never
waits for its progress to be shown. Not known here: slots, time limits, heartbeats (`workers.kit.service`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from workers import Earlier, File, Task, WorkerError
from workers.kit.files import FileStore
from workers.kit.model import Model, ModelError
from workers.kit.wire import Report, Said, TaskMessage, Usage, address_of

log = structlog.get_logger(__name__)
LONGEST_LINE = 200  # characters of progress that a task card has room for

Send = Callable[[Report], Awaitable[object]]  # False, of a `Started`: it may not begin


class Attempt:
    def __init__(
        self,
        task: TaskMessage,
        model_for: Callable[[TaskMessage], Model],
        report: Send,
        files: FileStore,
        *,
        asks: int,
        say_seconds: float,
    ) -> None:
        self.usage = Usage()
        self._task, self._model_for, self._report, self._files = task, model_for, report, files
        self._asks_left, self._asks, self._say_seconds = asks, asks, say_seconds
        self._line = ""
        self._shown = ""
        self._saying: asyncio.Task[None] | None = None

    def for_worker(self, deadline: float) -> Task:
        """What the worker is handed. Raises `WorkerError` when one of its files is not here."""
        task = self._task
        return Task(
            request=task.request,
            instruction=task.instruction,
            ask=self.ask,
            say=self.say,
            save=lambda name, data, mimetype: self._files.put(data, name, mimetype),
            results={e.step: self._with_paths(e) for e in task.results},
            files=tuple(self._with_path(f) for f in task.files),
            thread=task.thread,
            channel=task.channel,
            settings=task.settings,
            answers=task.answers,
            deadline=deadline,
            key=f"{task.workspace}/{task.run}/{task.step}",
        )

    async def ask(
        self,
        prompt: str,
        *,
        system: str = "",
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
    ) -> str:
        """See `workers.Ask`."""
        if self._asks_left == 0:
            raise WorkerError(f"This step asked the model more than {self._asks} times, so I stopped it.")
        self._asks_left -= 1
        messages = [{"role": "system", "content": system}] if system else []
        text = await self.complete([*messages, {"role": "user", "content": prompt}], schema, max_tokens)
        if schema is not None:
            try:
                json.loads(text)
            except ValueError:
                raise WorkerError("The model did not answer in the form it was asked for.") from None
        return text

    async def complete(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any] | None, max_tokens: int
    ) -> str:
        """The model's answer, counted; of which schema it is, nobody has checked."""
        try:
            reply = await self._model_for(self._task).complete(messages, schema=schema, max_tokens=max_tokens)
        except ModelError as error:
            self.usage += error.usage
            raise
        self.usage += reply.usage
        return reply.text

    async def say(self, line: str) -> None:
        self._line = " ".join(line.split())[:LONGEST_LINE]
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        task = self._task
        while self._line and self._line != self._shown:
            self._shown = self._line
            said = Said(**address_of(task), line=self._shown)
            try:
                await self._report(said)
            except Exception as error:
                log.warning("a line of progress was lost", error=type(error).__name__)
            await asyncio.sleep(self._say_seconds)

    def close(self) -> None:
        """The attempt is over: what was not shown yet will not be. (Nothing is cancelled: a report that is
        on its way may be running the receiver's code.)"""
        self._line = ""

    def _with_path(self, file: File) -> File:
        """A path in a message is somebody else's: it is never followed."""
        return file.model_copy(update={"path": str(self._files.path(file)) if file.id else ""})

    def _with_paths(self, earlier: Earlier) -> Earlier:
        files = tuple(self._with_path(f) for f in earlier.result.files)
        if not files:
            return earlier
        return earlier.model_copy(update={"result": earlier.result.model_copy(update={"files": files})})

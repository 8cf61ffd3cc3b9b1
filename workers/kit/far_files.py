"""The files of a task where the bot's folder is not this machine's: fetched before the worker runs, and what
it made is handed over after it, by a link that came with the task and is good for this task alone.

What lies here already is not fetched again, so processes that do share a folder pay nothing. A bot that is
away for a moment is waited for, as long as the task may take: what was computed is not thrown away for it.
Not known here: how a link is signed (`bot/file_links.py`), slots, leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import aiohttp
import structlog

from workers import File, Result, WorkerError
from workers.kit.files import FileStore, is_id, plain_name
from workers.kit.wire import TaskMessage

log = structlog.get_logger(__name__)
PIECE = 256 * 1024
SILENCE = aiohttp.ClientTimeout(
    total=None, sock_connect=10, sock_read=30
)  # the task's own limit ends the rest
LONGEST_PAUSE = 5.0
PASSING = frozenset({429, 500, 502, 503, 504})
SAID = {
    403: "The link to the file {} is not valid.",
    404: "The file {} is not stored any more.",
    410: "The link to the file {} has expired.",
    413: "The file {} is too large to be kept.",
    422: "The file {} did not arrive as it was sent.",
}


class FarFiles:
    def __init__(self, files: FileStore, session: aiohttp.ClientSession, first_pause: float = 0.2) -> None:
        self._files, self._session, self._first_pause = files, session, first_pause

    async def fetch(self, task: TaskMessage) -> None:
        """Everything this task may read is here then. Raises `WorkerError`."""
        if task.files_at:
            for file in _given(task):
                if is_id(file.id) and not self._files.has(file):
                    await self._until_done(file, partial(self._get, task.files_at, file))

    async def keep(self, task: TaskMessage, result: Result) -> None:
        """What the worker made is with the bot then. Raises `WorkerError`."""
        if task.files_at:
            known = {file.id for file in _given(task)}
            for file in result.files:
                if file.id not in known:
                    await self._until_done(file, partial(self._put, task.files_at, file))

    async def _until_done(self, file: File, once: Callable[[], Awaitable[int]]) -> None:
        pause = self._first_pause
        while True:
            try:
                status = await once()
                why = f"status {status}"
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
                status, why = 403, ""
            except (aiohttp.ClientError, TimeoutError) as error:
                status, why = 503, type(error).__name__
            if status < 300:
                return
            if status not in PASSING:
                said = SAID.get(status, f"The file {{}} could not be passed on (status {status}).")
                raise WorkerError(said.format(plain_name(file.name)))
            log.warning("a file waits for the bot", why=why)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _get(self, at: str, file: File) -> int:
        async with self._session.get(f"{at}/{file.id}", allow_redirects=False) as response:
            if response.status == 200:
                await self._files.receive(file, response.content.iter_chunked(PIECE))
            return response.status

    async def _put(self, at: str, file: File) -> int:
        with self._files.path(file).open("rb") as content:  # sent in pieces
            async with self._session.put(f"{at}/{file.id}", data=content, allow_redirects=False) as response:
                return response.status


def _given(task: TaskMessage) -> Iterable[File]:
    yield from task.files
    for earlier in task.results:
        yield from earlier.result.files

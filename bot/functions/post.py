"""Posts one task to a function and brings its response, whatever that is.

A function that is too busy (429, 503), or is not reached at all, is asked again here, and nowhere else: a
few times, within the task's time, under the same `webhook-id`, so that it can drop what it has had.

The address is the operator's, so a private one is reached too; but no redirect is followed (it would lead
where nobody decided), no proxy of the environment asked, no cookie kept, and what is read has an end. Each
request has a connection of its own: one that was kept may close just when a task was sent, and then nobody
knows whether it was taken. Not known here: what a response means, leases, runs.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
import structlog

from bot.functions.reply import LARGEST, NOT_REACHED, Response, pause
from bot.functions.signing import Signer
from workers.kit import events
from workers.kit.ending import what
from workers.kit.wire import TaskMessage

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 60.0  # seconds, whatever a function asks for
CONNECT_SECONDS = 10.0
HEADERS = {
    "Content-Type": events.CONTENT_TYPE,
    "Accept": f"{events.CONTENT_TYPE}, application/json",
    "Accept-Encoding": "identity",  # what is counted is what is read
    "User-Agent": "delegate",
}


class Lost(Exception):
    """The connection ended before the response did: the task may have been done."""


class Post:
    def __init__(
        self, signer: Signer, *, source: str = "delegate", tries: int = 4, pause_seconds: float = 1.0
    ) -> None:
        self._signer, self._source = signer, source
        self._tries, self._pause_seconds = tries, pause_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str, task: TaskMessage, until: float) -> Response:
        """`until`: when the task's time is over, of the loop's clock. Raises `Lost`."""
        loop, usual, tries = asyncio.get_running_loop(), self._pause_seconds, self._tries
        while True:
            response = await self._once(url, task)
            tries -= 1
            seconds = pause(response, usual, external=task.external)
            if seconds is None or not tries or seconds > min(LONGEST_PAUSE, until - loop.time()):
                return response
            await asyncio.sleep(seconds)
            usual *= 2

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _once(self, url: str, task: TaskMessage) -> Response:
        id = f"{task.workspace}/{task.run}/{task.step}/{task.attempt}"
        body = events.dumps(task, source=self._source, id=id, time=datetime.now(UTC))
        headers = self._signer.headers(id, body) | HEADERS
        if task.trace:
            headers["traceparent"] = task.trace
        try:
            async with self._open().post(url, data=body, headers=headers, allow_redirects=False) as response:
                return Response(response.status, response.headers, await _read(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            log.warning("a function is not reached", worker=task.worker, run=task.run, **what(error))
            return NOT_REACHED
        except (aiohttp.ClientError, ConnectionError) as error:
            log.warning("a function was lost", worker=task.worker, run=task.run, **what(error))
            raise Lost from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                auto_decompress=False,
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """All of it, or so much that it is seen to be too much."""
    read = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        read += chunk
        if len(read) > LARGEST:
            response.close()
            break
    return bytes(read)

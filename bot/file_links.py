"""Links by which worker services on other machines fetch a task's files and hand over what they made.

One link a task: `GET link/<sha256>` for the files that were handed to it and no others, `PUT link/<sha256>`
for new ones, which are stored only if their bytes are what the name says. The link itself says what it is
good for and until when, signed, so that any bot can answer for any other and nothing is kept. Several
secrets, with blanks between, are for the days of a change: the first signs, any is accepted.

Not known here: runs, Slack, how a file is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from aiohttp import ClientError, web

from bot.ports import Clock
from workers import File, WorkerError
from workers.kit.files import LARGEST, FileStore, TooLarge, is_id
from workers.kit.wire import MODEL, TaskMessage

WHERE = "/files/{link}/{id}"
WAIT_SECONDS = 3600.0  # a task may wait in line for so long, beyond its own time limit
ENOUGH = 32  # hex digits of an id: nobody finds other bytes that begin with these
MOST = 100  # files a link can name, or it grows longer than servers take
PIECE = 256 * 1024
AS_BYTES = {
    "Content-Disposition": "attachment",
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class FileLinks:
    """`public_url`: where this bot, or any other with the same folder and secret, is reached."""

    def __init__(self, public_url: str, secret: str, files: FileStore, clock: Clock) -> None:
        if not secret.split():
            raise ValueError("Links to files need a secret to be signed with.")
        self._keys = [hmac.digest(part.encode(), b"delegate file links", "sha256") for part in secret.split()]
        self._base, self._files, self._clock = public_url.rstrip("/"), files, clock

    def on(self, task: TaskMessage) -> TaskMessage:
        """The task, with its link. A bare model call needs none."""
        if task.worker == MODEL:
            return task
        given = [*task.files, *(file for e in task.results for file in e.result.files)]
        says = {
            "of": [task.workspace, task.run, task.step, task.attempt],
            "files": list(dict.fromkeys(file.id[:ENOUGH] for file in given if is_id(file.id)))[:MOST],
            "until": int(self._clock() + task.seconds + WAIT_SECONDS),
        }
        body = _text(json.dumps(says, separators=(",", ":")).encode())
        return task.model_copy(
            update={"files_at": f"{self._base}/files/{body}.{_signed(self._keys[0], body)}"}
        )

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(WHERE, self._get)
        app.router.add_put(WHERE, self._put)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        says, file = self._read(request)
        if file.id[:ENOUGH] not in says["files"] or not self._files.has(file):
            raise web.HTTPNotFound(text="This task was handed no such file.")
        return web.FileResponse(self._files.path(file), headers=AS_BYTES)

    async def _put(self, request: web.Request) -> web.StreamResponse:
        _, file = self._read(request)
        try:
            if (request.content_length or 0) > LARGEST:
                raise TooLarge
            await self._files.receive(file, request.content.iter_chunked(PIECE))
        except TooLarge:
            raise web.HTTPRequestEntityTooLarge(LARGEST, request.content_length or 0) from None
        except WorkerError as error:
            raise web.HTTPUnprocessableEntity(text=str(error)) from None
        except (ClientError, ConnectionError):  # whoever sent it went away
            raise web.HTTPBadRequest from None
        return web.Response(status=201)

    def _read(self, request: web.Request) -> tuple[dict[str, Any], File]:
        """What the link says, and the file it is asked about. Raises the answer to one that is not valid."""
        body, _, signature = request.match_info["link"].partition(".")
        given = signature.encode("utf-8", "replace")
        if not any(hmac.compare_digest(_signed(key, body).encode(), given) for key in self._keys):
            raise web.HTTPForbidden(text="This link is not valid.")
        says: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if says["until"] < self._clock():
            raise web.HTTPGone(text="This link has expired.")
        if not is_id(id := request.match_info["id"]):
            raise web.HTTPNotFound(text="A file is named by the sha256 of its bytes.")
        return says, File(name=id[:12], id=id)


def _signed(key: bytes, body: str) -> str:
    return _text(hmac.digest(key, body.encode("utf-8", "replace"), hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

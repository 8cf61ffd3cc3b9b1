"""A worker's files on their way into Slack: pictures to be shown inside the reply, the rest shared below it.

A picture is uploaded without a channel, which nobody sees, so doing it twice after a crash is harmless; its
id is remembered as a row of its own. What can't be shown inside a reply is shared into the thread in one post
of its own, claimed like any other. A file whose bytes are not here stays a name in the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages import Message, Reply
from bot.ports import Clock, MessageStore, Shown
from bot.slack.blocks import is_picture
from bot.slack.calls import Limited, NotSent, Refused, Unclear, call
from bot.slack.item import Item
from bot.slack.lookup import Unreadable, find
from bot.slack.posting import PLAIN, Later, Unknown
from bot.slack.refusals import gone
from bot.slack.wording import line
from workers import File, WorkerError

log = structlog.get_logger(__name__)

ReadFile = Callable[[File], bytes]
UPLOAD_SECONDS = 60.0
MOST_FILES = 10


def shares(reply: Reply, row: Shown) -> tuple[File, ...]:
    """The files of a posted reply that have to be shared below it."""
    plain = row.digest.endswith(PLAIN)
    files = [f for f in reply.result.files if f.id and (plain or not is_picture(f))]
    return tuple(f for f in files if not f.slack_id or plain)[:MOST_FILES]


class Uploads:
    def __init__(
        self,
        client_for: Callable[[str], AsyncWebClient],
        messages: MessageStore,
        read: ReadFile | None,
        *,
        clock: Clock,
        settle_seconds: float,
    ) -> None:
        self._client_for, self._messages, self._read = client_for, messages, read
        self._clock, self._settle_seconds = clock, settle_seconds

    async def pictures(
        self, workspace: str, run_id: str, message: Message, rows: dict[str, Shown]
    ) -> Message:
        """The message with its pictures uploaded. One that can't be is left as it is."""
        if not isinstance(message, Reply) or self._read is None:
            return message
        files = [await self._picture(workspace, run_id, f, rows) for f in message.result.files]
        if files == list(message.result.files):
            return message
        return replace(message, result=message.result.model_copy(update={"files": tuple(files)}))

    async def _picture(self, workspace: str, run_id: str, file: File, rows: dict[str, Shown]) -> File:
        if file.slack_id or not file.id or not is_picture(file):
            return file
        key = f"file:{file.id}"
        slack_id = rows[key].ts if key in rows else ""
        if not slack_id:
            try:
                client = self._client_for(workspace)
                slack_id = await self._upload(client, file)
                await call(client.files_completeUploadExternal(files=[_named(slack_id, file)]))
            except (Refused, NotSent, Unclear, WorkerError, OSError, LookupError) as error:
                # The words don't wait for it: it is shared below them, when that works.
                log.warning("a picture could not be uploaded", run=run_id, error=str(error))
                return file
            await self._messages.claim(workspace, run_id, key, "")
            rows[key] = Shown(key, ts=slack_id)
            await self._messages.posted(workspace, run_id, rows[key])
        return file.model_copy(update={"slack_id": slack_id})

    async def share(self, item: Item, files: Sequence[File], row: Shown | None, wait: Wait) -> Shown:
        """Puts the files into the thread. Raises as `Posting.post` does."""
        if self._read is None:
            raise Unknown("there is no file store here")
        if row is None or row.sending_since is None:
            if not await self._messages.claim(item.workspace, item.run_id, item.key, item.channel):
                raise Later(0.2)
        elif (left := row.sending_since + self._settle_seconds - self._clock()) > 0:
            raise Later(min(left, self._settle_seconds))
        else:
            await wait()
            since = row.sending_since
            if not await self._messages.reclaim(item.workspace, item.run_id, item.key, since):
                raise Later(0.2)
            if found := await self._find(item, files, wait):
                return await self._record(item, found)
        try:
            return await self._record(item, await self._share(item, files))
        except (Refused, WorkerError, OSError, LookupError) as error:
            log.warning("files could not be shared", run=item.run_id, error=str(error))
            why = gone(error) if isinstance(error, Refused) else str(error)
            raise Unknown(why or str(error)) from error
        except (Limited, NotSent):
            await self._messages.release(item.workspace, item.run_id, item.key)
            raise

    async def _share(self, item: Item, files: Sequence[File]) -> str:
        client = self._client_for(item.workspace)
        named = [_named(await self._upload(client, f), f) for f in files]
        answer = await call(
            client.files_completeUploadExternal(
                files=named, channel_id=item.channel, thread_ts=item.thread_ts
            )
        )
        done = answer.get("files") or named
        return str(done[0]["id"])

    async def _find(self, item: Item, files: Sequence[File], wait: Wait) -> str | None:
        wanted = {line(f.name, 120) for f in files}

        def ours(message: Mapping[str, Any]) -> bool:
            there = {str(f.get("title") or f.get("name")) for f in message.get("files") or []}
            return wanted <= there

        client = self._client_for(item.workspace)
        try:
            found = await find(client, item.channel, item.thread_ts, item.since, ours, wait=wait)
        except Unreadable as error:
            raise Unknown(str(error)) from error
        return found.ts if found else None

    async def _record(self, item: Item, ts: str) -> Shown:
        shown = Shown(item.key, item.channel, ts, item.digest, item.version)
        await self._messages.posted(item.workspace, item.run_id, shown)
        return shown

    async def _upload(self, client: AsyncWebClient, file: File) -> str:
        """The bytes to where Slack says. The id of a file that nobody sees yet."""
        assert self._read
        content = await asyncio.to_thread(self._read, file)
        told = await call(
            client.files_getUploadURLExternal(filename=line(file.name, 120), length=len(content))
        )
        session = client.session if client.session and not client.session.closed else aiohttp.ClientSession()
        try:
            async with (
                asyncio.timeout(UPLOAD_SECONDS),
                session.post(told["upload_url"], data=content) as reply,
            ):
                if reply.status != 200:
                    raise Unclear(f"the upload answered {reply.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unclear(f"upload: {error}") from error
        finally:
            if session is not client.session:
                await session.close()
        return str(told["file_id"])


Wait = Callable[[], Awaitable[None]]


def _named(slack_id: str, file: File) -> dict[str, str | None]:
    return {"id": slack_id, "title": line(file.name, 120)}

"""What a task may read that lies in Slack: attached files, and a channel's recent messages.

Files are fetched once into the content store, from Slack's own host alone, with the token in a header that
no other host ever sees. A channel is read on behalf of the person who asked: a public one, or one they are
in. Everything that comes back is untrusted material. Errors are sentences for the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.authority import is_member
from bot.slack.calls import Refused, SlackTrouble, read
from bot.slack.incoming import CHAT_SUBTYPES, plain
from bot.slack.people import People, PersonUnknown
from workers import File, Line, WorkerError
from workers.kit.files import LARGEST, FileStore

SLACK_FILE_HOSTS = ("files.slack.com", "slack.com")
PAGES, PAGE = 5, 200  # of a thread, which Slack hands out oldest first
FETCH_SECONDS = 60
MESSAGES = 50


class SlackMaterials:
    """`bot_user`: what mentions it is a request to us, not material. `own_host`: a local Slack's, which may
    speak plain HTTP. `client_for(workspace)` answers with that workspace's own."""

    def __init__(
        self,
        client_for: Callable[[str], AsyncWebClient],
        people: People,
        store: FileStore,
        session: aiohttp.ClientSession,
        *,
        bot_user: str,
        own_host: str = "",
    ) -> None:
        self._client_for, self._people, self._store = client_for, people, store
        self._session, self._bot_user, self._own_host = session, bot_user, own_host
        self._fetched: dict[tuple[str, str], File] = {}

    async def fetch(self, workspace: str, file: File) -> File:
        """The file, with its content id and path. Raises `WorkerError`."""
        if file.id and not file.slack_id:  # ours, such as a sample
            return file.model_copy(update={"path": str(self._store.path(file))})
        known = self._fetched.get((workspace, file.slack_id)) if file.slack_id else None
        if known and self._store.path(known).exists():
            return known
        content = await self._download(workspace, file)
        stored = await asyncio.to_thread(self._store.put, content, file.name, file.mimetype)
        fetched = stored.model_copy(update={"slack_id": file.slack_id, "path": str(self._store.path(stored))})
        if len(self._fetched) > 1_000:
            self._fetched.clear()
        self._fetched[workspace, file.slack_id] = fetched
        return fetched

    async def _download(self, workspace: str, file: File) -> bytes:
        where = urlsplit(file.url)
        slack = where.scheme == "https" and where.hostname in SLACK_FILE_HOSTS
        if not slack and not (self._own_host and where.hostname == self._own_host):
            raise WorkerError(f"“{file.name}” does not lie with Slack, so I did not fetch it.")
        headers = {"Authorization": f"Bearer {self._client_for(workspace).token}"}
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                self._session.get(file.url, headers=headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise WorkerError(f"Slack would not hand over “{file.name}” (status {response.status}).")
                if response.content_type == "text/html" and not file.name.lower().endswith((".html", ".htm")):
                    # a missing scope comes back as a login page with status 200
                    raise WorkerError(f"I may not read “{file.name}”: the app lacks the scope `files:read`.")
                pieces, size = [], response.content_length or 0
                if size <= LARGEST:
                    size = 0
                    async for piece in response.content.iter_chunked(256 * 1024):
                        pieces.append(piece)
                        if (size := size + len(piece)) > LARGEST:
                            break
        except (aiohttp.ClientError, TimeoutError) as error:
            raise WorkerError(
                f"“{file.name}” could not be fetched from Slack. Ask again in a while."
            ) from error
        if size > LARGEST:
            raise WorkerError(f"“{file.name}” is larger than {LARGEST // 1024**2} MB, the most I can read.")
        return b"".join(pieces)

    async def channel(self, workspace: str, channel: str, person: str) -> Sequence[Line]:
        """The newest messages, oldest first, with who said them. Raises `WorkerError`."""
        client = self._client_for(workspace)
        with _readable():
            if not await self._may_read(client, channel, person):
                raise WorkerError("You are not in that channel, so I did not read it for you.")
            answer = await read(lambda: client.conversations_history(channel=channel, limit=MESSAGES))
            return [await self._line(workspace, m) for m in reversed(answer["messages"]) if self._said(m)]

    async def thread(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Line]:
        """What people said in a thread, oldest first. Raises `WorkerError`. Who asks stands in it, so may
        read it."""
        client = self._client_for(workspace)
        with _readable():
            people: list[dict[str, Any]] = []
            cursor = ""
            for _ in range(PAGES):
                ask = partial(
                    client.conversations_replies, channel=channel, ts=thread_ts, limit=PAGE, cursor=cursor
                )
                page = await read(ask)
                people += [m for m in page["messages"] if self._said(m) and not m.get("bot_id")]
                if not (cursor := (page.get("response_metadata") or {}).get("next_cursor") or ""):
                    break
            return [await self._line(workspace, m) for m in people[-MESSAGES:]]

    async def _may_read(self, client: AsyncWebClient, channel: str, person: str) -> bool:
        info = (await read(lambda: client.conversations_info(channel=channel)))["channel"]
        if info.get("is_channel") and not info.get("is_private"):
            return True
        if info.get("is_im"):
            return bool(info.get("user") == person)
        return await is_member(client, channel, person)

    def _said(self, message: dict[str, Any]) -> bool:
        """Words of somebody, and not a request to us."""
        text = str(message.get("text") or "")
        return bool(text) and f"<@{self._bot_user}" not in text and message.get("subtype") in CHAT_SUBTYPES

    async def _line(self, workspace: str, message: dict[str, Any]) -> Line:
        who = str(message.get("user") or message.get("username") or "somebody")
        with contextlib.suppress(PersonUnknown, SlackTrouble):
            who = (await self._people.get(workspace, who)).name
        return Line(who=who, text=plain(str(message.get("text") or ""), ""))


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise WorkerError(_unreadable(error)) from error
    except SlackTrouble as error:
        raise WorkerError("Slack did not hand over the messages. Ask again in a while.") from error


def _unreadable(error: Refused) -> str:
    if error.code in ("not_in_channel", "channel_not_found"):
        return "I am not in that channel, so I cannot read it. Invite me there and ask again."
    if error.code == "missing_scope":
        return f"I may not read that channel: the app lacks the scope `{error.needed}`. An admin can add it."
    return f"Slack would not let me read that channel ({error.code})."

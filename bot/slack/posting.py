"""One message of a thread, made visible exactly once: claim, post, record; and after an unclear end, wait
until Slack has settled, look whether it is there, adopt it or send it again.

`chat.postMessage` knows no idempotency key: ours travels in the message's metadata, opaque. What a workspace
does not take (a block, a worker's own name) is left out and remembered for an hour. It does not know
what a run is, when it is a message's turn, or how fast one may speak: that is `thread.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.messages import PlanMessage, Reply
from bot.ports import Clock, MessageStore, Shown, StoreDown
from bot.slack.blocks import lacks_pictures
from bot.slack.calls import Limited, NotSent, Refused, call
from bot.slack.item import Item
from bot.slack.lookup import Unreadable, find
from bot.slack.refusals import about_pictures, gone, plainer
from bot.slack.surfaces import EmojiOf
from bot.slack.views import FULL, Look, Post, blocks_for
from bot.traces import posting
from workers.kit.crashpoints import Crash, no_crash
from workers.kit.tracing import UNTRACED, Tracing

log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]
Send = Callable[[Post], Awaitable[AsyncSlackResponse]]
PLAIN = "-plain"  # on a digest: the pictures had to be left out, so they are shared beside it


class Gone(Exception):
    """Nothing can be written there for good. A sentence for the requester."""


class Later(Exception):
    """Somebody else is at it, or nobody knows: look again after so many seconds at most."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds


class Unknown(Exception):
    """Whether Slack has it can't be found out: it is never posted a second time."""


class Posting:
    def __init__(
        self,
        client_for: Callable[[str], AsyncWebClient],
        messages: MessageStore,
        emoji_of: EmojiOf,
        *,
        clock: Clock,
        sleep: Sleep,
        settle_seconds: float = 60.0,
        at_once: int = 50,
        crash: Crash = no_crash,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._client_for, self._messages, self._emoji_of = client_for, messages, emoji_of
        self._clock, self._sleep, self._settle_seconds = clock, sleep, settle_seconds
        self._slots = asyncio.Semaphore(at_once)
        self._crash, self._tracing = crash, tracing
        self._looks: dict[str, tuple[Look, float]] = {}

    async def post(self, item: Item) -> Shown:
        """Raises `Gone`, `Later`, `Limited`, `Unclear`, `NotSent` or another `Refused`."""
        if item.key == "plan":
            self._crash("K6")
        async with self._slots:
            if not await self._messages.claim(item.workspace, item.run_id, item.key, item.channel):
                raise Later(0.2)
            return await self._send(item)

    async def settle(self, item: Item, since: float, wait: Callable[[], Awaitable[None]]) -> Shown:
        """A claim of `since` has no message yet: somebody is posting it now, or nobody knows. `wait` waits
        for a place among the calls that read."""
        self._wait_for(since)
        await wait()
        if not await self._messages.reclaim(item.workspace, item.run_id, item.key, since):
            raise Later(0.2)

        def ours(message: Mapping[str, Any]) -> bool:
            metadata = message.get("metadata") or {}
            return bool((metadata.get("event_payload") or {}).get("key") == item.mark)

        client = self._client(item)
        try:
            found = await find(client, item.channel, item.thread_ts, item.since, ours, wait=wait)
        except Unreadable as error:
            log.warning("delivery unknown: its thread can't be read", run=item.run_id, key=item.key)
            raise Unknown(str(error)) from error
        log.info("a post of unknown fate", run=item.run_id, key=item.key, found=found is not None)
        if found is None:
            async with self._slots:
                return await self._send(item)
        # It may be an older view, so its digest is left empty: the next look updates it.
        shown = Shown(item.key, found.channel, found.ts, "", item.version)
        await self.record(item, shown)
        return shown

    async def update(self, item: Item, lock: Shown | None) -> None:
        """One bot at a time changes a message, or the older of two views could arrive last and stay. After an
        unclear end the lock stays until Slack has settled: it may still be carried out. Raises as `post`."""
        name = f"update:{item.key}"
        if lock and lock.sending_since is not None:
            self._wait_for(lock.sending_since)
            mine = await self._messages.reclaim(item.workspace, item.run_id, name, lock.sending_since)
        else:
            mine = await self._messages.claim(item.workspace, item.run_id, name, "")
        if not mine:
            raise Later(0.2)
        try:
            row = (await self._messages.shown(item.workspace, item.run_id))[item.key]
            if row.version <= item.version and row.digest.removesuffix(PLAIN) != item.digest:
                async with self._slots:
                    await self._change(item, row)
        except (Refused, Limited, NotSent, Gone):
            await self._messages.release(item.workspace, item.run_id, name)
            raise
        await self._messages.release(item.workspace, item.run_id, name)

    async def _change(self, item: Item, row: Shown) -> None:
        client = self._client(item)

        def send(post: Post) -> Awaitable[AsyncSlackResponse]:
            return client.chat_update(channel=row.channel, ts=row.ts, text=post.text, blocks=post.blocks)

        digest = item.digest + (PLAIN if row.digest.endswith(PLAIN) else "")
        try:
            with posting(self._tracing, item.workspace, item.run_id, "update"):
                await self._dressed(item, send)
        except Refused as refused:  # for good: nobody is helped by trying again
            log.info("a message stays as it is", run=item.run_id, key=item.key, code=refused.code)
        await self.record(item, Shown(item.key, row.channel, row.ts, digest, item.version))

    async def _send(self, item: Item) -> Shown:
        client = self._client(item)

        def send(post: Post) -> Awaitable[AsyncSlackResponse]:
            return client.chat_postMessage(
                channel=item.channel,
                thread_ts=item.thread_ts or None,
                text=post.text,
                blocks=post.blocks or None,
                metadata=item.metadata,
                username=post.username or None,
                icon_emoji=post.icon_emoji or None,
                unfurl_links=False,
                unfurl_media=False,
            )

        try:
            with posting(self._tracing, item.workspace, item.run_id, "post"):
                answer, post, look = await self._dressed(item, send)
        except (Refused, Limited, NotSent, Gone):
            await self._messages.release(item.workspace, item.run_id, item.key)
            raise
        self._crash("K8")
        if item.final:
            self._crash("K15")
        # Without the scope the name is ignored in silence [seen]: then the text gets to name the worker.
        named = not post.username or "username" in (answer.get("message") or {"username": ""})
        if not named:
            self._learn(item, replace(look, names=False))
        plain = isinstance(item.message, Reply) and (not look.pictures or lacks_pictures(item.message.result))
        digest = (item.digest if named else "") + (PLAIN if plain else "")
        shown = Shown(item.key, str(answer["channel"]), str(answer["ts"]), digest, item.version)
        await self.record(item, shown)
        return shown

    async def _dressed(self, item: Item, send: Send) -> tuple[Mapping[str, Any], Post, Look]:
        """Sends in the best look that Slack takes."""
        known, until = self._looks.get(item.workspace, (FULL, 0.0))
        look = begun = known if self._clock() < until else FULL
        waits = [1.0, 2.0, 3.0]  # a file that was just uploaded is not usable at once
        while True:
            post = blocks_for(item.key, item.message, item.run_id, self._emoji_of, look)
            try:
                answer = await call(send(post))
                break
            except Refused as refused:
                if look.pictures and about_pictures(refused) and waits:
                    await self._sleep(waits.pop(0))
                    continue
                below = plainer(look, refused)
                if below is None:
                    if sentence := gone(refused):
                        raise Gone(sentence) from refused
                    raise
                log.info("a plainer look", run=item.run_id, key=item.key, code=refused.code, to=str(below))
                look = below
        self._crash("K7")
        if look != begun:
            self._learn(item, look)
        return answer, post, look

    def _learn(self, item: Item, look: Look) -> None:
        """A plan block, or a worker's own name, is taken in all of a workspace or nowhere in it."""
        native = look.native or not isinstance(item.message, PlanMessage)
        if not (native and look.names):
            self._looks[item.workspace] = (Look(native=native, names=look.names), self._clock() + 3_600)

    def _wait_for(self, since: float) -> None:
        """Until Slack has settled. A clock that was put back costs one such time at most."""
        left = min(since + self._settle_seconds - self._clock(), self._settle_seconds)
        if left > 0:
            raise Later(left)

    async def record(self, item: Item, shown: Shown) -> None:
        """Slack has it: worth a few tries, since otherwise it has to be looked up."""
        for wait in (0.2, 1.0, 3.0, None):
            try:
                await self._messages.posted(item.workspace, item.run_id, shown)
                return
            except StoreDown:
                if wait is None:
                    raise
                await self._sleep(wait)

    def _client(self, item: Item) -> AsyncWebClient:
        try:
            return self._client_for(item.workspace)
        except LookupError as error:
            raise Gone("The app is not installed in this workspace any more.") from error

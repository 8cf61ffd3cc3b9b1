"""Finds a message of ours in Slack: among a thread's replies, or among a channel's roots.

It reads from a given time on, page by page, and says plainly when it may not read at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import Refused, call
from bot.slack.refusals import NO_THREAD

Ours = Callable[[Mapping[str, Any]], bool]
SKEW = 3_900.0  # seconds by which our clock may be ahead of Slack's: an hour, and some
MOST_PAGES = 50


class Unreadable(Exception):
    """Slack does not let us see what is there. For the log."""


@dataclass(frozen=True, slots=True)
class Found:
    channel: str
    ts: str


async def find(
    client: AsyncWebClient,
    channel: str,
    thread_ts: str,
    since: float,
    ours: Ours,
    *,
    wait: Callable[[], Awaitable[None]],
) -> Found | None:
    """None: it certainly is not there. Raises `Unreadable`, and what `call` raises when it may pass.
    `wait` is awaited before every page but the first."""
    try:
        channel = await _place(client, channel)
        cursor = ""
        for _ in range(MOST_PAGES):
            page = await call(_read(client, channel, thread_ts, since, cursor))
            for message in page.get("messages") or []:
                if ours(message):
                    return Found(channel, str(message["ts"]))
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None
            await wait()
    except Refused as refused:
        if refused.code in NO_THREAD:
            return None
        raise Unreadable(refused.code) from refused
    raise Unreadable(f"more than {MOST_PAGES} pages")


def _read(client: AsyncWebClient, channel: str, thread_ts: str, since: float, cursor: str) -> Awaitable[Any]:
    oldest = f"{max(since - SKEW, 0):.6f}"
    if thread_ts:
        return client.conversations_replies(
            channel=channel,
            ts=thread_ts,
            oldest=oldest,
            cursor=cursor or None,
            limit=200,
            include_all_metadata=True,
        )
    return client.conversations_history(
        channel=channel, oldest=oldest, cursor=cursor or None, limit=200, include_all_metadata=True
    )


async def _place(client: AsyncWebClient, channel: str) -> str:
    """A direct message is posted to a person's id, and read in the conversation with them."""
    if not channel.startswith(("U", "W")):
        return channel
    opened = await call(client.conversations_open(users=channel))
    return str(opened["channel"]["id"])

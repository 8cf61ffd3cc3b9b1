"""`response_url`s: a click or a command may be answered 5 times within 30 minutes.

[doc: interactivity/handling-user-interaction#message_responses] ephemeral unless told otherwise;
`replace_original` and `delete_original` change the message that was clicked.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from playground.block_ids import identified
from playground.block_rules import check_message_blocks
from playground.errors import SlackError
from playground.state import Json

if TYPE_CHECKING:
    from playground.world import World

MOST_USES = 5
LIFETIME = 30 * 60.0


def give(world: World, channel_id: str, user_id: str, source: Json | None = None) -> str:
    """A new URL. `source` is the message that was clicked."""
    key = world.ids.new("", 24)
    row = {"channel": channel_id, "user": user_id, "uses": 0, "at": world.ids.now(), "ts": None}
    if source is not None:
        row |= {
            "ts": source["ts"],
            "thread_ts": source.get("thread_ts"),
            "ephemeral": source.get("is_ephemeral"),
        }
    world.state.response_urls.put(key, row)
    return f"{world.base_url}/response/{world.workspace.team_id}/{key}"


def use(world: World, key: str, body: Json) -> None:
    """One post to the URL; raises SlackError (`used_url`, `expired_url`) when its time is over [memory]."""
    row = world.state.response_urls.get(key)
    if row is None:
        raise SlackError("invalid_url")
    if row["uses"] >= MOST_USES:
        raise SlackError("used_url")
    if world.ids.now() - row["at"] > LIFETIME:
        raise SlackError("expired_url")
    row["uses"] += 1
    world.state.response_urls.put(key, row)
    answer(world, row, body)


def route(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    """[memory] a response_url answers in plain text: `ok`, or 404 with the reason."""

    async def serve(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text())
            use(world, request.match_info["key"], body if isinstance(body, dict) else {})
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        except SlackError as error:
            return web.Response(status=404, text=error.code)
        return web.Response(text="ok")

    return serve


def answer(world: World, row: Json, body: Json) -> None:
    """Shows `body` where the click or command was; also what an app answers a command with in its ack."""
    channel = world.workspace.channel(row["channel"])
    clicked = row.get("ts")
    if body.get("delete_original"):
        if row.get("ephemeral"):
            _drop_ephemeral(world, clicked)
        elif clicked:
            world.workspace.delete(channel, clicked)
        return
    fields = _fields(world, body)
    if body.get("replace_original") and clicked and not row.get("ephemeral"):
        world.workspace.edit(channel, clicked, fields, by=world.workspace.bot["id"])
        return
    if body.get("replace_original"):
        _drop_ephemeral(world, clicked)
    thread_ts = body.get("thread_ts")
    if body.get("response_type") == "in_channel":
        author = {"user": world.workspace.bot["id"], "bot_id": world.bot_id, "app_id": world.app_id}
        world.workspace.post(channel, {**author, **fields}, thread_ts)
    else:
        fields |= {"user": world.workspace.bot["id"], "bot_id": world.bot_id}
        world.workspace.ephemeral(channel, row["user"], fields, thread_ts)


def _fields(world: World, body: Json) -> Json:
    text = body.get("text") or ""
    blocks = body.get("blocks")
    if not text and not blocks and not body.get("attachments"):
        raise SlackError("no_text")
    fields: Json = {"text": text}
    if blocks:
        check_message_blocks(blocks, world.faults.refused_blocks)
        fields["blocks"] = identified(world.ids, blocks)
    if body.get("attachments"):
        fields["attachments"] = body["attachments"]
    return fields


def _drop_ephemeral(world: World, ts: str | None) -> None:
    row = world.state.ephemerals.drop(ts) if ts else None
    if row is not None:
        world.workspace.announce("ephemeral_gone", {"channel": row["channel"], "user": row["user"], "ts": ts})

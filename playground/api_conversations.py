"""conversations.*: what channels there are, who is in them, what was said."""

from __future__ import annotations

from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json
from playground.workspace import public

_PUBLIC_KEYS = ("members",)


def shown(call: Call, channel: Json) -> Json:
    row = {k: v for k, v in channel.items() if k not in _PUBLIC_KEYS}
    if not channel["is_im"]:
        row["is_member"] = call.member(channel)
        row["num_members"] = len(channel["members"])
    return row


def page(call: Call, rows: list[Json], default: int = 100) -> tuple[list[Json], Json]:
    """A cursor is an offset in disguise; an unknown one is `invalid_cursor` [doc: pagination]."""
    limit = max(1, min(call.number("limit", default), 1000))
    cursor = call.text("cursor")
    if cursor and not cursor.removeprefix("next:").isdigit():
        raise SlackError("invalid_cursor")
    at = int(cursor.removeprefix("next:")) if cursor else 0
    more = at + limit < len(rows)
    return rows[at : at + limit], {"next_cursor": f"next:{at + limit}" if more else ""}


@method("conversations.list", "channels:read", "groups:read", "im:read", "mpim:read", tier=2)
def list_channels(call: Call) -> Json:
    kinds = (call.text("types") or "public_channel").split(",")
    rows = []
    for channel in call.world.state.channels:
        kind = "im" if channel["is_im"] else "private_channel" if channel["is_private"] else "public_channel"
        visible = kind == "public_channel" or call.member(channel)
        if kind in kinds and visible and not (call.flag("exclude_archived") and channel["is_archived"]):
            rows.append(shown(call, channel))
    rows, cursor = page(call, rows)
    return {"channels": rows, "response_metadata": cursor}


@method("conversations.info")
def info(call: Call) -> Json:
    channel = call.channel()
    call.may_read(channel, "read")
    row = shown(call, channel)
    if call.flag("include_num_members"):
        row["num_members"] = len(channel["members"])
    return {"channel": row}


@method("conversations.members", tier=4)
def members(call: Call) -> Json:
    channel = call.channel()
    call.may_read(channel, "read")
    ids, cursor = page(call, [{"id": m} for m in channel["members"]])
    return {"members": [row["id"] for row in ids], "response_metadata": cursor}


@method("conversations.open", "im:write", "mpim:write", "channels:manage")
def open_conversation(call: Call) -> Json:
    if call.text("channel"):
        channel = call.channel()
    else:
        people = call.need("users").split(",")
        if len(people) != 1:
            raise SlackError("not_enough_users", detail="the playground has no group messages")
        user = call.world.workspace.user(people[0])
        if user["is_bot"]:
            raise SlackError("cannot_dm_bot")
        channel = call.world.workspace.im(user["id"])
    full = call.flag("return_im")
    return {"channel": shown(call, channel) if full else {"id": channel["id"]}}


@method("conversations.join", "channels:join")
def join(call: Call) -> Json:
    channel = call.channel()
    if channel["is_archived"]:
        raise SlackError("is_archived")
    if channel["is_im"] or channel["is_private"]:
        raise SlackError("method_not_supported_for_channel_type")
    joined = call.world.workspace.join(channel, call.token["user"])
    return {"channel": shown(call, channel)} | ({} if joined else {"warning": "already_in_channel"})


@method("conversations.leave", "channels:manage", "channels:join")
def leave(call: Call) -> Json:
    call.world.workspace.leave(call.channel(), call.token["user"])
    return {}


@method("conversations.history")
def history(call: Call) -> Json:
    channel = _readable(call)
    rows = _within(call, call.world.workspace.roots(channel["id"]))[::-1]
    return _messages(call, rows, 100)


@method("conversations.replies")
def replies(call: Call) -> Json:
    channel = _readable(call)
    ts = call.need("ts")
    message = call.world.workspace.message(channel["id"], ts)
    if message is None:
        raise SlackError("thread_not_found")  # [doc: methods/conversations.replies#errors]
    thread = call.world.workspace.replies(channel["id"], message.get("thread_ts", ts))
    # [doc: conversations.replies] the root always comes along.
    return _messages(call, thread[:1] + _within(call, thread[1:]), 1000)


def _readable(call: Call) -> Json:
    """[doc: methods/conversations.history] bots read what they are members of."""
    channel = call.channel()
    call.may_read(channel)
    if not call.member(channel):
        raise SlackError("not_in_channel")
    return channel


def _within(call: Call, rows: list[Json]) -> list[Json]:
    oldest, latest = call.text("oldest"), call.text("latest")
    inclusive = call.flag("inclusive")
    try:
        low, high = float(oldest or 0), float(latest or "inf")
    except ValueError:
        raise SlackError("invalid_ts_latest" if latest else "invalid_ts_oldest") from None
    if inclusive:
        return [m for m in rows if low <= float(m["ts"]) <= high]
    return [m for m in rows if (not oldest or low < float(m["ts"])) and float(m["ts"]) < high]


def _messages(call: Call, rows: list[Json], default: int) -> Json:
    rows, cursor = page(call, rows, default)
    found = list(public(rows, call.flag("include_all_metadata")))
    answer: Json = {"messages": found, "has_more": bool(cursor["next_cursor"])}
    return answer | ({"response_metadata": cursor} if cursor["next_cursor"] else {})

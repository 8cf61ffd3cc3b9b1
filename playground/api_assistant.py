"""assistant.threads.* and agents.sessions.*: what an agent shows beside its messages.

A status line, a title, suggested prompts; a session's status, which brings the native stop button.
"""

from __future__ import annotations

from collections.abc import Callable

from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json
from playground.world import World

STATUS_LASTS = 120.0  # [doc: methods/assistant.threads.setStatus] "a two minute timeout applies"
STATUSES = ("active", "processing", "suspended", "closed")  # [doc: methods/agents.sessions.setStatus]


def _session(call: Call, thread_ts: str) -> Json:
    """The session's row. [doc: assistant.threads.setStatus#errors] channel_not_found, invalid_thread_ts."""
    channel = call.channel("channel_id")
    if not call.member(channel):
        raise SlackError("not_in_channel")
    if call.world.workspace.message(channel["id"], thread_ts) is None:
        raise SlackError("invalid_thread_ts")
    key = f"{channel['id']}:{thread_ts}"
    found = call.world.state.sessions.get(key)
    return found or {"key": key, "channel": channel["id"], "thread_ts": thread_ts}


def _few(call: Call, name: str, most: int) -> list[object]:
    """A list that may not be long."""
    value = call.args.get(name) or []
    if not isinstance(value, list) or len(value) > most:
        message = f"[ERROR] no more than {most} items allowed [json-pointer:/{name}]"
        raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
    return value


def _keep(call: Call, row: Json, **fields: object) -> None:
    row |= fields
    call.world.state.sessions.put(row["key"], row)
    call.world.workspace.announce("session", row)


@method("assistant.threads.setStatus", "chat:write", "assistant:write", tier=0)
def set_status(call: Call) -> Json:
    row = _session(call, call.need("thread_ts"))
    loading = _few(call, "loading_messages", 10)
    _keep(call, row, text=call.text("status"), loading_messages=loading, at=call.world.ids.now())
    return {}


@method("assistant.threads.setTitle", "chat:write", "assistant:write", tier=0)
def set_title(call: Call) -> Json:
    _keep(call, _session(call, call.need("thread_ts")), title=call.need("title"))
    return {}


@method("assistant.threads.setSuggestedPrompts", "chat:write", "assistant:write", tier=0)
def set_prompts(call: Call) -> Json:
    row = _session(call, call.need("thread_ts"))
    _keep(call, row, prompts=_few(call, "prompts", 4), prompts_title=call.text("title"))
    return {}


@method("agents.sessions.setStatus", "chat:write")
def session_status(call: Call) -> Json:
    status = call.need("status")
    if status not in STATUSES:
        message = "[ERROR] must be one of: " + ", ".join(STATUSES) + " [json-pointer:/status]"
        raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
    if any(call.text(name) for name in ("icon_emoji", "icon_url", "username")):
        call.scoped("chat:write.customize")
    row = _session(call, call.need("thread_ts"))
    title = row.get("title") or call.text("title")  # only used when the session is new [doc]
    _keep(call, row, agent_status=status, title=title)
    answer: Json = {"status": status, "agent_status": status, "title": title}
    if status == "processing" and not call.world.events.wants("agent_session_stopped"):
        answer["warning"] = "missing_agent_session_stopped_event_subscription"  # [doc: agent_session_stopped]
    return answer


@method("agents.sessions.rename", "chat:write")
def session_rename(call: Call) -> Json:
    row = _session(call, call.need("thread_ts"))
    _keep(call, row, title=call.need("title"))
    return {"title": row["title"]}


def status_clearer(world: World) -> Callable[[str, Json], None]:
    """A listener: the status goes when the app posts in the thread [doc: assistant.threads.setStatus]."""

    def heard(kind: str, data: Json) -> None:
        message = data.get("message", {})
        if kind != "message" or message.get("bot_id") != world.bot_id or not message.get("thread_ts"):
            return
        row = world.state.sessions.get(f"{data['channel']}:{message['thread_ts']}")
        if row is not None and row.get("text"):
            row["text"] = ""
            world.state.sessions.put(row["key"], row)
            world.workspace.announce("session", row)

    return heard

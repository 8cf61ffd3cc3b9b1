"""chat.startStream, appendStream, stopStream: a message that grows.

[src: slack_sdk/web/async_chat_stream.py] the SDK's stream sends its text inside `chunks`.
[doc: methods/chat.startStream] in a channel, a stream has one recipient, who must be named.
"""

from __future__ import annotations

from playground.api_chat import author, checked_metadata, own, writable
from playground.block_ids import identified
from playground.block_rules import check_message_blocks
from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json

LIFETIME = 300.0  # [seen] a stream dies about five minutes after its start, fed or not
STATUSES = ("pending", "in_progress", "complete", "error")


@method("chat.startStream", "chat:write", tier=2)
def start_stream(call: Call) -> Json:
    channel = writable(call)
    thread_ts = call.need("thread_ts")
    if not channel["is_im"]:
        for name in ("recipient_team_id", "recipient_user_id"):
            if not call.text(name):
                raise SlackError(f"missing_{name}")
    mode = call.text("task_display_mode") or "timeline"
    stream: Json = {"mode": mode, "began": call.world.ids.now()}
    fields: Json = {
        **author(call),
        "text": "",
        "blocks": [],
        "streaming_state": "in_progress",
        "stream": stream,
    }
    _grow(call, fields)
    message = call.world.workspace.post(channel, fields, thread_ts)
    return {"channel": channel["id"], "ts": message["ts"]}


@method("chat.appendStream", "chat:write", tier=4)
def append_stream(call: Call) -> Json:
    channel, message = _streaming(call)
    fields = {k: message[k] for k in ("text", "blocks", "stream")}
    _grow(call, fields)
    call.world.workspace.edit(channel, message["ts"], fields, kind="stream_appended")
    return {"channel": channel["id"], "ts": message["ts"]}


@method("chat.stopStream", "chat:write", tier=2)
def stop_stream(call: Call) -> Json:
    channel, message = _streaming(call)
    fields = {k: message[k] for k in ("text", "blocks", "stream")}
    _grow(call, fields)
    if call.args.get("blocks"):
        check_message_blocks(call.args["blocks"], call.world.faults.refused_blocks)
        fields["blocks"] = fields["blocks"] + identified(call.world.ids, call.args["blocks"])
    if call.args.get("metadata"):
        fields["metadata"] = checked_metadata(call.args["metadata"])
    fields |= {"stream": None, "streaming_state": "completed"}
    message = call.world.workspace.edit(channel, message["ts"], fields)
    return {"channel": channel["id"], "ts": message["ts"], "message": message}


def _streaming(call: Call) -> tuple[Json, Json]:
    channel = call.channel()
    message = own(call, channel, "message_not_owned_by_app")
    stream = message.get("stream")
    if not stream or call.world.ids.now() - stream["began"] > LIFETIME:
        raise SlackError("message_not_in_streaming_state")  # [doc: chat.appendStream#errors]
    return channel, message


def _grow(call: Call, fields: Json) -> None:
    """Adds text and chunks to a message's fields; the lists are new, so that a `before` stays what it was."""
    fields["blocks"] = [dict(b) for b in fields["blocks"]]
    if call.text("markdown_text"):
        _text(fields, call.text("markdown_text"))
    chunks = call.args.get("chunks") or []
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks")
    for chunk in chunks:
        kind = chunk.get("type") if isinstance(chunk, dict) else None
        if kind == "markdown_text" and isinstance(chunk.get("text"), str):
            _text(fields, chunk["text"])
        elif kind == "task_update" and chunk.get("id") and chunk.get("title"):
            _task(fields, chunk)
        elif kind == "plan_update" and chunk.get("title"):
            _plan(fields)["title"] = chunk["title"]
        elif kind == "blocks" and isinstance(chunk.get("blocks"), list):
            check_message_blocks(chunk["blocks"], call.world.faults.refused_blocks)
            fields["blocks"] += identified(call.world.ids, chunk["blocks"])
        else:
            raise SlackError("invalid_chunks")
    if len(fields["text"]) > 12_000:
        raise SlackError("msg_too_long")


def _text(fields: Json, text: str) -> None:
    fields["text"] += text
    blocks = fields["blocks"]
    if blocks and blocks[-1]["type"] == "markdown":
        blocks[-1]["text"] += text
    else:
        blocks.append({"type": "markdown", "text": text})


def _plan(fields: Json) -> Json:
    for block in fields["blocks"]:
        if block["type"] == "plan":
            return block  # type: ignore[no-any-return]
    plan: Json = {"type": "plan", "title": "", "tasks": []}
    fields["blocks"].append(plan)
    return plan


def _task(fields: Json, chunk: Json) -> None:
    status = chunk.get("status") or "pending"
    if status not in STATUSES:
        raise SlackError("invalid_chunks")
    if fields["stream"]["mode"] == "plan":
        plan = _plan(fields)
        plan["tasks"] = [dict(t) for t in plan["tasks"]]
        home = plan["tasks"]
    else:
        home = fields["blocks"]
    task = next((t for t in home if t.get("task_id") == chunk["id"]), None)
    if task is None:
        task = {"type": "task_card", "task_id": chunk["id"]}
        home.append(task)
    task |= {"title": chunk["title"], "status": status}
    for part in ("details", "output"):
        if chunk.get(part):
            section = {"type": "rich_text_section", "elements": [{"type": "text", "text": str(chunk[part])}]}
            task[part] = {"type": "rich_text", "elements": [section]}
    if chunk.get("sources"):
        task["sources"] = chunk["sources"]

"""chat.*: posting, changing and removing messages, with what Slack refuses. Streams are in `api_streams`."""

from __future__ import annotations

import json

from playground.block_ids import identified
from playground.block_rules import check_message_blocks
from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json

POST_TEXT = 40_000  # [doc: methods/chat.postMessage] "truncated" beyond; we refuse, so that it is noticed
UPDATE_TEXT = 4_000  # [doc: methods/chat.update] msg_too_long
METADATA_BYTES = 16_000  # metadata_too_large [doc: messaging/message-metadata]; the size is not documented


@method("chat.postMessage", "chat:write", tier=0)
def post_message(call: Call) -> Json:
    channel = writable(call)
    fields = {**author(call), **content(call, POST_TEXT)}
    thread_ts = call.text("thread_ts") or None
    if thread_ts and call.flag("reply_broadcast"):
        fields["subtype"] = "thread_broadcast"
    message = call.world.workspace.post(channel, fields, thread_ts)
    return {"channel": channel["id"], "ts": message["ts"], "message": message}


@method("chat.update", "chat:write")
def update(call: Call) -> Json:
    channel = call.channel()
    old = own(call, channel, "cant_update_message")
    fields = content(call, UPDATE_TEXT)
    # [doc: methods/chat.update] "blocks" left out while text is given: the old blocks go away.
    fields.setdefault("blocks", None)
    if channel["is_archived"]:
        raise SlackError("is_archived")
    message = call.world.workspace.edit(channel, old["ts"], fields, by=call.token["user"])
    answer = {"channel": channel["id"], "ts": message["ts"], "text": message.get("text", "")}
    return {**answer, "message": message}


@method("chat.delete", "chat:write")
def delete(call: Call) -> Json:
    channel = call.channel()
    old = own(call, channel, "cant_delete_message")
    call.world.workspace.delete(channel, old["ts"])
    return {"channel": channel["id"], "ts": old["ts"]}


@method("chat.postEphemeral", "chat:write", tier=4)
def post_ephemeral(call: Call) -> Json:
    channel = writable(call)
    user_id = call.need("user")
    if user_id not in channel["members"]:
        raise SlackError("user_not_in_channel")
    fields = {**author(call), **content(call, POST_TEXT)}
    message = call.world.workspace.ephemeral(channel, user_id, fields, call.text("thread_ts") or None)
    return {"message_ts": message["ts"]}


@method("chat.getPermalink", tier=0)
def get_permalink(call: Call) -> Json:
    channel = call.channel()
    ts = call.need("message_ts")
    message = call.world.workspace.message(channel["id"], ts)
    if message is None:
        raise SlackError("message_not_found")
    link = f"{call.world.base_url}/archives/{channel['id']}/p{ts.replace('.', '')}"
    if message.get("thread_ts", ts) != ts:
        link += f"?thread_ts={message['thread_ts']}&cid={channel['id']}"
    return {"channel": channel["id"], "permalink": link}


def writable(call: Call) -> Json:
    """The channel, if the caller may post there [doc: methods/chat.postMessage#errors]."""
    channel = call.target()
    if channel["is_archived"]:
        raise SlackError("is_archived")
    # [doc: scopes/chat:write.public] posting to public channels without being a member.
    public = not channel["is_im"] and not channel["is_private"]
    if not call.member(channel) and not (public and "chat:write.public" in call.token["scopes"]):
        raise SlackError("not_in_channel")
    return channel


def own(call: Call, channel: Json, otherwise: str) -> Json:
    """The message, if the caller wrote it; `otherwise` is the refusal [doc: chat.update, chat.delete]."""
    message = call.world.workspace.message(channel["id"], call.need("ts"))
    if message is None or message.get("subtype") == "tombstone":
        raise SlackError("message_not_found")
    if message.get("bot_id") != call.world.bot_id:
        raise SlackError(otherwise)
    return message


def author(call: Call) -> Json:
    """Who a message is from. Another name or icon needs `chat:write.customize` [doc: scopes]; without it they
    are silently ignored [seen: papercups 522, activepieces 6796]."""
    world = call.world
    who: Json = {"user": call.token["user"], "bot_id": world.bot_id, "app_id": world.app_id}
    names = {k: call.text(k) for k in ("username", "icon_emoji", "icon_url") if call.text(k)}
    if not names or "chat:write.customize" not in call.token["scopes"]:
        return who
    # [doc: chat.postMessage, sample response] a renamed post is a `bot_message` without a user.
    who = {"subtype": "bot_message", "bot_id": world.bot_id, "app_id": world.app_id}
    if "username" in names:
        who["username"] = names["username"]
    icon = names.get("icon_emoji")
    if icon:
        who["icons"] = {"emoji": f":{icon.strip(':')}:"}
    elif "icon_url" in names:
        who["icons"] = {"image_48": names["icon_url"]}
    return who


def content(call: Call, longest: int) -> Json:
    """Text, blocks and metadata, checked."""
    args, fields = call.args, Json()
    text, markdown = call.text("text"), call.text("markdown_text")
    blocks, attachments = args.get("blocks"), args.get("attachments")
    if markdown:
        # [doc: chat.postMessage] markdown_text goes with neither text nor blocks, and up to 12,000.
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > 12_000:
            raise SlackError("msg_too_long")
        blocks, text = [{"type": "markdown", "text": markdown}], markdown
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    if len(text) > longest and not markdown:
        raise SlackError("msg_too_long")
    fields["text"] = text
    if blocks is not None:
        check_message_blocks(blocks, call.world.faults.refused_blocks)
        fields["blocks"] = identified(call.world.ids, blocks)
    if attachments:
        fields["attachments"] = attachments
    if args.get("metadata"):
        fields["metadata"] = checked_metadata(args["metadata"])
    return fields


def checked_metadata(metadata: object) -> Json:
    """[doc: messaging/message-metadata] an `event_type` (a name) and an `event_payload` (an object)."""
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": kind, "event_payload": payload}

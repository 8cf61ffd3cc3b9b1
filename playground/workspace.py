"""Messages, threads and reactions, and what can happen to them.

Every change is announced to the listeners (the page, the app's events); nothing here knows HTTP or tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from playground.directory import Directory
from playground.errors import SlackError
from playground.ids import Ids
from playground.state import Json, State

TOMBSTONE = "This message was deleted."


class Workspace(Directory):
    def __init__(self, state: State, ids: Ids) -> None:
        super().__init__(state, ids)
        self._channels: dict[str, dict[str, Json]] = {}
        self._threads: dict[tuple[str, str], list[str]] = {}
        for key, message in state.messages.rows.items():
            self._index(key.split(":")[0], message)

    def _index(self, channel_id: str, message: Json) -> None:
        self._channels.setdefault(channel_id, {})[message["ts"]] = message
        root = message.get("thread_ts")
        if root and root != message["ts"]:
            self._threads.setdefault((channel_id, root), []).append(message["ts"])

    def message(self, channel_id: str, ts: str) -> Json | None:
        return self._channels.get(channel_id, {}).get(ts)

    def messages(self, channel_id: str) -> list[Json]:
        """All of a channel, thread replies too, oldest first: timestamps only ever grow."""
        return list(self._channels.get(channel_id, {}).values())

    def roots(self, channel_id: str) -> list[Json]:
        return [m for m in self.messages(channel_id) if _in_channel(m)]

    def replies(self, channel_id: str, root_ts: str) -> list[Json]:
        """The root (when it is there) and its replies, oldest first."""
        found = [self.message(channel_id, root_ts)]
        found += [self.message(channel_id, ts) for ts in self._threads.get((channel_id, root_ts), [])]
        return [m for m in found if m is not None]

    def post(
        self, channel: Json, fields: Json, thread_ts: str | None = None, at: float | None = None
    ) -> Json:
        """Puts a message into a channel. The caller has checked that its author may."""
        message: Json = {"type": "message", **fields, "ts": self.ids.ts(at), "team": self.team_id}
        root = None
        if thread_ts:
            root = self.message(channel["id"], thread_ts)
            if root is None:
                # [seen: slackapi/bolt-js 2307] what a reply to a deleted message gets; the documentation
                # of chat.postMessage names no error for it.
                raise SlackError("thread_not_found")
            # A reply to a reply lands in the same thread.
            root = self.message(channel["id"], root.get("thread_ts") or thread_ts) or root
            message["thread_ts"] = root["ts"]
            if "user" in root:
                message["parent_user_id"] = root["user"]
        self._store(channel["id"], message)
        self._index(channel["id"], message)
        if root is not None:
            self._count_replies(channel["id"], root)
        self.announce("message", {"channel": channel["id"], "message": message})
        return message

    def edit(
        self, channel: Json, ts: str, fields: Json, *, by: str | None = None, kind: str = "message_changed"
    ) -> Json:
        """Changes a message. `kind` is what is announced: not every change is an event for the app."""
        message = self._must(channel["id"], ts)
        before = copy.deepcopy(message)
        for key, value in fields.items():
            if value is None:
                message.pop(key, None)
            else:
                message[key] = value
        if by is not None:
            message["edited"] = {"user": by, "ts": self.ids.ts()}
        self._store(channel["id"], message)
        self.announce(kind, {"channel": channel["id"], "message": message, "before": before})
        return message

    def delete(self, channel: Json, ts: str) -> None:
        """A root with replies leaves a tombstone, so that its thread stays [doc: events/message]."""
        message = self._must(channel["id"], ts)
        if self._threads.get((channel["id"], ts)):
            gone = {"subtype": "tombstone", "text": TOMBSTONE, "hidden": True, "user": "USLACKBOT"}
            drop = dict.fromkeys(("blocks", "files", "metadata", "bot_id", "username", "icons", "edited"))
            self.edit(channel, ts, {**drop, **gone})
            return
        self._channels[channel["id"]].pop(ts)
        self.state.messages.drop(f"{channel['id']}:{ts}")
        root_ts = message.get("thread_ts")
        if root_ts and root_ts != ts:
            self._threads[(channel["id"], root_ts)].remove(ts)
            root = self.message(channel["id"], root_ts)
            if root is not None:
                self._count_replies(channel["id"], root)
        self.announce("message_deleted", {"channel": channel["id"], "ts": ts, "before": message})

    def react(self, channel: Json, ts: str, name: str, user_id: str, add: bool = True) -> None:
        message = self._must(channel["id"], ts)
        reactions: list[Json] = message.setdefault("reactions", [])
        one = next((r for r in reactions if r["name"] == name), None)
        if add:
            if one and user_id in one["users"]:
                raise SlackError("already_reacted")
            if one is None:
                one = {"name": name, "users": [], "count": 0}
                reactions.append(one)
            one["users"].append(user_id)
        else:
            if one is None or user_id not in one["users"]:
                raise SlackError("no_reaction")
            one["users"].remove(user_id)
            if not one["users"]:
                reactions.remove(one)
        one["count"] = len(one["users"])
        if not reactions:
            message.pop("reactions")
        self._store(channel["id"], message)
        item_user = message.get("user")
        item = {"channel": channel["id"], "ts": ts, "name": name, "user": user_id, "item_user": item_user}
        self.announce("reaction_added" if add else "reaction_removed", item)

    def ephemeral(self, channel: Json, user_id: str, fields: Json, thread_ts: str | None = None) -> Json:
        """Seen by one person only; in no history, as with Slack."""
        message: Json = {"type": "message", "is_ephemeral": True, **fields, "ts": self.ids.ts()}
        if thread_ts:
            message["thread_ts"] = thread_ts
        row = {"channel": channel["id"], "user": user_id, "message": message}
        self.state.ephemerals.put(message["ts"], row)
        self.announce("ephemeral", row)
        return message

    def _must(self, channel_id: str, ts: str) -> Json:
        message = self.message(channel_id, ts)
        if message is None:
            raise SlackError("message_not_found")
        return message

    def _store(self, channel_id: str, message: Json) -> None:
        self.state.messages.put(f"{channel_id}:{message['ts']}", message)

    def _count_replies(self, channel_id: str, root: Json) -> None:
        replies = [m for m in self.replies(channel_id, root["ts"]) if m["ts"] != root["ts"]]
        if replies:
            authors = list(dict.fromkeys(str(m.get("user") or m.get("bot_id")) for m in replies))
            root.update(thread_ts=root["ts"], reply_count=len(replies), latest_reply=replies[-1]["ts"])
            root.update(reply_users=authors, reply_users_count=len(authors))
        else:
            for key in ("thread_ts", "reply_count", "latest_reply", "reply_users", "reply_users_count"):
                root.pop(key, None)
        self._store(channel_id, root)


def _in_channel(message: Json) -> bool:
    """True for what a channel's own history shows: roots, and replies that were broadcast."""
    root = message.get("thread_ts")
    return not root or root == message["ts"] or message.get("subtype") == "thread_broadcast"


def public(messages: list[Json], all_metadata: bool) -> Iterator[Json]:
    """Messages as history and replies return them.

    [doc: messaging/message-metadata] without `include_all_metadata` only the `event_type` comes back.
    """
    for message in messages:
        shown = copy.deepcopy(message)
        if "metadata" in shown and not all_metadata:
            shown["metadata"] = {"event_type": shown["metadata"]["event_type"]}
        yield shown

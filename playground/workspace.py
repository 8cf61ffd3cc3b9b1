"""People, channels and messages, and what can happen to them.

Every change is announced to the listeners (the page, the app's events); nothing here knows HTTP, tokens
or who listens. Names (`ada`, `general`) are accepted wherever ids are, for the sake of tests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

from playground.errors import SlackError
from playground.ids import Ids
from playground.state import Json, State

Listener = Callable[[str, Json], None]

TOMBSTONE = "This message was deleted."


class Workspace:
    def __init__(self, state: State, ids: Ids) -> None:
        self.state = state
        self.ids = ids
        self.listeners: list[Listener] = []
        self._channels: dict[str, dict[str, Json]] = {}
        self._threads: dict[tuple[str, str], list[str]] = {}
        for key, message in state.messages.rows.items():
            self._index(key.split(":")[0], message)

    def _index(self, channel_id: str, message: Json) -> None:
        self._channels.setdefault(channel_id, {})[message["ts"]] = message
        root = message.get("thread_ts")
        if root and root != message["ts"]:
            self._threads.setdefault((channel_id, root), []).append(message["ts"])

    def announce(self, kind: str, data: Json) -> None:
        for listener in self.listeners:
            listener(kind, data)

    # -- who and where

    @property
    def team(self) -> Json:
        return next(iter(self.state.team))

    @property
    def team_id(self) -> str:
        return str(self.team["id"])

    def user(self, who: str) -> Json:
        found = self.state.users.get(who) or next((u for u in self.state.users if u["name"] == who), None)
        if found is None:
            raise SlackError("user_not_found")
        return found

    @property
    def bot(self) -> Json:
        return next(u for u in self.state.users if u["is_bot"])

    def channel(self, where: str) -> Json:
        name = where.removeprefix("#")
        found = self.state.channels.get(where)
        found = found or next(
            (c for c in self.state.channels if c.get("name") == name and not c["is_im"]), None
        )
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def im(self, user_id: str) -> Json:
        """The conversation between the bot and one person, opened when it is first needed."""
        for channel in self.state.channels:
            if channel["is_im"] and channel["user"] == user_id:
                return channel
        row: Json = {
            "id": self.ids.new("D"),
            "created": int(self.ids.now()),
            "is_im": True,
            "is_channel": False,
            "is_private": True,
            "is_archived": False,
            "is_org_shared": False,
            "user": user_id,
            "members": [user_id, self.bot["id"]],
        }
        return self.state.channels.put(row["id"], row)

    def channel_type(self, channel: Json) -> str:
        if channel["is_im"]:
            return "im"
        return "group" if channel["is_private"] else "channel"

    def join(self, channel: Json, user_id: str) -> bool:
        if user_id in channel["members"]:
            return False
        channel["members"].append(user_id)
        self.state.channels.put(channel["id"], channel)
        self.announce("member_joined", {"channel": channel["id"], "user": user_id})
        return True

    def leave(self, channel: Json, user_id: str) -> None:
        if user_id in channel["members"]:
            channel["members"].remove(user_id)
            self.state.channels.put(channel["id"], channel)
            self.announce("member_left", {"channel": channel["id"], "user": user_id})

    def archive(self, channel: Json, archived: bool = True) -> None:
        channel["is_archived"] = archived
        self.state.channels.put(channel["id"], channel)
        self.announce("channel_archive" if archived else "channel_unarchive", {"channel": channel["id"]})

    # -- messages

    def message(self, channel_id: str, ts: str) -> Json | None:
        return self._channels.get(channel_id, {}).get(ts)

    def messages(self, channel_id: str) -> list[Json]:
        """All of a channel, thread replies too, oldest first."""
        return sorted(self._channels.get(channel_id, {}).values(), key=lambda m: str(m["ts"]))

    def roots(self, channel_id: str) -> list[Json]:
        return [m for m in self.messages(channel_id) if _in_channel(m)]

    def replies(self, channel_id: str, root_ts: str) -> list[Json]:
        """The root (when it is there) and its replies, oldest first."""
        found = [self.message(channel_id, root_ts)]
        found += [self.message(channel_id, ts) for ts in sorted(self._threads.get((channel_id, root_ts), []))]
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
                # The documentation names no error for a root that is gone; `thread_not_found` is what
                # conversations.replies says [doc]. See README: not verified against a live workspace.
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

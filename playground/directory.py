"""Who is in the workspace, which channels there are, who is in them. What is said there is `workspace`'s.

Names (`ada`, `general`) are accepted wherever ids are, for the sake of tests. Changes are announced to the
listeners; nothing here knows who listens.
"""

from __future__ import annotations

from collections.abc import Callable

from playground.errors import SlackError
from playground.ids import Ids
from playground.state import Json, State

Listener = Callable[[str, Json], None]


class Directory:
    def __init__(self, state: State, ids: Ids) -> None:
        self.state = state
        self.ids = ids
        self.listeners: list[Listener] = []

    def announce(self, kind: str, data: Json) -> None:
        for listener in self.listeners:
            listener(kind, data)

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

"""Turns what happened in the workspace into Events API payloads, for what the app subscribed to and may see.

It does not know how they travel.
"""

from __future__ import annotations

from collections.abc import Callable

from playground.ids import Ids
from playground.state import Json
from playground.workspace import Workspace, public

# What an app that says nothing else is subscribed to. A manifest narrows it.
SUBSCRIPTIONS = frozenset(
    [
        "app_mention",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "app_home_opened",
        "app_uninstalled",
        "tokens_revoked",
        "member_joined_channel",
        "member_left_channel",
        "channel_archive",
        "channel_unarchive",
        "reaction_added",
        "reaction_removed",
        "assistant_thread_started",
        "agent_session_stopped",
    ]
)


class Events:
    def __init__(
        self,
        workspace: Workspace,
        ids: Ids,
        *,
        app_id: str,
        verification: str,
        offer: Callable[[Json], None],
        subscriptions: frozenset[str] = SUBSCRIPTIONS,
    ) -> None:
        self._workspace = workspace
        self._ids = ids
        self._app_id = app_id
        self._verification = verification
        self._offer = offer
        self._subscriptions = subscriptions
        self._makers: dict[str, Callable[[Json], None]] = {
            "message": self._message,
            "message_changed": self._changed,
            "message_deleted": self._deleted,
            "reaction_added": lambda d: self._reaction("reaction_added", d),
            "reaction_removed": lambda d: self._reaction("reaction_removed", d),
            "member_joined": lambda d: self._membership("member_joined_channel", d),
            "member_left": lambda d: self._membership("member_left_channel", d),
            "channel_archive": lambda d: self._archive("channel_archive", d),
            "channel_unarchive": lambda d: self._archive("channel_unarchive", d),
        }

    def heard(self, kind: str, data: Json) -> None:
        """A listener of the workspace."""
        maker = self._makers.get(kind)
        if maker is not None:
            maker(data)

    def wants(self, subscription: str) -> bool:
        return subscription in self._subscriptions

    def send(self, event: Json, subscription: str | None = None) -> None:
        """One event, wrapped as Slack wraps it [doc: apis/events-api#callback-field]."""
        if not self.wants(subscription or event["type"]):
            return
        team, bot = self._workspace.team_id, self._workspace.bot["id"]
        event.setdefault("event_ts", self._ids.ts())
        self._offer(
            {
                "token": self._verification,
                "team_id": team,
                "context_team_id": team,
                "context_enterprise_id": None,
                "api_app_id": self._app_id,
                "event": event,
                "type": "event_callback",
                "event_id": self._ids.new("Ev"),
                "event_time": int(self._ids.now()),
                "authorizations": [
                    {
                        "enterprise_id": None,
                        "team_id": team,
                        "user_id": bot,
                        "is_bot": True,
                        "is_enterprise_install": False,
                    }
                ],
                "is_ext_shared_channel": False,
                "event_context": "4-" + self._ids.new("", 60),
            }
        )

    def _sees(self, channel: Json) -> bool:
        return self._workspace.bot["id"] in channel["members"]

    def _message_event(self, channel: Json, event: Json) -> None:
        kind = self._workspace.channel_type(channel)
        subscription = {"im": "message.im", "group": "message.groups"}.get(kind, "message.channels")
        self.send({"type": "message", "channel": channel["id"], "channel_type": kind, **event}, subscription)

    def _message(self, data: Json) -> None:
        channel = self._workspace.channel(data["channel"])
        message = next(public([data["message"]], all_metadata=False))
        if not self._sees(channel):
            return
        self._message_event(channel, {**message, "event_ts": message["ts"]})
        # [doc: events/app_mention] not in DMs; the same message comes as `message` too. An app's own
        # mention of itself is not a mention.
        mentioned = f"<@{self._workspace.bot['id']}>" in str(message.get("text", ""))
        if mentioned and not channel["is_im"] and not message.get("bot_id"):
            twin = {k: v for k, v in message.items() if k not in ("subtype", "parent_user_id")}
            self.send({**twin, "type": "app_mention", "channel": channel["id"], "event_ts": message["ts"]})

    def _changed(self, data: Json) -> None:
        channel = self._workspace.channel(data["channel"])
        if self._sees(channel):
            now, before = public([data["message"], data["before"]], all_metadata=False)
            ts = self._ids.ts()
            event = {"subtype": "message_changed", "message": now, "previous_message": before, "hidden": True}
            self._message_event(channel, {**event, "ts": ts, "event_ts": ts})

    def _deleted(self, data: Json) -> None:
        channel = self._workspace.channel(data["channel"])
        if self._sees(channel):
            (before,) = public([data["before"]], all_metadata=False)
            ts = self._ids.ts()
            event = {"subtype": "message_deleted", "deleted_ts": data["ts"], "previous_message": before}
            self._message_event(channel, {**event, "hidden": True, "ts": ts, "event_ts": ts})

    def _reaction(self, kind: str, data: Json) -> None:
        if self._sees(self._workspace.channel(data["channel"])):
            item = {"type": "message", "channel": data["channel"], "ts": data["ts"]}
            event = {"type": kind, "user": data["user"], "reaction": data["name"], "item": item}
            self.send({**event, "item_user": data.get("item_user")})

    def _membership(self, kind: str, data: Json) -> None:
        channel = self._workspace.channel(data["channel"])
        if self._sees(channel) or data["user"] == self._workspace.bot["id"]:
            event = {
                "type": kind,
                "user": data["user"],
                "channel": channel["id"],
                "team": self._workspace.team_id,
            }
            self.send({**event, "channel_type": "G" if channel["is_private"] else "C"})

    def _archive(self, kind: str, data: Json) -> None:
        if self._sees(self._workspace.channel(data["channel"])):
            self.send({"type": kind, "channel": data["channel"], "user": "U0ADA"})

"""The registry of Web API methods: `@method("chat.postMessage", scope="chat:write", tier=…)` adds one.

A method is a plain function from a `Call` to the answer's fields; it raises SlackError to refuse. It is
synchronous on purpose: what it does happens at once or, with a fault, later, but never by halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playground.errors import SlackError
from playground.state import Json
from playground.world import World


@dataclass(frozen=True)
class Call:
    world: World
    args: Json
    token: Json

    def text(self, name: str) -> str:
        value = self.args.get(name)
        return "" if value is None else str(value)

    def need(self, name: str) -> str:
        """A required argument. [doc: methods] the detail is in response_metadata.messages."""
        value = self.text(name)
        if not value:
            message = f"[ERROR] missing required field: {name}"
            raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
        return value

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise SlackError("invalid_arguments") from None

    def channel(self, name: str = "channel") -> Json:
        """The channel that is meant, by its id [doc: methods]."""
        channel = self.world.state.channels.get(self.text(name))
        if channel is None:
            raise SlackError("channel_not_found")
        if channel["is_im"] and self.token["user"] not in channel["members"]:
            raise SlackError("channel_not_found")
        return channel

    def target(self) -> Json:
        """Where to post: also a channel's name, or a user id, which means the DM [doc: chat.postMessage]."""
        given, workspace = self.text("channel"), self.world.workspace
        if given in self.world.state.users.rows and given != workspace.bot["id"]:
            return workspace.im(given)
        if given in self.world.state.channels.rows:
            return self.channel()
        return workspace.channel(given)

    def scoped(self, *scopes: str) -> None:
        """Any one of `scopes` will do; what Slack says otherwise names both sides [doc: missing_scope]."""
        provided = self.token["scopes"]
        if scopes and not any(scope in provided for scope in scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(provided))

    def may_read(self, channel: Json, what: str = "history") -> None:
        """[doc: scopes] one family for each kind of conversation: channels:history, im:history, …"""
        kind = self.world.workspace.channel_type(channel)
        self.scoped({"im": "im", "group": "groups"}.get(kind, "channels") + ":" + what)

    def member(self, channel: Json) -> bool:
        return self.token["user"] in channel["members"]


Run = Callable[[Call], Json]


@dataclass(frozen=True)
class Method:
    name: str
    run: Run
    scopes: tuple[str, ...]
    tier: int
    token: str  # bot | app | none


METHODS: dict[str, Method] = {}


def method(name: str, *scopes: str, tier: int = 3, token: str = "bot") -> Callable[[Run], Run]:  # noqa: S107
    def register(run: Run) -> Run:
        METHODS[name] = Method(name, run, scopes, tier, token)
        return run

    return register

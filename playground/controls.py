"""The other half of `faults`: trouble that changes the workspace or its sockets; and all of it over HTTP.

`POST /playground/faults` with `{"fault": name, …arguments}` calls what tests call in Python.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from aiohttp import web

from playground.errors import SlackError
from playground.faults import Faults
from playground.world import World

NAMES = [
    "ratelimit",
    "fail",
    "refuse",
    "slow",
    "drop_reply",
    "commit_late",
    "repeat_event",
    "swap_events",
    "lose_first_delivery",
    "refuse_blocks",
    "clear",
    "deafen",
    "disconnect",
    "cut",
    "revoke_token",
    "restore_token",
    "archive",
    "unarchive",
    "demote",
    "promote",
    "remove_bot",
    "invite_bot",
    "uninstall",
    "deactivate",
]


class Trouble(Faults):
    """All faults, as a test sees them: `slack.faults`."""

    world: World  # set once there is one: a World needs its faults first

    async def disconnect(self, reason: str = "refresh_requested", grace: float = 0.0) -> None:
        await self.world.sockets.disconnect(reason, grace)

    def deafen(self, how_many: int = 10, pongs: bool = False) -> None:
        """Sockets that are open and carry nothing; with `pongs` they still answer pings."""
        self.world.sockets.deafen(how_many, pongs=pongs)

    def cut(self) -> None:
        self.world.sockets.cut()

    def revoke_token(self, token: str = "") -> None:
        for secret, row in self.world.state.tokens.rows.items():
            if secret == token or (not token and row["kind"] == "bot"):
                row["revoked"] = "token_revoked"
        bot = self.world.workspace.bot["id"]
        self.world.events.send({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [bot]}})

    def uninstall(self) -> None:
        """The app is removed from the workspace; the two events come in any order [doc: app_uninstalled]."""
        self.world.events.send({"type": "app_uninstalled"})
        self.revoke_token()
        for row in self.world.state.tokens:
            if row["kind"] == "bot":  # the app-level token is the app's, not the workspace's
                row["revoked"] = "account_inactive"

    def restore_token(self) -> None:
        for row in self.world.state.tokens:
            row.pop("revoked", None)

    def archive(self, channel: str) -> None:
        self.world.workspace.archive(self.world.workspace.channel(channel))

    def unarchive(self, channel: str) -> None:
        self.world.workspace.archive(self.world.workspace.channel(channel), archived=False)

    def demote(self, user: str) -> None:
        self._rank(user, admin=False)

    def promote(self, user: str) -> None:
        self._rank(user, admin=True)

    def deactivate(self, user: str) -> None:
        """The person left."""
        row = self.world.workspace.user(user)
        self.world.state.users.put(row["id"], row | {"deleted": True})

    def _rank(self, user: str, admin: bool) -> None:
        row = self.world.workspace.user(user)
        row |= {"is_admin": admin, "is_owner": False, "is_primary_owner": False}
        self.world.state.users.put(row["id"], row)

    def remove_bot(self, channel: str) -> None:
        workspace = self.world.workspace
        workspace.leave(workspace.channel(channel), workspace.bot["id"])

    def invite_bot(self, channel: str) -> None:
        workspace = self.world.workspace
        workspace.join(workspace.channel(channel), workspace.bot["id"])

    async def serve(self, request: web.Request) -> web.Response:
        """The HTTP side, for a bot in another process."""
        try:
            given: dict[str, Any] = dict(await request.json())
            name = given.pop("fault", "")
            if name not in NAMES:
                raise ValueError(f"known faults: {', '.join(NAMES)}")
            act: Callable[..., Any] = getattr(self, name)
            done = act(*given.pop("types", ()), **given)
            if inspect.isawaitable(done):
                await done
        except (ValueError, TypeError, SlackError) as error:
            return web.json_response({"ok": False, "error": str(error)}, status=400)
        return web.json_response({"ok": True})

"""auth.*, apps.*, users.*, team.*, bots.*, reactions.*: who is who, and small gestures."""

from __future__ import annotations

from playground.api_conversations import page
from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json


@method("auth.test", tier=0)
def auth_test(call: Call) -> Json:
    team, bot = call.world.workspace.team, call.world.workspace.bot
    answer = {"url": f"{call.world.base_url}/", "team": team["name"], "team_id": team["id"]}
    who = {"user": bot["name"], "user_id": bot["id"], "bot_id": call.world.bot_id}
    if call.token["kind"] == "app":  # an app-level token is nobody [doc: authentication/tokens]
        who = {"app_id": call.world.app_id, "app_name": bot["real_name"]}
    return {**answer, **who, "is_enterprise_install": False}


@method("auth.revoke", tier=0)
def auth_revoke(call: Call) -> Json:
    if not call.flag("test"):
        call.token["revoked"] = "token_revoked"
    return {"revoked": not call.flag("test")}


@method("apps.connections.open", "connections:write", tier=1, token="app")  # noqa: S106
def connections_open(call: Call) -> Json:
    base = call.world.base_url.replace("http://", "ws://")
    return {"url": f"{base}/link/?ticket={call.world.sockets.ticket()}&app_id={call.world.app_id}"}


@method("users.info", "users:read", tier=4)
def users_info(call: Call) -> Json:
    user = call.world.state.users.get(call.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user}


@method("users.list", "users:read", tier=2)
def users_list(call: Call) -> Json:
    rows, cursor = page(call, list(call.world.state.users))
    return {"members": rows, "response_metadata": cursor}


@method("users.conversations", "channels:read", "groups:read", "im:read", "mpim:read")
def users_conversations(call: Call) -> Json:
    who = call.text("user") or call.token["user"]
    rows = [c for c in call.world.state.channels if who in c["members"] and not c["is_im"]]
    rows, cursor = page(call, [{"id": c["id"], "name": c["name"]} for c in rows])
    return {"channels": rows, "response_metadata": cursor}


@method("team.info", "team:read")
def team_info(call: Call) -> Json:
    return {"team": call.world.workspace.team}


@method("bots.info", "users:read")
def bots_info(call: Call) -> Json:
    bot = call.world.workspace.bot
    if call.text("bot") not in ("", call.world.bot_id):
        raise SlackError("bot_not_found")
    row = {"id": call.world.bot_id, "deleted": False, "name": bot["real_name"], "user_id": bot["id"]}
    return {"bot": {**row, "app_id": call.world.app_id, "updated": 0, "icons": {}}}


@method("reactions.add", "reactions:write")
def reactions_add(call: Call) -> Json:
    return _react(call, add=True)


@method("reactions.remove", "reactions:write")
def reactions_remove(call: Call) -> Json:
    return _react(call, add=False)


def _react(call: Call, add: bool) -> Json:
    channel = call.channel()
    if not call.member(channel):
        raise SlackError("not_in_channel")
    ts = call.need("timestamp")
    call.world.workspace.react(channel, ts, call.need("name").strip(":"), call.token["user"], add)
    return {}

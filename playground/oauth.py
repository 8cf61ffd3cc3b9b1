"""Installing the app: an authorize page with one button, and oauth.v2.access for the code it gives.

[doc: authentication/installing-with-oauth] codes live ten minutes and work once.
[src: slack_sdk oauth_v2_access] the client's id and secret come as HTTP Basic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import urlencode

from aiohttp import web

from playground import seed
from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json
from playground.world import World

CLIENT_ID = "playground.client"
CLIENT_SECRET = "playground-client-secret"  # noqa: S105  (a fixed development value)
CODE_LASTS = 600.0

PAGE = """<!DOCTYPE html><title>Playground</title><body style="font-family:sans-serif;margin:4em">
<h1>Install {app} in Playground?</h1><p>It asks for: {scopes}</p><p><a href="{allow}">Allow</a></p>"""


def authorize_page(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        return _authorize(world, request)

    return serve


def _authorize(world: World, request: web.Request) -> web.Response:
    query = request.query
    if query.get("client_id") != CLIENT_ID:
        raise web.HTTPBadRequest(text="invalid_client_id")
    code = world.ids.secret()
    scopes = query.get("scope", "")
    world.codes[code] = {
        "at": world.ids.now(),
        "scopes": scopes,
        "redirect_uri": query.get("redirect_uri", ""),
    }
    target = query.get("redirect_uri") or "/"
    if not target.startswith(("http://", "https://", "/")):
        raise web.HTTPBadRequest(text="bad_redirect_uri")
    allow = (
        target + ("&" if "?" in target else "?") + urlencode({"code": code, "state": query.get("state", "")})
    )
    page = PAGE.format(
        app=escape(world.workspace.bot["real_name"]), scopes=escape(scopes), allow=escape(allow)
    )
    return web.Response(text=page, content_type="text/html")


@method("oauth.v2.access", tier=4, token="none")  # noqa: S106
def access(call: Call) -> Json:
    if (call.text("client_id"), call.text("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise SlackError("invalid_client_id" if call.text("client_id") != CLIENT_ID else "bad_client_secret")
    given = call.world.codes.pop(call.text("code"), None)
    if given is None or call.world.ids.now() - given["at"] > CODE_LASTS:
        raise SlackError("invalid_code")
    if given["redirect_uri"] != call.text("redirect_uri"):
        raise SlackError("bad_redirect_uri")
    team = call.world.workspace.team
    scopes = given["scopes"].split(",") if given["scopes"] else seed.SCOPES.split()
    secret = f"xoxb-playground-{call.world.ids.secret()}"
    bot_user = call.world.workspace.bot["id"]
    call.world.state.tokens.put(secret, {"kind": "bot", "user": bot_user, "scopes": scopes})
    return {
        "access_token": secret,
        "token_type": "bot",
        "scope": ",".join(scopes),
        "bot_user_id": bot_user,
        "app_id": call.world.app_id,
        "team": {"id": team["id"], "name": team["name"]},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": "U0ADA"},
    }

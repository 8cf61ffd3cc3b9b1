"""The API of the page to chat in: reading the workspace, and doing there what a person does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from playground.api_files import keep, new_file
from playground.errors import Refused, SlackError
from playground.page_live import Live
from playground.people import People
from playground.state import Json
from playground.world import World

PAGE = Path(__file__).parent / "page"
SHOWN = 200

EXAMPLES = (
    ("Draft and refine", "@delegate Draft a short blog post about AI automation, then refine it", "general"),
    ("Two things at once", "@delegate Summarise #support, and write a welcome note for Mia", "general"),
    ("A small question", "@delegate What is 12 times 12?", "general"),
    ("Summarise a channel", "@delegate Summarise the last messages in #support", "support"),
    ("A command", "/delegate Write a two-line reminder that support closes at 4 pm", "support"),
    ("In another language", "@delegate Schreibe eine kurze Einladung zum Teamfrühstück", "general"),
)

Do = Callable[[Json], Awaitable[Json]]


class PageApi:
    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self.live = Live(world)

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/", self._index)
        router.add_get("/page/ws", self.live.serve)
        router.add_get("/page/state", self._state)
        router.add_get("/page/messages", self._messages)
        router.add_get("/page/home", self._home)
        router.add_get("/page/calls", self._calls)
        router.add_post("/page/upload", self._upload)
        doing: dict[str, Do] = {
            "say": self._say,
            "command": self._command,
            "action": self._action,
            "shortcut": self._shortcut,
            "view_submit": self._submit,
            "view_close": self._close,
            "react": self._react,
            "edit": self._edit,
            "delete": self._delete,
            "stop": self._stop,
        }
        for name, do in doing.items():
            router.add_post(f"/page/{name}", _answering(do))
        if PAGE.is_dir():
            router.add_static("/page", PAGE)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        if not (PAGE / "index.html").is_file():
            return web.Response(text="The playground runs. Its page is not built yet.")
        return web.FileResponse(PAGE / "index.html", headers={"x-frame-options": "DENY"})

    async def _state(self, request: web.Request) -> web.Response:
        world = self._world
        keys = ["id", "name", "real_name", "is_admin", "is_owner", "is_restricted", "is_bot", "tz", "color"]
        users = [{k: u.get(k) for k in keys} for u in world.state.users]
        state = {
            "team": world.workspace.team,
            "users": users,
            "channels": [_channel(c) for c in world.state.channels],
            "me_default": users[0]["id"],
            "bot_user": world.workspace.bot["id"],
            "commands": world.commands,
            "shortcuts": world.shortcuts,
            "app_connected": world.app_connected,
            "examples": [{"label": e[0], "text": e[1], "channel": e[2]} for e in EXAMPLES],
        }
        return web.json_response(state)

    async def _messages(self, request: web.Request) -> web.Response:
        workspace, query = self._world.workspace, request.query
        try:
            channel, me = workspace.channel(query.get("channel", "")), workspace.user(query.get("as", "ada"))
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.code, "messages": []})
        if channel["is_im"] and me["id"] not in channel["members"]:
            return web.json_response({"ok": False, "error": "channel_not_found", "messages": []})
        thread = query.get("thread_ts")
        rows = workspace.replies(channel["id"], thread) if thread else workspace.roots(channel["id"])[-SHOWN:]
        for row in self._world.state.ephemerals:
            message = row["message"]
            mine = row["channel"] == channel["id"] and row["user"] == me["id"]
            if mine and message.get("thread_ts") == (thread or None):
                rows = [*rows, message]
        return web.json_response({"ok": True, "messages": sorted(rows, key=lambda m: str(m["ts"]))})

    async def _home(self, request: web.Request) -> web.Response:
        view = self._people.open_home(request.query.get("as", "ada"))
        return web.json_response({"view": view})

    async def _calls(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        return web.json_response({"calls": self._world.calls.after(int(after) if after.isdigit() else 0)})

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        part = form.get("file")
        if not isinstance(part, web.FileField):
            return web.json_response({"ok": False, "error": "no file"})
        person = self._world.workspace.user(str(form.get("as", "ada")))
        content = part.file.read()
        row = new_file(self._world, part.filename, len(content), person["id"])
        return web.json_response({"ok": True, "file": keep(self._world, row, content)})

    # -- what is posted: a JSON object in, a JSON object out; refusals are caught in `_answering`

    async def _say(self, body: Json) -> Json:
        text, thread = str(body.get("text") or ""), body.get("thread_ts")
        name = text.split(maxsplit=1)[0] if text.startswith("/") and text.strip() else ""
        if name and name[1:].isalpha():  # Slack takes it for a command, known or not
            rest = text[len(name) :].strip()
            await self._people.command(name, rest, body["channel"], body["as"], thread)
            return {"ts": None}
        message = self._people.say(body["channel"], text, body["as"], thread, body.get("files"))
        return {"ts": message["ts"]}

    async def _command(self, body: Json) -> Json:
        thread = body.get("thread_ts")
        await self._people.command(
            body["command"], body.get("text") or "", body["channel"], body["as"], thread
        )
        return {}

    async def _action(self, body: Json) -> Json:
        known = ("as", "channel", "message_ts", "view_id", "block_id", "action_id")
        chosen = {k: v for k, v in body.items() if k not in known and v is not None}
        where = {"view_id": body["view_id"]} if body.get("view_id") else {}
        where = where or {"channel": body["channel"], "ts": body["message_ts"]}
        await self._people.action(body["as"], body.get("block_id") or "", body["action_id"], chosen, **where)
        return {}

    async def _shortcut(self, body: Json) -> Json:
        await self._people.shortcut(body["callback_id"], body["channel"], body["ts"], body["as"])
        return {}

    async def _submit(self, body: Json) -> Json:
        errors = await self._people.submit(body["as"], body["view_id"], body.get("values") or {})
        return {"ok": False, "errors": errors} if errors else {}

    async def _close(self, body: Json) -> Json:
        await self._people.close_view(body["as"], body["view_id"], bool(body.get("all")))
        return {}

    async def _react(self, body: Json) -> Json:
        add = not body.get("remove")
        self._people.react(body["channel"], body["ts"], str(body["name"]).strip(":"), body["as"], add)
        return {}

    async def _edit(self, body: Json) -> Json:
        self._people.edit(body["channel"], body["ts"], body["text"], body["as"])
        return {}

    async def _delete(self, body: Json) -> Json:
        self._people.delete(body["channel"], body["ts"], body["as"])
        return {}

    async def _stop(self, body: Json) -> Json:
        self._people.stop_session(body["channel"], body["thread_ts"], body["as"])
        return {}


def _channel(channel: Json) -> Json:
    row = {k: channel.get(k) for k in ("id", "name", "is_im", "is_archived", "members")}
    return row | ({"user": channel["user"]} if channel["is_im"] else {})


def _answering(do: Do) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        # A form of a foreign page can't be JSON: what is no JSON is not from our page.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="JSON only")
        try:
            body = json.loads(await request.text())
            if not isinstance(body, dict):
                raise Refused("an object is wanted")
            answer = await do(body)
        except json.JSONDecodeError:
            answer = {"ok": False, "error": "not JSON"}
        except KeyError as missing:
            answer = {"ok": False, "error": f"missing: {missing.args[0]}"}
        except SlackError as error:
            answer = {"ok": False, "error": error.code}
        except Refused as refusal:
            answer = {"ok": False, "error": str(refusal)}
        return web.json_response({"ok": True, **answer})

    return serve

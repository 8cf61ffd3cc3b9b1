"""What is pushed to open pages: each change, to those who may see it. Knows the page's words only."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

from playground.state import Json
from playground.world import World


class Live:
    def __init__(self, world: World) -> None:
        self._world = world
        self._pages: dict[web.WebSocketResponse, str] = {}
        self._outbox: dict[web.WebSocketResponse, asyncio.Queue[Json]] = {}
        world.workspace.listeners.append(self._heard)
        world.views.on_change = self._view
        world.calls.on_call = lambda call: self.push({"type": "call", "call": call})
        world.sockets.on_change = lambda on: self.push({"type": "app_connected", "value": on})

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(heartbeat=30)
        await ws.prepare(request)
        self._pages[ws] = self._world.workspace.user(request.query.get("as", "ada"))["id"]
        self._outbox[ws] = asyncio.Queue()
        sender = asyncio.get_running_loop().create_task(self._send(ws))
        self.push({"type": "app_connected", "value": self._world.app_connected}, only=ws)
        try:
            async for message in ws:
                if message.type == WSMsgType.ERROR:
                    break
        finally:
            sender.cancel()
            del self._pages[ws], self._outbox[ws]
        return ws

    async def _send(self, ws: web.WebSocketResponse) -> None:
        """One sender a page, so that pushes keep their order and nobody waits for a slow page."""
        while True:
            try:
                await ws.send_json(await self._outbox[ws].get())
            except ConnectionError:
                return

    def push(self, data: Json, to: set[str] | None = None, only: web.WebSocketResponse | None = None) -> None:
        for ws, user_id in self._pages.items():
            if (to is None or user_id in to) and only in (None, ws):
                self._outbox[ws].put_nowait(data)

    def _viewers(self, channel_id: str) -> set[str] | None:
        """Members only, except that public channels are open to look at."""
        channel = self._world.workspace.channel(channel_id)
        return set(channel["members"]) if channel["is_im"] or channel["is_private"] else None

    def _heard(self, kind: str, data: Json) -> None:
        if kind == "session":
            status = {"type": "status", "channel": data["channel"], "thread_ts": data["thread_ts"]}
            rest = {k: data.get(k) for k in ("text", "loading_messages", "agent_status", "title", "prompts")}
            self.push({**status, **rest, "text": data.get("text") or ""}, self._viewers(data["channel"]))
            return
        if kind in ("ephemeral", "ephemeral_gone"):
            pushed = {"type": "ephemeral" if kind == "ephemeral" else "message_deleted", **data}
            self.push(pushed, {data["user"]})
            return
        if kind in ("message", "message_changed", "stream_appended"):
            event = "message" if kind == "message" else "message_changed"
            pushed = {"type": event, "channel": data["channel"], "message": data["message"]}
        elif kind == "message_deleted":
            pushed = {"type": kind, "channel": data["channel"], "ts": data["ts"]}
        elif kind in ("reaction_added", "reaction_removed"):
            pushed = {**data, "type": "reaction", "added": kind == "reaction_added"}
            message = self._world.workspace.message(data["channel"], data["ts"]) or {}
            pushed["reactions"] = message.get("reactions", [])
        else:
            pushed = {"type": kind, **data}
        self.push(pushed, self._viewers(data["channel"]))
        if kind == "message" and data["message"].get("thread_ts"):
            self._root_changed(data["channel"], data["message"]["thread_ts"])

    def _root_changed(self, channel_id: str, root_ts: str) -> None:
        """The number of replies under the root is part of what the page shows; the app gets no such event."""
        root = self._world.workspace.message(channel_id, root_ts)
        if root is not None:
            changed = {"type": "message_changed", "channel": channel_id, "message": root}
            self.push(changed, self._viewers(channel_id))

    def _view(self, user_id: str, trigger: str, view: Json) -> None:
        if trigger == "closed":
            self.push({"type": "view_closed", "view_id": view["id"]}, {user_id})
        elif trigger == "home" or view["type"] == "home":
            self.push({"type": "home", "view": view}, {user_id})
        else:
            self.push({"type": "view", "view": view, "trigger": trigger}, {user_id})

    async def close(self) -> None:
        for ws in list(self._pages):
            await ws.close()

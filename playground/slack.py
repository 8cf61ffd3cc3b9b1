"""`Playground`: the workspace put together and served; the handle a test or the command line holds.

The composition root of this package: nothing else here builds a World.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from playground import (
    api_assistant,
    api_chat,
    api_conversations,
    api_files,
    api_people,
    api_streams,
    api_views,
    oauth,
    response_urls,
    seed,
)
from playground.block_text import draw_thread
from playground.calls import Calls
from playground.controls import Trouble
from playground.delivery import Delivery, Retries
from playground.events import SUBSCRIPTIONS, Events
from playground.http_api import Api
from playground.ids import Clock, Ids
from playground.limits import Limits
from playground.page_api import PageApi
from playground.people import People
from playground.server import Server
from playground.sockets import Sockets
from playground.state import Json, State
from playground.triggers import Triggers
from playground.views import Views
from playground.webhook import Webhook
from playground.workspace import Workspace
from playground.world import World

LOADED = (
    api_assistant,
    api_chat,
    api_conversations,
    api_people,
    api_streams,
    api_views,
)  # importing a module registers its methods

COMMANDS: list[Json] = [
    {
        "command": "/delegate",
        "description": "Plan a request and hand it to workers",
        "usage_hint": "[request | help]",
    }
]


class Playground:
    """`async with Playground() as slack:` is a workspace on a free port."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        data: Path | None = None,
        request_url: str | None = None,
        scopes: str = seed.SCOPES,
        subscriptions: frozenset[str] = SUBSCRIPTIONS,
        commands: list[Json] | None = None,
        shortcuts: list[Json] | None = None,
        limits: bool = True,
        retries: Retries | None = None,
        now: Clock = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.bot_token, self.app_token = seed.BOT_TOKEN, seed.APP_TOKEN
        self.signing_secret = seed.SIGNING_SECRET
        self._host, self._port = host, port
        ids = Ids(now, rng)
        state = State(data)
        seed.plant(state, ids, scopes)
        workspace = Workspace(state, ids)
        sockets = Sockets(ids, seed.APP_ID)
        webhook = (
            Webhook(request_url, seed.SIGNING_SECRET, now, seed.VERIFICATION_TOKEN) if request_url else None
        )
        faults = Trouble(now)
        delivery = Delivery(state, ids, faults, retries or Retries(), webhook or sockets)
        events = Events(
            workspace,
            ids,
            app_id=seed.APP_ID,
            verification=seed.VERIFICATION_TOKEN,
            offer=delivery.offer,
            subscriptions=subscriptions,
        )
        workspace.listeners.append(events.heard)
        self.world = World(
            state=state,
            ids=ids,
            workspace=workspace,
            faults=faults,
            limits=Limits(now, limits),
            calls=Calls(),
            sockets=sockets,
            delivery=delivery,
            events=events,
            triggers=Triggers(ids, workspace.team_id),
            views=Views(state, ids, workspace.team_id, seed.APP_ID, seed.BOT_ID),
            app_id=seed.APP_ID,
            bot_id=seed.BOT_ID,
            verification=seed.VERIFICATION_TOKEN,
            webhook=webhook,
            commands=COMMANDS if commands is None else commands,
            shortcuts=shortcuts or [],
        )
        faults.world = self.world
        self.faults = faults
        self.workspace = workspace
        self.people = People(self.world)
        self._api = Api(self.world)
        self._page = PageApi(self.world, self.people)
        self._server = Server()
        self._routes()

    def _routes(self) -> None:
        router = self._server.app.router
        router.add_route("*", "/api/{method}", self._api.serve)
        router.add_get("/link/", self.world.sockets.serve)
        router.add_post("/playground/faults", self.faults.serve)
        router.add_get("/oauth/v2/authorize", oauth.authorize_page(self.world))
        router.add_post("/response/{team}/{key}", response_urls.route(self.world))
        files = api_files.FileRoutes(self.world)
        router.add_route("*", "/upload/v1/{id}", files.upload)
        router.add_get("/files-pri/{team}-{id}/download/{name}", files.download)
        router.add_get("/files-pri/{team}-{id}/{name}", files.download)
        router.add_get("/files/{id}/{name}", files.shown)
        self._page.add_to(self._server.app)

    # -- life

    async def start(self) -> Self:
        self._port = await self._server.start(self._host, self._port)
        self.world.base_url = f"http://{self._host}:{self._port}"
        self.world.delivery.resume()
        return self

    async def stop(self) -> None:
        await self.world.delivery.close()
        await self._api.close()
        await self._page.live.close()
        await self.world.sockets.close()
        if self.world.webhook is not None:
            await self.world.webhook.close()
        await self._server.stop()
        self.world.state.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        return self.world.base_url

    @property
    def url(self) -> str:
        """For `AsyncWebClient(base_url=…)`."""
        return f"{self.world.base_url}/api/"

    # -- what people do

    async def say(
        self,
        channel: str,
        text: str,
        *,
        by: str = "ada",
        thread: str | None = None,
        files: list[str] | None = None,
    ) -> str:
        ts = self.people.say(self.place(channel, by), text, by, thread, files)["ts"]
        await asyncio.sleep(0)
        return str(ts)

    async def command(self, command: str, text: str = "", channel: str = "general", by: str = "ada") -> None:
        await self.people.command(command, text, self.place(channel, by), by)

    async def click(self, channel: str, ts: str, what: str, by: str = "ada", **chosen: Any) -> None:
        """Clicks the button with this action_id or these words."""
        await self.people.action(by, "", what, chosen, channel=self.place(channel, by), ts=ts)

    async def shortcut(self, callback_id: str, channel: str, ts: str, by: str = "ada") -> None:
        await self.people.shortcut(callback_id, self.place(channel, by), ts, by)

    async def submit(self, view_id: str, values: Json, by: str = "ada") -> Json:
        return await self.people.submit(by, view_id, values)

    async def close_view(self, view_id: str, by: str = "ada") -> None:
        await self.people.close_view(by, view_id)

    def open_home(self, by: str = "ada", tab: str = "home") -> Json | None:
        return self.people.open_home(by, tab)

    def place(self, channel: str, by: str = "ada") -> str:
        """A channel's id; `dm` is the person's conversation with the bot."""
        if channel == "dm":
            return str(self.workspace.im(self.workspace.user(by)["id"])["id"])
        return str(self.workspace.channel(channel)["id"])

    # -- what there is to see

    def messages(self, channel: str, by: str = "ada") -> list[Json]:
        return self.workspace.messages(self.place(channel, by))

    def thread(self, channel: str, ts: str, by: str = "ada") -> list[Json]:
        return self.workspace.replies(self.place(channel, by), ts)

    def thread_text(self, channel: str, ts: str, by: str = "ada") -> str:
        """The thread as text, a line a post: `name: text`; plans are drawn."""
        return draw_thread(self.thread(channel, ts, by), self.world.state.users.rows)

    def ephemerals(self, by: str = "ada") -> list[Json]:
        """What only this person sees, oldest first."""
        user_id = self.workspace.user(by)["id"]
        return [row["message"] for row in self.world.state.ephemerals if row["user"] == user_id]

    def view(self, by: str = "ada") -> Json | None:
        """The modal on top of this person's screen."""
        stack = self.world.views.stacks.get(self.workspace.user(by)["id"])
        return stack[-1] if stack else None

    def home(self, by: str = "ada") -> Json | None:
        return self.world.state.homes.get(self.workspace.user(by)["id"])

    def calls(self, method: str | None = None) -> list[Json]:
        return self.world.calls.of(method)

    async def until(self, predicate: Callable[[], Any], timeout: float = 5.0) -> Any:
        """Waits until `predicate()` is true; its value. Says so when it never was."""
        deadline = time.monotonic() + timeout
        while not (value := predicate()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout} s: {getattr(predicate, '__name__', predicate)}")
            await asyncio.sleep(0.01)
        return value

    async def connected(self, count: int = 1, timeout: float = 5.0) -> None:
        """Waits for the app's sockets."""
        await self.until(lambda: len(self.world.sockets.connections) >= count, timeout)

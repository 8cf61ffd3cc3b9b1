"""`Playground`: the handle a test or the command line holds. What people do, what there is to see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import aiohttp

from playground import manifest as manifests
from playground import seed
from playground.api_files import keep, new_file
from playground.block_text import draw_thread
from playground.build import Options, add_routes, build
from playground.http_api import Api
from playground.page_api import PageApi
from playground.people import People
from playground.server import Server
from playground.state import Json


class Playground:
    """`async with Playground() as slack:` is a workspace on a free port. Options are `build.Options`',
    and `manifest` may be the path of an `app.yaml`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        manifest: Path | manifests.Manifest | None = None,
        **options: Any,
    ) -> None:
        if isinstance(manifest, Path):
            manifest = manifests.read(manifest)
        if manifest is not None:
            options["manifest"] = manifest
        self.bot_token, self.app_token = seed.BOT_TOKEN, seed.APP_TOKEN
        self.signing_secret = seed.SIGNING_SECRET
        self._host, self._port = host, port
        self.world, self.faults = build(Options(**options))
        self.workspace = self.world.workspace
        self.people = People(self.world)
        self._api = Api(self.world)
        self._page = PageApi(self.world, self.people)
        self._server = Server()
        add_routes(self._server, self.world, self.faults, self._api, self._page)

    # -- life

    async def start(self) -> Self:
        self._port = await self._server.start(self._host, self._port)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.world.base_url = f"http://{host}:{self._port}"
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

    def upload(self, name: str, content: bytes, *, by: str = "ada") -> str:
        """A file of this person's, to be attached to what they say; its id."""
        row = new_file(self.world, name, len(content), self.workspace.user(by)["id"])
        return str(keep(self.world, row, content)["id"])

    async def fetch(self, url: str, token: str) -> tuple[str, bytes]:
        """A private file as a program would get it: content type and bytes."""
        async with aiohttp.ClientSession() as session:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            async with session.get(url, headers=headers) as response:
                return response.content_type, await response.read()

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

    def status(self, channel: str, thread_ts: str, by: str = "ada") -> Json:
        """The agent's session in a thread: `text` of its status line, `agent_status`, `title`."""
        return self.world.state.sessions.get(f"{self.place(channel, by)}:{thread_ts}") or {}

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

    async def verify_request_url(self) -> bool:
        """HTTP mode: whether the app answers `url_verification`, as when its URL is entered."""
        return self.world.webhook is not None and await self.world.webhook.verify(self.world.ids.secret())

    async def connected(self, count: int = 1, timeout: float = 5.0) -> None:
        """Waits for the app's sockets."""
        await self.until(lambda: len(self.world.sockets.connections) >= count, timeout)

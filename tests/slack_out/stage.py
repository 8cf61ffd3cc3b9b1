"""A playground on fast time, and bots on one store that show runs in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import MessageStore
from bot.run import Event, Run, ThreadLost, ThreadOpened
from bot.slack.matching import Load
from bot.slack.pace import NO_LIMITS, Rates
from bot.slack.thread import SlackThreads
from playground import Playground
from tests.slack_out.fakes import Rows, run_of
from workers import File
from workers.kit.crashpoints import no_crash

SPEED = 100.0  # a minute passes in 0.6 s
Json = dict[str, Any]


class FastTime:
    def __init__(self) -> None:
        self._began, self._wall = time.monotonic(), time.time()

    def now(self) -> float:
        return self._wall + (time.monotonic() - self._began) * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


class Stage:
    """One run in one thread, and what Slack shows of it."""

    def __init__(self, slack: Playground, fast: FastTime, session: aiohttp.ClientSession) -> None:
        self.slack, self.fast, self._session = slack, fast, session
        self.rows = Rows(fast.now)
        self.store: MessageStore = self.rows
        self.load: Load = self._newest
        self.whole: object = None  # the real store, where a test brings one
        self.events: list[Event] = []
        self.newest: Run | None = None
        self.bots: list[SlackThreads] = []
        self.blobs: dict[str, bytes] = {}
        self.ada = str(slack.workspace.user("ada")["id"])
        self.root = ""

    def bot(self, rates: Rates = NO_LIMITS, crash: Callable[[str], None] = no_crash) -> SlackThreads:
        client = AsyncWebClient(
            self.slack.bot_token, base_url=self.slack.url, session=self._session, retry_handlers=[]
        )

        async def on_event(workspace: str, run_id: str, event: Event) -> None:
            self.events.append(event)
            if self.newest and isinstance(event, ThreadOpened | ThreadLost):
                from bot.decide import decide  # the real thing: what the orchestrator would do
                from tests.slack_out.fakes import later

                run = decide(self.newest, event, self.fast.now())
                if run is not self.newest:
                    self.show(bot, later(run))

        def read(file: File) -> bytes:
            return self.blobs[file.id]

        bot = SlackThreads(
            lambda workspace: client,
            self.store,
            self.load,
            on_event,
            emoji_of=lambda worker: ":mag:",
            read_file=read,
            rates=rates,
            clock=self.fast.now,
            steady=self.fast.now,
            sleep=self.fast.sleep,
            crash=crash,
        )
        self.bots.append(bot)
        return bot

    async def _newest(self, workspace: str, run_id: str) -> Run | None:
        return self.newest

    async def run(self, **more: Any) -> Run:
        """A run that a mention in #general began."""
        self.root = await self.slack.say("general", "@delegate compare the two")
        return run_of(self.slack.place("general"), self.root, self.ada, now=self.fast.now(), **more)

    def show(self, bot: SlackThreads, run: Run) -> Run:
        self.newest = run
        bot.show(run)
        return run

    async def shown(self, run: Run, timeout: float = 10.0) -> None:
        """Until the thread matches this version."""
        await self.slack.until(lambda: self.rows.matched.get(run.id, -1) >= run.version, timeout)

    def drop_scope(self, scope: str) -> None:
        scopes = self.slack.world.state.tokens.rows[self.slack.bot_token]["scopes"]
        scopes.remove(scope)

    def posts(self) -> list[Json]:
        """What the bot has in the thread."""
        return [m for m in self.slack.thread("general", self.root) if m.get("bot_id")]

    def names(self) -> list[str]:
        return [str(m.get("username") or "delegate") for m in self.posts()]

    def kinds(self) -> list[str]:
        return [str(b["type"]) for m in self.posts() for b in m.get("blocks", [])]

    def text(self) -> str:
        return self.slack.thread_text("general", self.root)


@asynccontextmanager
async def on_stage(**options: Any) -> AsyncIterator[Stage]:
    fast = FastTime()
    async with (
        aiohttp.ClientSession() as session,
        Playground(now=fast.now, **{"limits": False} | options) as slack,
    ):
        stage = Stage(slack, fast, session)
        try:
            yield stage
        finally:
            for bot in stage.bots:
                await bot.close(1.0)

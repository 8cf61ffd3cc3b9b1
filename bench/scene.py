"""A bench's scene: stub model, playground and bot, each in a process of its own, on loopback.

`say` is what a person does; `marks` are what the bot under test tells of its commits (`bench/serve.py`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.processes import ROOT, Child

PEOPLE = ("ada", "ben", "chen")


def settings(stub: str, slack: str, bot_token: str, app_token: str, data: Path) -> dict[str, str]:
    """The bot's environment. Slack is not paced, and nobody has too many requests open."""
    return {
        "DATA_DIR": str(data),
        "MODEL": "hosted_vllm/stub",
        "MODEL_API_BASE": stub,
        "MODEL_API_KEY": "stub-key",
        "SLACK_BOT_TOKEN": bot_token,
        "SLACK_APP_TOKEN": app_token,
        "SLACK_API_URL": f"{slack}/api/",
        "PORT": "0",
        "SLACK_PACED": "false",
        "OPEN_PER_PERSON": "100000",
    }


@dataclass(frozen=True, slots=True)
class Mark:
    what: str  # begun | ended | asking | shown
    at: float
    run: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """CPU seconds so far."""

    bot: float
    loop: float  # the bot's event loop alone
    playground: float
    stub: float


@dataclass(slots=True)
class Scene:
    bot: Child
    playground: Child
    stub: Child
    stub_url: str
    slack_url: str
    http: aiohttp.ClientSession
    marks: list[Mark] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    _said: int = 0

    async def say(self, text: str) -> float:
        """Somebody mentions the bot; when that was, by the playground's clock."""
        self._said += 1
        body = {"as": PEOPLE[self._said % 3], "channel": "general", "text": f"@delegate {text}"}
        async with self.http.post(f"{self.slack_url}/page/say", json=body) as answer:
            return float((await answer.json())["ts"])

    async def slack_calls(self) -> int:
        """How many calls of its API the playground has had. Not cheap: ask before and after a measurement."""
        async with self.http.get(f"{self.slack_url}/page/calls") as answer:
            return int((await answer.json())["calls"][-1]["n"])

    def of(self, what: str) -> list[Mark]:
        return [mark for mark in self.marks if mark.what == what]

    async def until(self, what: str, count: int, seconds: float = 120.0) -> list[Mark]:
        """Waits until there are so many marks of this kind, and forgets all marks."""
        async with asyncio.timeout(seconds):
            while len(self.of(what)) < count:
                self.more.clear()
                await self.more.wait()
        marks, self.marks = self.marks, []
        if bad := [m.status for m in marks if m.what == "ended" and m.status != "done"]:
            raise RuntimeError(f"{len(bad)} runs did not end well: {bad[:5]}\n{self.bot.log()[-2000:]}")
        return marks

    def weights(self) -> Weights:
        return Weights(self.bot.cpu, self.bot.loop_cpu, self.playground.cpu, self.stub.cpu)

    async def listen(self) -> None:
        while True:
            line = await self.bot.line(seconds=3600)
            self.marks.append(Mark(**json.loads(line)))
            self.more.set()


@asynccontextmanager
async def stub_model(folder: Path, delay: float) -> AsyncIterator[tuple[Child, str]]:
    arguments = ["-m", "tests.stub_model", "--delay", str(delay)]
    async with Child("stub", arguments, folder) as stub:
        yield stub, (await stub.line()).strip()


@asynccontextmanager
async def scene(
    folder: Path, *, delay: float = 0.0, crew: str = "writes", profile: Path | None = None
) -> AsyncIterator[Scene]:
    """Everything up, and one run behind it: what is loaded late is loaded."""
    slack_arguments = ["-m", "playground", "--port", "0", "--no-limits", "--manifest", str(ROOT / "app.yaml")]
    bot_arguments = ["-m", "bench.serve", "--crew", crew, "--profile", str(profile or "")]
    async with AsyncExitStack() as stack:
        stub, stub_url = await stack.enter_async_context(stub_model(folder, delay))
        slack = await stack.enter_async_context(Child("playground", slack_arguments, folder))
        found = re.match(r"Playground: (\S+) .*tokens (\S+) ([^\s)]+)", await slack.line())
        assert found
        data = folder / f"data-{crew}-{delay}-{'profiled' if profile else ''}"
        environment = settings(stub_url, found[1], found[2], found[3], data)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50))
        )
        bot = await stack.enter_async_context(Child("bot", bot_arguments, folder, environment))
        assert json.loads(await bot.line())["what"] == "ready"
        there = Scene(bot, slack, stub, stub_url, found[1], http)
        listening = asyncio.create_task(there.listen())
        stack.callback(listening.cancel)
        await there.say("chain-1")
        await there.until("shown", 1)
        yield there

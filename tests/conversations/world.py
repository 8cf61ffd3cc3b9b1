"""A workspace with a bot in it: the playground's Slack, the stub model, and the whole bot between them.

Everything is real but the model's wits: HTTP and WebSocket, slack-bolt, SQLite, taskiq, litellm.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app import Running, running
from bot.settings import Settings
from playground.slack import Playground
from tests.stub_model import StubModel
from workers import Worker

MANIFEST = Path(__file__).parents[2] / "app.yaml"


def settings_for(slack: Playground, stub: StubModel, data: Path, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "data_dir": data,
        "model": "hosted_vllm/stub",
        "model_api_base": stub.url,
        "model_api_key": SecretStr("stub-key"),
        "slack_bot_token": SecretStr(slack.bot_token),
        "slack_app_token": SecretStr(slack.app_token),
        "slack_signing_secret": SecretStr(slack.signing_secret),
        "slack_api_url": slack.url,
        "port": 0,
        "sweep_seconds": 0.2,
        "settle_seconds": 1.0,
        "slack_paced": False,
    }
    return Settings(_env_file=None, **(given | changes))


@dataclass
class World:
    slack: Playground
    stub: StubModel
    data: Path
    ahead: float = 0.0  # by how many seconds the bot's clock is ahead

    def now(self) -> float:
        return time.time() + self.ahead

    @asynccontextmanager
    async def bot(
        self, workers: Mapping[str, Worker] | None = None, **changes: Any
    ) -> AsyncIterator[Running]:
        settings = settings_for(self.slack, self.stub, self.data, **changes)
        async with running(settings, workers, self.now) as bot:
            yield bot

    async def says(self, text: str, by: str = "ada", channel: str = "general", **more: Any) -> str:
        return await self.slack.say(channel, text, by=by, **more)

    def thread(self, ts: str, channel: str = "general", by: str = "ada") -> str:
        return self.slack.thread_text(channel, ts, by)

    async def sees(
        self, ts: str, *patterns: str, channel: str = "general", by: str = "ada", within: float = 10
    ) -> str:
        """Waits until each pattern stands in the thread, in this order, and returns the thread."""
        wanted = re.compile(".*".join(patterns), re.DOTALL)
        try:
            await self.slack.until(lambda: wanted.search(self.thread(ts, channel, by)), timeout=within)
        except TimeoutError:
            raise AssertionError(f"{wanted.pattern!r} is not in:\n{self.thread(ts, channel, by)}") from None
        return self.thread(ts, channel, by)

    def posts(self, ts: str, channel: str = "general", by: str = "ada") -> list[dict[str, Any]]:
        """What the bot posted in the thread."""
        return [m for m in self.slack.thread(channel, ts, by) if m.get("bot_id")]


@asynccontextmanager
async def a_world(data: Path, **options: Any) -> AsyncIterator[World]:
    async with Playground(manifest=MANIFEST, **({"limits": False} | options)) as slack, StubModel() as stub:
        yield World(slack, stub, data)


def steps(
    *steps: tuple[str, str, str] | tuple[str, str, str, list[str]], title: str = "The plan"
) -> dict[str, Any]:
    """A plan's reply: (id, worker, instruction[, needs])."""
    made = [
        {
            "id": s[0],
            "title": s[0].title(),
            "worker": s[1],
            "instruction": s[2],
            "needs": s[3] if len(s) > 3 else [],
        }
        for s in steps
    ]
    return {"title": title, "steps": made}

"""What a load runs against: a bot as an operator starts it, with Slack over HTTP and PostgreSQL, with
RabbitMQ and worker services where they are asked for, each in a process of its own; and what the database
says.

Database and queues are made for one measurement and deleted after it.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from bench.load_events import SECRET
from bench.processes import Child
from bench.slack_stub import BOT_TOKEN
from bot import schema
from tests.cluster.queues import rabbit_prefix
from tests.services import postgres_database

WORKSPACES = 20
COUNTS = """SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL),
    count(*) FILTER (WHERE status = 'done'), count(*) FILTER (WHERE shown_version < version),
    count(*) FILTER (WHERE ended_at IS NULL AND wake_at IS NOT NULL) FROM run"""


class LeftOut(Exception):
    """It cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How many there are."""

    all: int
    open: int
    done: int
    unshown: int
    waiting: int  # for a time, or for a person (who is reminded at a time)


@dataclass
class Load:
    bot: Child
    slack: Child
    model: Child
    at: str  # the bot's address
    slack_at: str
    http: aiohttp.ClientSession
    database: asyncpg.Connection
    workers: list[Child] = field(default_factory=list)

    async def runs(self) -> Runs:
        return Runs(*await self.database.fetchrow(COUNTS))

    async def until(self, true: Callable[[Runs], bool], seconds: float = 300.0) -> tuple[Runs, float]:
        """The counts once they are so, and how long that took. After this time: as they are then."""
        began = time.monotonic()
        while True:
            now = await self.runs()
            if true(now) or time.monotonic() > began + seconds:
                return now, time.monotonic() - began
            await asyncio.sleep(0.25)

    async def told(self) -> dict[str, Any]:
        """What Slack was told so far."""
        async with self.http.get(f"{self.slack_at}/told") as answer:
            found: dict[str, Any] = await answer.json()
        return found

    async def metrics(self) -> tuple[dict[str, float], float]:
        """The bot's numbers by their full names, and how long the page took."""
        began = time.perf_counter()
        async with self.http.get(f"{self.at}/metrics") as answer:
            page = await answer.text()
        rows = (row.rpartition(" ") for row in page.splitlines() if not row.startswith("#"))
        return {name: float(value) for name, _, value in rows}, time.perf_counter() - began


@asynccontextmanager
async def load_scene(
    folder: Path,
    *,
    noop: bool = False,
    workers: int = 0,
    concurrency: int = 64,
    model_delay: float = 0.0,
    slack_delay: float = 0.0,
) -> AsyncIterator[Load]:
    """`noop`: the team is the worker that does nothing, else the built-in ones. `workers`: so many worker
    services behind RabbitMQ; 0: all in the bot's process. Raises `LeftOut`."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    async with AsyncExitStack() as stack:
        url = await _server(stack, postgres_database())
        await asyncio.to_thread(schema.upgrade, url)
        database = await asyncpg.connect(url)
        stack.push_async_callback(database.close)
        if noop:
            await _team(database, ["noop"])
        delay = ["-m", "bench.slack_stub", "--delay", str(slack_delay)]
        slack = await stack.enter_async_context(Child("slack", delay, folder))
        delay = ["-m", "bench.load_model", "--delay", str(model_delay)]
        model = await stack.enter_async_context(Child("model", delay, folder))
        slack_at, model_at = (await slack.line()).strip(), (await model.line()).strip()
        common = {
            "PYTHONPATH": str(_packed(folder / "packages")),
            "DATA_DIR": str(folder / "data"),
            "MODEL": "hosted_vllm/stub",
            "MODEL_API_BASE": model_at,
            "MODEL_API_KEY": "stub-key",
            "PORT": "0",
            "CONCURRENCY": str(concurrency),
        }
        if workers:
            names = ("noop", "analyst", "summarizer", "writer")
            broker, prefix = await _server(stack, rabbit_prefix(names))
            common |= {"BROKER_URL": broker, "BROKER_PREFIX": prefix}
        environment = common | {
            "DATABASE_URL": url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": f"{slack_at}/api/",
            "SLACK_PACED": "false",
            "OPEN_PER_PERSON": "100000",
            "WINDOW": "100000",
        }
        bot = await stack.enter_async_context(Child("bot", ["-m", "bot", "serve"], folder, environment))
        services = [
            await stack.enter_async_context(Child(f"worker-{n}", ["-m", "workers"], folder, common))
            for n in range(workers)
        ]
        port, *_ = await asyncio.gather(*map(_ready, (bot, *services)))
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
        )
        http = await stack.enter_async_context(session)
        yield Load(bot, slack, model, f"http://127.0.0.1:{port}", slack_at, http, database, services)


async def _server(stack: AsyncExitStack, there: Any) -> Any:
    """Something of a server's that tests use too, here from a thread: it has an event loop of its own."""
    mine = ExitStack()
    try:
        found = await asyncio.to_thread(mine.enter_context, there)
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        raise LeftOut(str(missing)) from missing
    stack.push_async_callback(asyncio.to_thread, mine.close)
    return found


def _packed(folder: Path) -> Path:
    """An installed package as far as Python looks: what it brings stands in its entry points."""
    info = folder / "delegate_bench-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: delegate-bench\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[delegate.workers]\nnoop = bench.noop\n")
    return folder


async def _team(database: asyncpg.Connection, workers: Iterable[str]) -> None:
    members = json.dumps([{"worker": name} for name in workers])
    rows = [(f"TBENCH{n}", members) for n in range(WORKSPACES)]
    await database.executemany("INSERT INTO team (workspace, members) VALUES ($1, $2)", rows)


async def _ready(child: Child, seconds: float = 120.0) -> int:
    """Its port, once it can take work."""
    async with asyncio.timeout(seconds):
        while not (found := re.search(r"\] ready .*port=(\d+)", child.log())):
            if child.running.returncode is not None:
                raise RuntimeError(f"{child.name} has ended; see its log:\n{child.log()[-2000:]}")
            await asyncio.sleep(0.05)
    return int(found[1])

"""The whole of it as processes that may be killed: bots, worker services, and between them the playground's
Slack and the stub model, which live in the test. Nothing else is faked.

With a broker the bots have no workers in them; without, there is one bot that does everything. Whoever ends
is started again. The crew is brought along as a package is: by an entry point, so `python -m workers` finds
it by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bot import schema
from bot.database import open_database
from bot.tables import TEAM
from playground.delivery import Retries
from tests.cluster import diary
from tests.cluster.diary import Entry
from tests.cluster.folding import Book, Work
from tests.cluster.supervised import Supervised
from tests.cluster.truth import Truth
from tests.conversations.world import World, a_world

LEASE = 3.0  # seconds; less, and a busy machine loses tasks that nobody killed
SETTLE = 1.5
WORKSPACE = "T0PLAYGRND"
CREW = ("tally", "stamp", "gate", "poison")
RETRIES = Retries(delays=(0.2, 0.5, *[1.0] * 300))  # Slack's patience, long enough for every outage here


@dataclass
class Cluster:
    world: World
    truth: Truth
    bots: list[Supervised]
    workers: list[Supervised]
    armed: Path
    broker: str = ""
    prefix: str = ""
    book: Book = field(default_factory=Book)

    @property
    def processes(self) -> list[Supervised]:
        return [*self.bots, *self.workers]

    def diary(self, name: str) -> Path:
        return self.world.data / f"{name}.diary"

    def began(self, name: str) -> list[Entry]:
        """What began, by the diary of this name."""
        return diary.read(self.diary(name), "began")

    def arm(self, point: str, times: int = 1) -> None:
        """The next so many that pass this point die there."""
        for number in range(times):
            (self.armed / f"{point}.{number}").touch()

    def disarm(self) -> None:
        for point in self.armed.iterdir():
            point.unlink(missing_ok=True)

    def left(self) -> int:
        """Crashes that were armed and did not happen yet."""
        return len(list(self.armed.iterdir()))

    async def ask(self, work: Work) -> str:
        """Somebody asks for it; the thread's `ts`."""
        self.book.works[work.name] = work
        return await self.world.says(f"@delegate {work.request}")

    async def connected(self) -> None:
        """All bots hear Slack, with two sockets each."""
        await self.world.slack.connected(2 * len(self.bots), timeout=60)

    async def quiet(self, within: float = 120.0) -> None:
        """Until nothing is left to be done or to be said."""
        deadline = time.monotonic() + within
        while rest := await self.rest():
            if time.monotonic() > deadline:
                raise TimeoutError(f"still open after {within:.0f} s: {rest}")
            await asyncio.sleep(0.1)

    async def rest(self) -> str:
        """What is still to be done, for people to read. Slack first: an event is acknowledged when it is in
        the database."""
        if pending := self.world.slack.world.delivery.pending:
            return f"{pending} events that nobody acknowledged"
        return await self.truth.rest()

    async def until(self, there: Callable[[], Any], within: float = 60.0) -> Any:
        """What `there` says, once it says something."""
        return await self.world.slack.until(there, within)

    def process(self, pid: int) -> Supervised:
        return next(process for process in self.processes if process.pid == pid)

    def logs(self, end: int = 3000) -> str:
        return "\n".join(f"--- {p.name} {p.exits}\n{p.log.read_text()[-end:]}" for p in self.processes)


@asynccontextmanager
async def cluster(
    folder: Path, database: str = "", broker: str = "", *, prefix: str = "", bots: int = 1, workers: int = 0
) -> AsyncIterator[Cluster]:
    """`database` empty: SQLite. All that fails inside is told with the processes' last words."""
    armed = folder / "armed"
    armed.mkdir(parents=True)
    _pack(folder / "packages")
    url = database or f"sqlite:///{folder / 'bot' / 'delegate.db'}"
    await asyncio.to_thread(schema.upgrade, url)
    await _enable(url)
    async with a_world(folder, retries=RETRIES) as world:
        common = _common(world, folder, armed, broker, prefix)
        bot = common | _slack(world) | {"DATABASE_URL": database}
        there = Cluster(
            world,
            Truth(url),
            [Supervised(f"bot-{n}", ("bot", "serve"), bot, folder) for n in range(bots)],
            [Supervised(f"worker-{n}", ("workers",), common, folder) for n in range(workers)],
            armed,
            broker,
            prefix,
        )
        world.stub.on("do job-", plan=lambda seen: there.book.plan(seen.request))
        world.stub.on(
            lambda seen: not seen.planning, reply=lambda seen: there.book.answer(seen.body["messages"])
        )
        try:
            for process in there.processes:
                process.start()
            await there.connected()
            yield there
        except BaseException:
            sys.stderr.write(there.logs())
            raise
        finally:
            await asyncio.gather(*(process.close() for process in there.processes))
            await there.truth.close()


def _common(world: World, folder: Path, armed: Path, broker: str, prefix: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(folder / "packages"),
        "DATA_DIR": str(folder / "bot"),
        "BROKER_URL": broker,
        "BROKER_PREFIX": prefix,
        "MODEL": "hosted_vllm/stub",
        "MODEL_API_BASE": world.stub.url,
        "MODEL_API_KEY": "stub-key",
        "PORT": "0",
        "LEASE_SECONDS": str(LEASE),
        "CRASH_AT": f"@{armed}",
    }


def _slack(world: World) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": world.slack.bot_token,
        "SLACK_APP_TOKEN": world.slack.app_token,
        "SLACK_API_URL": world.slack.url,
        "SWEEP_SECONDS": "0.2",
        "SETTLE_SECONDS": str(SETTLE),
        "SLACK_PACED": "false",
        "OPEN_PER_PERSON": "1000",
    }


def _pack(folder: Path) -> None:
    """An installed package, as far as Python looks: what it brings stands in its entry points."""
    info = folder / "delegate_crew-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: delegate-crew\nVersion: 1\n")
    lines = "".join(f"{name} = tests.cluster.crew.{name}\n" for name in CREW)
    (info / "entry_points.txt").write_text(f"[delegate.workers]\n{lines}")


async def _enable(url: str, workers: Sequence[str] = CREW) -> None:
    """The crew is on the team, as if an admin had put it there."""
    database = open_database(url)
    members = json.dumps([{"worker": name} for name in workers])
    await database.write(lambda c: c.execute(insert(TEAM), {"workspace": WORKSPACE, "members": members}))
    await database.close()

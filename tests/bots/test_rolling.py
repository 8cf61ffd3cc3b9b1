"""Two bots, each ended and started anew in its turn while people ask without a pause: everybody is answered
once, and over HTTP Slack never hears that nobody is there."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from playground.delivery import Retries
from tests.bots.balancer import Balancer
from tests.bots.process import SETTLE, Bot
from tests.conversations.world import a_world
from tests.services import postgres_database

EVERY = 0.05  # seconds between two people's requests


@pytest.fixture
def database() -> Iterator[str]:
    with postgres_database() as url:
        yield url


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["http", "sockets"])
@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="once"), pytest.param(2, id="twice", marks=pytest.mark.chaos)]
)
async def test_a_rolling_restart_loses_no_event(way: str, rounds: int, database: str, tmp_path: Path) -> None:
    http = way == "http"
    async with AsyncExitStack() as stack:
        balancer = await stack.enter_async_context(Balancer())
        retries = Retries(delays=(0.2, 0.5, 1.0, 2.0, 4.0))
        world = await stack.enter_async_context(
            a_world(tmp_path, request_url=balancer.url if http else None, retries=retries)
        )
        world.stub.on("number", plan=lambda seen: {"answer": f"It is {_number(seen.request)}."})
        bots = [Bot(name, world, database, http=http) for name in ("first", "second")]
        for bot in bots:
            stack.push_async_callback(bot.kill)
        balancer.bots = [bot.url for bot in bots]

        await asyncio.gather(*(bot.start() for bot in bots))
        await balancer.has(*balancer.bots)
        for warm in [await world.says(f"@delegate What is number {-n}?") for n in range(1, 9)]:
            await world.sees(warm, r"It is -\d", within=60)  # they have imported what takes its time
        asked: list[str] = []
        stop = asyncio.Event()

        async def people() -> None:
            while not stop.is_set():
                asked.append(await world.says(f"@delegate What is number {len(asked)}?"))
                await asyncio.sleep(EVERY)

        asking = asyncio.create_task(people())
        took = []
        try:
            for _ in range(rounds):
                for bot in bots:
                    began = time.monotonic()
                    assert await bot.end() == 0
                    took.append(time.monotonic() - began)
                    await bot.start()
                    await balancer.has(bot.url)
            stop.set()
            await asking
            open_ones = dict(enumerate(asked))

            def all_answered() -> bool:
                for n, ts in list(open_ones.items()):
                    if f"It is {n}." in world.thread(ts):
                        del open_ones[n]
                return not open_ones

            await world.slack.until(all_answered, timeout=120)
            await asyncio.sleep(SETTLE + 0.5)  # whatever would be said twice is said by now
        except BaseException:
            sys.stderr.write(f"ended in {took} s\n")
            sys.stderr.write("".join(bot.log.read_text()[-4000:] for bot in bots))
            raise
        finally:
            stop.set()
            await asking
        for ts in asked:
            keys = Counter(str(m["metadata"]["event_payload"]["key"]) for m in world.posts(ts))
            assert set(keys.values()) == {1}, world.thread(ts)
        print(f"{len(asked)} requests, {world.stub.count} calls, ended in {took} s, {balancer.answers}")  # noqa: T201
        if http:
            said = Counter(balancer.said)
            assert set(balancer.answers) == {200}, f"somebody met no bot: {balancer.answers} {said}"


def _number(request: str) -> str:
    found = re.search(r"number (-?\d+)", request)
    assert found
    return found[1]

"""Two bots on one PostgreSQL: any of them takes any event, and together they are one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from playground.delivery import Retries
from tests.bots.balancer import Balancer
from tests.bots.process import SETTLE, Bot
from tests.conversations.world import World, a_world, steps
from tests.services import postgres_database

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@dataclass
class House:
    world: World
    balancer: Balancer
    bots: tuple[Bot, Bot]

    def all_to(self, n: int) -> None:
        """From now on, this bot gets everything."""

        async def to(_: bytes) -> Sequence[str]:
            return [self.bots[n].url]

        self.balancer.to = to

    def keys(self, ts: str) -> Counter[str]:
        return Counter(str(m["metadata"]["event_payload"]["key"]) for m in self.world.posts(ts))


@asynccontextmanager
async def a_house(folder: Path, database: str) -> AsyncIterator[House]:
    async with Balancer() as balancer:
        retries = Retries(delays=(0.2, 0.5, 1.0))
        async with a_world(folder, request_url=balancer.url, retries=retries) as world:
            bots = (
                Bot("first", world, database, http=True),
                Bot("second", world, database, http=True),
            )
            house = House(world, balancer, bots)
            balancer.bots = [bot.url for bot in bots]
            try:
                await asyncio.gather(*(bot.start() for bot in bots))
                await house.balancer.has(*house.balancer.bots)
                yield house
            except BaseException:
                sys.stderr.write("".join(bot.log.read_text()[-5000:] for bot in bots))
                raise
            finally:
                await asyncio.gather(*(bot.kill() for bot in bots))


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres_database() as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, database: str) -> AsyncIterator[House]:
    async with a_house(tmp_path_factory.mktemp("house"), database) as it:
        yield it


@pytest.fixture(autouse=True)
def _quick(house: House) -> None:
    house.world.stub.delay = 0.0
    house.balancer.to = None


def is_reply(body: bytes) -> bool:
    return body.startswith(b"{") and "thread_ts" in (json.loads(body).get("event") or {})


async def test_an_event_that_comes_to_both_bots_again_and_again_is_one_run(house: House) -> None:
    async def everywhere(_: bytes) -> Sequence[str]:
        return [bot.url for bot in house.bots] * 4

    house.balancer.to = everywhere
    house.world.stub.on("oolong", plan={"answer": "Half oxidised."})
    before = house.world.stub.count
    threads = [await house.world.says(f"@delegate What is oolong? {n}") for n in range(5)]
    for ts in threads:
        await house.world.sees(ts, "Half oxidised", within=30)
    await asyncio.sleep(SETTLE / 2)  # whatever would be said twice is said by now
    for ts in threads:
        assert set(house.keys(ts).values()) == {1}, house.world.thread(ts)
    assert house.world.stub.count - before == 5


async def test_a_reply_to_one_bot_goes_on_in_the_thread_of_the_other(house: House) -> None:
    house.world.stub.on("assam", plan={"answer": "A black tea from India."})
    house.world.stub.on("and in one word", plan={"answer": "Malty."})
    house.all_to(0)
    ts = await house.world.says("@delegate What is assam?")
    await house.world.sees(ts, "A black tea", within=30)
    house.all_to(1)
    await house.world.says("and in one word?", thread=ts)
    await house.world.sees(ts, "Malty", within=30)
    assert "A black tea" in house.world.stub.requests[-1].text, "it knows what the other one said"


async def test_a_reply_that_overtakes_its_mention_on_the_way_to_another_bot_is_heard(house: House) -> None:
    async def slow_mentions(body: bytes) -> Sequence[str]:
        if is_reply(body):
            return [house.bots[1].url]
        await asyncio.sleep(0.5)
        return [house.bots[0].url]

    house.balancer.to = slow_mentions
    house.world.stub.on("darjeeling", plan={"answer": "From the hills."})
    house.world.stub.on("how is it brewed", plan={"answer": "Not too hot."})
    ts = await house.world.says("@delegate What is darjeeling?")
    await house.world.says("how is it brewed?", thread=ts)
    await house.world.sees(ts, "From the hills", "Not too hot", within=30)


async def test_chatter_in_a_thread_of_others_is_nobodys_business(house: House) -> None:
    before = house.world.stub.count
    ts = await house.world.says("lunch?", by="ben")
    await house.world.says("at one", by="ben", thread=ts)
    await house.world.says("fine", by="chen", thread=ts)
    await house.world.slack.until(lambda: not house.world.slack.world.delivery.pending, timeout=30)
    assert house.world.stub.count == before and not house.world.posts(ts)


async def test_a_stop_to_one_bot_right_behind_the_request_to_the_other_is_heard(house: House) -> None:
    async def in_turn(body: bytes) -> Sequence[str]:
        return [house.bots[is_reply(body)].url]

    house.balancer.to = in_turn
    house.world.stub.delay = 3.0
    house.world.slack.faults.ratelimit(1.0, "users.info")
    ts = await house.world.says("@delegate begin something long", by="ben")
    await house.world.says("stop", by="ben", thread=ts)
    await house.world.sees(ts, "Stopped by @ben", within=30)
    assert set(house.keys(ts).values()) == {1}


async def test_a_button_pressed_in_one_bot_stops_the_run_of_the_other(house: House) -> None:
    house.world.stub.delay = 4.0
    house.all_to(0)
    ts = await house.world.says("@delegate begin something longer", by="ben")
    await house.world.sees(ts, "Working|Planning|plan", within=30)
    house.all_to(1)
    await house.world.slack.click("general", house.world.posts(ts, by="ben")[0]["ts"], "stop", by="ben")
    await house.world.sees(ts, "Stopped by @ben", within=30)
    await asyncio.sleep(4.5)  # what the first bot's worker still brings is refused
    assert set(house.keys(ts).values()) == {1} and "Here it is" not in house.world.thread(ts)


async def test_a_card_of_one_bot_is_confirmed_in_the_other(house: House) -> None:
    house.all_to(0)
    ts = await house.world.says("@delegate schedule 0 9 * * 1 Say how it goes")
    await house.world.sees(ts, "This is what I understood", within=30)
    house.all_to(1)
    await house.world.slack.click("general", house.world.posts(ts)[0]["ts"], "proposal:yes")
    await house.world.sees(ts, "Scheduled by @ada", within=30)


async def test_when_one_bot_is_killed_the_other_finishes_its_runs(house: House) -> None:
    plan = steps(("one", "writer", "Part one of pu-erh"), ("two", "writer", "Part two", ["one"]))
    house.world.stub.on("pu-erh", plan=plan)
    house.world.stub.delay = 0.7
    house.all_to(0)
    before = house.world.stub.count
    threads = [await house.world.says(f"@delegate Write about pu-erh {n}") for n in range(6)]
    await house.world.slack.until(lambda: house.world.stub.count >= before + 9, timeout=30)
    house.all_to(1)
    await house.bots[0].kill()
    for ts in threads:
        await house.world.sees(ts, "Done", within=60)
    await asyncio.sleep(SETTLE / 2)
    for ts in threads:
        assert set(house.keys(ts).values()) == {1}, house.world.thread(ts)
    await house.bots[0].start()
    await house.balancer.has(*house.balancer.bots)

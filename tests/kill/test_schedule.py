"""Two bots that see one slot make one run of it; and a card that was confirmed becomes one schedule, whoever
is killed between the yes and what follows from it (K17). A slot's own point, K16, is in the matrix."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import Store
from tests.cluster import folding, verdict
from tests.cluster.cluster import WORKSPACE, cluster
from tests.kill.matrix import a_due_schedule
from tests.services import postgres_database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
    else:
        with postgres_database() as url:
            yield url


@pytest.mark.timeout(120)
async def test_two_processes_on_one_database_make_one_run_of_a_slot(database: str, tmp_path: Path) -> None:
    work = folding.chain("job-daily", 1)
    async with cluster(tmp_path, database, bots=2) as there:
        await a_due_schedule(there, work)
        await there.quiet()
        (run,) = await there.truth.runs()
        assert not await verdict.wrong(there, work, run.thread_ts)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["button", "words"])
async def test_a_card_that_was_confirmed_becomes_one_schedule(how: str, tmp_path: Path) -> None:
    async with cluster(tmp_path) as there:
        world, store = there.world, Store(there.truth.url, time.time)
        there.arm("K17")
        ts = await world.says("@delegate schedule 0 9 * * 1 Say how it goes")
        await world.sees(ts, "This is what I understood", within=20)
        if how == "button":
            await world.slack.click("general", world.posts(ts)[0]["ts"], "proposal:yes")
        else:
            await world.says("yes", thread=ts)
        await world.sees(ts, "Scheduled by @ada", within=40)
        for _ in range(200):
            if made := await store.schedules.of(WORKSPACE):
                break
            await asyncio.sleep(0.05)
        assert not there.left(), "killed in between"
        assert [s.text for s in made] == ["Say how it goes"]
        await store.close()

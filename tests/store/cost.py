"""What a run costs the store: `python -m tests.store.cost [URL] [RUNS]`. Every run is a chain of three steps,
13 transitions with its beginning, each committed before the next; all runs at once, in a database of its
own unless a URL names another."""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import uuid

from bot import database
from bot.run import PlanMade, Run
from bot.store import Store
from tests.core.plans import chain
from tests.store.stories import address, begun, finished, happen, request, started
from workers.kit.wire import Said

STEPS = ("a", "b", "c")


async def one(store: Store, run_id: str) -> Run:
    run = await begun(store, run_id, request(thread_ts=run_id))
    run = await happen(store, run, started(run))
    run = await happen(store, run, PlanMade(1, chain(*STEPS)))
    for step in STEPS:
        run = await happen(store, run, started(run, step))
        run = await happen(store, run, Said(**address(run, step).model_dump(), line="Half of it is done"))
        run = await happen(store, run, finished(run, step, "x" * 500))
    return run


async def measure(url: str, runs: int) -> None:
    database.upgrade(url)
    store = Store(url, time.time, window=1_000_000)  # nobody waits: that has its own test
    await one(store, f"warm-{uuid.uuid4().hex}")
    begun_at, cpu = time.perf_counter(), time.process_time()
    done = await asyncio.gather(*(one(store, uuid.uuid4().hex) for _ in range(runs)))
    took, cpu = time.perf_counter() - begun_at, time.process_time() - cpu
    steps = sum(run.version for run in done)
    print(
        f"{runs} at once: {runs / took:.0f} runs/s, {steps / took:.0f} commits/s,"
        f" {1000 * cpu / runs:.2f} ms of CPU a run"
    )
    begun_at = time.perf_counter()
    alone = await one(store, uuid.uuid4().hex)
    print(f"one alone: {1000 * (time.perf_counter() - begun_at) / alone.version:.2f} ms a commit")
    await store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = sys.argv[1:]
        url = given[0] if given else f"sqlite:///{folder}/delegate.db"
        asyncio.run(measure(url, int(given[1]) if len(given) > 1 else 200))

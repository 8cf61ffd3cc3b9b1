"""Run as a process of its own: `python -m tests.store.contend URL RUN_ID TIMES` changes one run again and
again, reading before it writes, against everybody else who does the same."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace

from bot.ports import Conflict
from bot.store import Store


async def contend(url: str, run_id: str, times: int) -> None:
    store = Store(url, time.time)
    print("ready", flush=True)  # noqa: T201  # to whoever started this process
    for _ in range(times):
        while True:
            run = await store.runs.load("T1", run_id)
            assert run is not None
            try:
                await store.runs.save(run, replace(run, title=run.title + "x"))
            except Conflict:
                continue
            break
    await store.close()


if __name__ == "__main__":
    asyncio.run(contend(sys.argv[1], sys.argv[2], int(sys.argv[3])))

"""The bot under test: `bot.app.running` with a bench's workers, in a process of its own.

    python -m bench.serve --crew writes [--profile FILE]     # settings from the environment, as ever

It says on stdout, a JSON line each, when what is committed: `begun`, `ended` and `asking` (the run's new
state is in the database) and `shown` (and Slack shows it). Nothing else differs from `python -m bot serve`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import signal
import sys
import time
from typing import Any

import uvloop

from bench.crews import CREWS
from bot.__main__ import _log
from bot.app import Running, running
from bot.run import Run
from bot.settings import Settings


def tell(what: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"what": what, "at": time.time(), **more}) + "\n")
    sys.stdout.flush()


def listen(bot: Running) -> None:
    """Stands beside the store, not in it: the times are those of calls that returned."""
    save, all_shown = bot.store.runs.save, bot.store.messages.all_shown
    told: dict[str, int] = {}

    async def saved(before: Run | None, after: Run) -> Run:
        run = await save(before, after)
        if before is None:
            tell("begun", run=run.id)
        asking = any(step.status == "asking" for step in run.steps)
        if (run.ended or asking) and run.id not in told:
            told[run.id] = run.version
            tell("ended" if run.ended else "asking", run=run.id, status=run.status)
        return run

    async def shown(workspace: str, run_id: str, version: int) -> None:
        await all_shown(workspace, run_id, version)
        if told.get(run_id, version + 1) <= version:
            told[run_id] = version + 1_000_000
            tell("shown", run=run_id)

    for owner, name, instead in ((bot.store.runs, "save", saved), (bot.store.messages, "all_shown", shown)):
        setattr(owner, name, instead)


def watch(loop: asyncio.AbstractEventLoop, bot: Running) -> dict[str, cProfile.Profile]:
    """From SIGUSR1 on: the loop's thread, and the one that writes to SQLite."""
    profilers = {"loop": cProfile.Profile(), "writer": cProfile.Profile()}
    writer = getattr(bot.store.database, "_writer", None)

    def begin() -> None:
        if writer is not None:
            writer.submit(profilers["writer"].enable)
        profilers["loop"].enable()

    loop.add_signal_handler(signal.SIGUSR1, begin)
    return profilers


async def serve(crew: str, profile: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    given: dict[str, Any] = {"_env_file": None}
    settings = Settings(**given)
    _log(settings)
    async with running(settings, CREWS[crew]) as bot:
        listen(bot)
        watched = watch(loop, bot) if profile else {}
        tell("ready")
        await stop.wait()
        for name, profiler in watched.items():
            profiler.create_stats()
            profiler.dump_stats(f"{profile}.{name}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--crew", choices=CREWS, default="writes")
    options.add_argument(
        "--profile", default="", help="what the loop did from SIGUSR1 on, written at the end"
    )
    chosen = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(chosen.crew, chosen.profile))


if __name__ == "__main__":
    main()

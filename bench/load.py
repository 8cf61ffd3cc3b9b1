"""How the house stands under a load: what Slack waits for, what is lost (nothing), what memory it takes.

Each is a coroutine that returns plain figures, with what was asked for among them. The bot has no part in the
measuring: delays are seen from outside, and what became of each mention is read from PostgreSQL and from what
Slack was told. A mention is answered when its run is done and a post in its thread names who asked.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from bench.load_events import MIX, People, Sent, acks, send, spread
from bench.load_scene import WORKSPACES, LeftOut, Load, Runs, load_scene

Figures = dict[str, Any]

MODEL_DELAY, SLACK_DELAY = 0.3, 0.08  # seconds; a call of a quick model, and of Slack's Web API
PER_SECOND = 50
MENTIONS = 500
OPEN = 1000
CHAIN = 10  # steps of a run

AGAIN = "SELECT count(*) FROM step WHERE attempt > 1"
NOOPS = """SELECT run_id, result FROM step WHERE worker = 'noop' AND result IS NOT NULL
    ORDER BY run_id, position"""


async def or_left_out(measure: Callable[[], Awaitable[Figures]]) -> Figures:
    try:
        return await measure()
    except LeftOut as why:
        return {"left_out": str(why)}


async def events(folder: Path, seconds: float, workers: int = 0) -> Figures:
    """The mix, at its rate, over all workspaces."""
    people = People(WORKSPACES)
    async with load_scene(folder, workers=workers, model_delay=MODEL_DELAY, slack_delay=SLACK_DELAY) as there:
        await _warm(there, people)
        cpu, loop = there.bot.cpu, there.bot.loop_cpu
        sent = await send(there.http, there.at, people.mixed(round(PER_SECOND * seconds)), seconds)
        busy = {"cpu": (there.bot.cpu - cpu) / seconds, "loop": (there.bot.loop_cpu - loop) / seconds}
        return {
            "mix": MIX,
            "events_per_second": PER_SECOND,
            "seconds": seconds,
            "workspaces": WORKSPACES,
            "worker_services": workers,
            "model_delay": MODEL_DELAY,
            "slack_delay": SLACK_DELAY,
            "ack": acks(sent),
            "bot_cores_busy": busy,
            **await _became(there, sent, before=1),
        }


async def burst(folder: Path, mentions: int, twins: bool) -> Figures:
    """So many mentions within one second. `twins`: each comes as two events, as it does from Slack."""
    people = People(WORKSPACES)
    async with load_scene(folder, model_delay=MODEL_DELAY, slack_delay=SLACK_DELAY) as there:
        await _warm(there, people)
        all_at_once = [event for _ in range(mentions) for event in people.mention(twins)]
        sent = await send(there.http, there.at, all_at_once, 1.0)
        return {
            "mentions_in_a_second": mentions,
            "twins": twins,
            "workspaces": WORKSPACES,
            "model_delay": MODEL_DELAY,
            "slack_delay": SLACK_DELAY,
            "ack": acks(sent),
            **await _became(there, sent, before=1),
        }


async def open_runs(folder: Path, runs: int, idle: float) -> Figures:
    """Half of them wait for a person, half for a time; then nothing happens, and what that costs is seen."""
    async with load_scene(folder, noop=True) as there:
        await _warm(there, People(WORKSPACES))
        empty = await _at_rest(there, idle)
        for text in ("chain-1 ask first", "chain-1 wait"):
            people = People(WORKSPACES, text)
            said = [event for _ in range(runs // 2) for event in people.mention(twin=False)]
            await send(there.http, there.at, said, runs / 2 / 40)
        now, _ = await there.until(lambda now: now.waiting == now.open == runs and now.unshown == 0)
        found = {"runs": runs, "waiting": now.waiting, "empty": empty, "open": await _at_rest(there, idle)}
        return found | {"rss": there.bot.rss, "rss_peak": there.bot.rss_peak}


async def steps(folder: Path, services: tuple[int, ...], runs: int, alone: int) -> Figures:
    """No-op steps: the way to a worker and back is all there is. 0 services: in the bot's own process."""
    found: Figures = {"chain": CHAIN, "runs": runs, "runs_alone": alone, "concurrency": 32}
    for count in services:
        async with load_scene(folder, noop=True, workers=count, concurrency=32) as there:
            found[f"services_{count}"] = await _steps(there, runs, alone)
    return found


async def _steps(there: Load, runs: int, alone: int) -> Figures:
    people = People(WORKSPACES, f"chain-{CHAIN}")
    await _warm(there, people)
    for n in range(alone):
        await send(there.http, there.at, people.mention(twin=False), 0.0)
        await _over(there, n + 2)
    gaps = _gaps(await _chains(there))
    seen = set(await _chains(there))
    cpu = [child.cpu for child in (there.bot, *there.workers)]
    began = time.time()
    said = [event for _ in range(runs) for event in people.mention(twin=False)]
    await send(there.http, there.at, said, 0.5)
    now = await _over(there, alone + 1 + runs)
    cpu = [child.cpu - c for child, c in zip((there.bot, *there.workers), cpu, strict=True)]
    chains = {run: times for run, times in (await _chains(there)).items() if run not in seen}
    times = [time for chain in chains.values() for time in chain]
    took = max(end for _, end in times) - min(begin for begin, _ in times)
    return {
        "between_steps": spread(gaps),
        "between_steps_under_load": spread(_gaps(chains)),
        "steps": len(times),
        "steps_per_second": len(times) / took,
        "seconds_from_first_mention": max(end for _, end in times) - began,
        "cpu_per_step": {"bot": cpu[0] / len(times), "workers": sum(cpu[1:]) / len(times)},
        "not_done": now.all - now.done,
    }


async def _chains(there: Load) -> dict[str, list[tuple[float, float]]]:
    """When each step of each run began and ended, by the worker's own clock."""
    rows = [(row["run_id"], json.loads(row["result"])["data"]) for row in await there.database.fetch(NOOPS)]
    read = [(run, json.loads(data)) for run, data in rows]
    return {run: [(d["began"], d["ended"]) for _, d in own] for run, own in groupby(read, lambda row: row[0])}


def _gaps(chains: dict[str, list[tuple[float, float]]]) -> list[float]:
    """From a step's end in its worker to the start of the next: what a step costs beside its own time."""
    return [after[0] - before[1] for chain in chains.values() for before, after in pairwise(chain)]


async def _warm(there: Load, people: People) -> None:
    """One run: what is loaded late is loaded."""
    await send(there.http, there.at, people.mention(twin=False), 0.0)
    now = await _over(there, 1)
    if now.done != 1:
        raise RuntimeError(f"The first run did not end well.\n{there.bot.log()[-3000:]}")


async def _over(there: Load, runs: int) -> Runs:
    """Until there are so many runs, all ended and shown."""
    now, _ = await there.until(lambda now: now.all == runs and now.open == now.unshown == 0)
    return now


async def _became(there: Load, sent: list[Sent], before: int) -> Figures:
    """What became of the mentions. `before`: runs that were there already."""
    mentions = sum(s.kind == "mention" for s in sent)
    rss = there.bot.rss
    now, after = await there.until(
        lambda now: now.all >= mentions + before and now.open == now.unshown == 0, 600
    )
    told = await there.told()
    return {
        "mentions": mentions,
        "runs": now.all - before,
        "done": now.done - before,
        "answered": told["answered"] - before,
        "answered_twice": told["answered_twice"],
        "refused_to_a_person": told["calls"].get("chat.postEphemeral", 0),
        "steps_handed_out_again": await there.database.fetchval(AGAIN),
        "seconds_until_all_answered": after,
        "slack_calls": told["calls"],
        "rss": rss,
        "rss_peak": there.bot.rss_peak,
    }


async def _at_rest(there: Load, seconds: float) -> Figures:
    """Nothing comes in for this long."""
    before, _ = await there.metrics()
    cpu = there.bot.cpu
    await asyncio.sleep(seconds)
    busy = (there.bot.cpu - cpu) / seconds
    pages = [await there.metrics() for _ in range(5)]
    count, total = (
        pages[-1][0][f"delegate_sweep_seconds_{what}"] - before[f"delegate_sweep_seconds_{what}"]
        for what in ("count", "sum")
    )
    return {
        "rss": there.bot.rss,
        "sweeps": count,
        "sweep_seconds": total / count if count else None,
        "bot_cores_busy": busy,
        "scrape_seconds": statistics.median(seconds for _, seconds in pages),
    }

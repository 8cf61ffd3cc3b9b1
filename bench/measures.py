"""What is measured, each a coroutine that returns plain figures: seconds, bytes, ratios."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import time
from pathlib import Path
from typing import Any

from bench.crews import SHAPES, waves
from bench.processes import Child
from bench.profiles import by_package, costliest
from bench.scene import Scene, scene

Figures = dict[str, Any]


async def floor(folder: Path, stub: str, by: str, shape: str, runs: int, *at_once: str) -> Figures:
    arguments = ["-m", "bench.floor", "--stub", stub, "--by", by, "--shape", shape, "--runs", str(runs)]
    async with Child("floor", [*arguments, *at_once], folder) as child:
        found: Figures = json.loads(await child.line(seconds=300))
        return found


async def overhead(folder: Path, delay: float, runs: int) -> Figures:
    """One run at a time: from the mention to the last result committed, beside the floors on one stub."""
    figures: Figures = {}
    async with scene(folder, delay=delay) as there:
        for shape in SHAPES:
            calls, ideal = sum(waves(shape)), len(waves(shape)) * delay
            spans, behind = await _one_by_one(there, shape, runs)
            floors = {}
            for by in ("aiohttp", "litellm"):
                found = await floor(folder, there.stub_url, by, shape, runs)
                floors[by] = statistics.median(found["runs"])
            span = statistics.median(spans)
            figures[shape] = {
                "calls": calls,
                "in_sequence": len(waves(shape)),
                "runs": runs,
                "makespan": span,
                "makespan_worst": max(spans),
                "ideal": ideal,
                "ratio_to_ideal": span / ideal if ideal else None,
                "floor": floors,
                "floor_ratio_to_ideal": {by: s / ideal for by, s in floors.items()} if ideal else None,
                "overhead_per_call": {by: (span - s) / calls for by, s in floors.items()},
                "thread_behind": statistics.median(behind),
            }
    return figures


async def _one_by_one(there: Scene, shape: str, runs: int) -> tuple[list[float], list[float]]:
    spans, behind = [], []
    for _ in range(runs):
        said = await there.say(shape)
        at = {mark.what: mark.at for mark in await there.until("shown", 1)}
        spans.append(at["ended"] - said)
        behind.append(at["shown"] - at["ended"])
    return spans, behind


async def load(folder: Path, runs: int, shape: str = "chain-3", rounds: int = 3) -> Figures:
    """All at once, the model answering at once: what the bot's own work costs."""
    figures: Figures = {"runs": runs, "shape": shape}
    async with scene(folder) as there:
        found = [await _at_once(there, shape, runs) for _ in range(rounds)]
        figures["rounds"] = found
        for by in ("aiohttp", "litellm"):
            bare = await floor(folder, there.stub_url, by, shape, runs, "--at-once")
            figures[f"floor_{by}"] = {
                "runs_per_second": runs / bare["all"],
                "cpu_per_run": bare["cpu"] / runs,
            }
    for name in found[0]:
        figures[name] = statistics.median(one[name] for one in found)
    return figures


async def _at_once(there: Scene, shape: str, runs: int) -> Figures:
    calls, before = await there.slack_calls(), there.weights()
    said = await asyncio.gather(*(there.say(shape) for _ in range(runs)))
    marks = await there.until("shown", runs, seconds=300)
    after = there.weights()
    first = min(said)
    ended = max(mark.at for mark in marks if mark.what == "ended")
    shown = max(mark.at for mark in marks if mark.what == "shown")
    return {
        "seconds_to_committed": ended - first,
        "seconds_to_shown": shown - first,
        "seconds_to_last_mention": max(said) - first,
        "seconds_to_last_begun": max(mark.at for mark in marks if mark.what == "begun") - first,
        "runs_per_second": runs / (ended - first),
        "runs_per_second_shown": runs / (shown - first),
        "bot_cpu_per_run": (after.bot - before.bot) / runs,
        "loop_cpu_per_run": (after.loop - before.loop) / runs,
        "playground_cpu_per_run": (after.playground - before.playground) / runs,
        "stub_cpu_per_run": (after.stub - before.stub) / runs,
        "slack_calls_per_run": (await there.slack_calls() - calls) / runs,
        "loop_busy": (after.loop - before.loop) / (shown - first),
    }


async def profiled(folder: Path, runs: int, shape: str = "chain-3") -> Figures:
    """The same load under cProfile, which slows Python down and C not: shares, not times."""
    profile = folder / "profile"
    async with scene(folder, profile=profile) as there:
        there.bot.signal(signal.SIGUSR1)
        found = await _at_once(there, shape, runs)
    parts = {name: profile.with_suffix(f".{name}") for name in ("loop", "writer")}
    return {
        "runs": runs,
        "runs_per_second_profiled": found["runs_per_second"],
        **{f"percent_of_{name}": by_package(file) for name, file in parts.items()},
        **{f"ours_in_{name}": costliest(file) for name, file in parts.items()},
    }


async def memory(folder: Path, runs: int, batch: int = 100) -> Figures:
    """Runs that wait for a person: what each holds. Some come before, so that what is built once is."""
    async with scene(folder, crew="asks") as there:
        await _fill(there, batch, batch)
        sizes = [there.bot.rss]
        for _ in range(2):
            await _fill(there, runs // 2, batch)
            sizes.append(there.bot.rss)
    return {
        "runs": runs,
        "rss_before": sizes[0],
        "rss_after": sizes[-1],
        "bytes_per_run": (sizes[-1] - sizes[0]) / runs,
        "bytes_per_run_second_half": (sizes[2] - sizes[1]) / (runs // 2),
    }


async def _fill(there: Scene, runs: int, batch: int) -> None:
    for _ in range(0, runs, batch):
        await asyncio.gather(*(there.say("chain-1") for _ in range(batch)))
        await there.until("shown", batch)
    await asyncio.sleep(2)


async def disk(folder: Path, times: int = 200) -> float:
    """Seconds that one small fsync takes here: what a commit waits for at least."""

    def sync() -> float:
        with (folder / "fsync").open("wb", buffering=0) as file:
            began = time.perf_counter()
            for _ in range(times):
                file.write(b"x" * 4096)
                os.fsync(file.fileno())
            return (time.perf_counter() - began) / times

    return await asyncio.to_thread(sync)

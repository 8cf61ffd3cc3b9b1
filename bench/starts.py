"""From `exec` to the first acknowledgement: `python -m bot serve`, as an operator starts it.

The playground is in this process, which does nothing else meanwhile, so that its own clock sees the
acknowledgement. A mention is said at the moment of the start; it waits for the bot's socket.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.processes import ROOT, Child
from bench.scene import settings, stub_model
from playground.slack import Playground


async def starts(folder: Path, times: int) -> dict[str, Any]:
    """`fresh`: the first start, which makes the database too; then restarts, their median."""
    data = folder / "data-start"
    async with (
        stub_model(folder, 0.0) as (_, stub_url),
        Playground(manifest=ROOT / "app.yaml", limits=False) as slack,
    ):
        environment = settings(stub_url, slack.base_url, slack.bot_token, slack.app_token, data)
        found = [await _start(folder, slack, environment, n) for n in range(times + 1)]
    again = {name: statistics.median(one[name] for one in found[1:]) for name in found[0]}
    return {"fresh": found[0], "again": again, "times": times}


async def _start(folder: Path, slack: Playground, environment: dict[str, str], n: int) -> dict[str, float]:
    began = time.perf_counter()
    async with Child(f"start-{n}", ["-m", "bot", "serve"], folder, environment) as bot:
        ts = await slack.say("general", "@delegate chain-1")
        at: dict[str, float] = {}
        signs: dict[str, Callable[[], object]] = {
            "connected": lambda: slack.world.sockets.connected,
            "acked": lambda: slack.world.delivery.pending == 0,
            "ready": lambda: "ready " in bot.log(),
            "receipt": lambda: any(m.get("bot_id") for m in slack.thread("general", ts)),
            "answered": lambda: "run ended" in bot.log(),
        }
        async with asyncio.timeout(60):
            while not at.keys() >= signs.keys():
                for name, seen in signs.items():
                    if name not in at and seen():
                        at[name] = time.perf_counter() - began
                        at[f"cpu_when_{name}"] = bot.cpu
                await asyncio.sleep(0.002)
        await slack.until(lambda: slack.world.delivery.pending == 0)
        at["rss_when_answered"] = float(bot.rss)
    return at

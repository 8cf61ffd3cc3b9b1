"""Where the time went: a cProfile summed by package, and what importing costs.

The standard library and C functions work for somebody, so their own time goes to whoever called them, in the
shares that cProfile recorded. What is nobody's (the event loop itself) stays `python`.
"""

from __future__ import annotations

import asyncio
import marshal
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.processes import ROOT, Child

Function = tuple[str, int, str]
Row = tuple[int, int, float, float, dict[Function, tuple[int, int, float, float]]]
Profile = dict[Function, Row]
OURS = ("bot", "workers", "bench")
DEPTH = 12  # callers of callers, before time is given to Python itself


def by_package(*files: Path) -> dict[str, float]:
    """Percent of the profiled time, the most first."""
    seconds: dict[str, float] = defaultdict(float)
    for file in files:
        profile: Profile = marshal.loads(file.read_bytes())
        for function, row in profile.items():
            for name, share in _shares(profile, function, row, DEPTH).items():
                seconds[name] += share * row[2]
    total = sum(seconds.values()) or 1.0
    return {name: round(100 * s / total, 1) for name, s in _most(seconds) if s / total > 0.002}


def costliest(*files: Path, count: int = 25) -> dict[str, float]:
    """Percent by function of ours and of packages, with all it calls (nested ones count in each)."""
    rows: dict[str, float] = defaultdict(float)
    total = 0.0
    for file in files:
        profile: Profile = marshal.loads(file.read_bytes())
        total += sum(row[2] for row in profile.values())
        for (path, line, name), row in profile.items():
            package = _package(path)
            if package in OURS:
                rows[f"{_short(path)}:{line} {name}"] += row[3]
    return {name: round(100 * s / (total or 1.0), 1) for name, s in _most(rows)[:count]}


def _shares(profile: Profile, function: Function, row: Row, depth: int) -> dict[str, float]:
    """Whose time it is, as shares of 1."""
    if (package := _package(function[0])) is not None:
        return {package: 1.0}
    callers = {caller: times[2] for caller, times in row[4].items() if caller in profile}
    total = sum(callers.values())
    if depth == 0 or total <= 0:
        return {"python": 1.0}
    shares: dict[str, float] = defaultdict(float)
    for caller, time in sorted(callers.items(), key=lambda item: -item[1])[:6]:
        for name, share in _shares(profile, caller, profile[caller], depth - 3).items():
            shares[name] += share * time / total
    if (rest := 1.0 - sum(shares.values())) > 1e-9:
        shares["python"] += rest
    return dict(shares)


def _package(path: str) -> str | None:
    """None for C functions and the standard library."""
    if found := re.search(r"/site-packages/([\w-]+)", path):
        return found[1]
    if path.startswith(f"{ROOT}/"):
        return path.removeprefix(f"{ROOT}/").partition("/")[0]
    return None


def _most(amounts: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(amounts.items(), key=lambda item: -item[1])


def _short(path: str) -> str:
    return path.removeprefix(f"{ROOT}/")


async def imports(folder: Path, count: int = 10) -> dict[str, object]:
    """What `import bot.app` takes, and the packages that take the most of it, each without the others."""
    child = Child("imports", ["-X", "importtime", "-c", "import bot.__main__, bot.app; print('ok')"], folder)
    async with child:
        await child.line()
    return {"seconds": _imported(child.log().splitlines(), None)["all"], "top": _top(child.log(), count)}


def _top(log: str, count: int) -> dict[str, float]:
    seconds = _imported(log.splitlines(), set(sys.stdlib_module_names))
    return {name: s for name, s in _most(seconds)[: count + 1] if name != "all"}


def _imported(rows: Iterable[str], stdlib: set[str] | None) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    for row in rows:
        if found := re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)", row):
            name = found[2].partition(".")[0]
            name = "(standard library)" if stdlib and name in stdlib else name
            seconds[name] += int(found[1]) / 1e6
            seconds["all"] += int(found[1]) / 1e6
    return seconds


async def quiet(below: float, seconds: float) -> bool:
    """Waits until the machine has little else to do, this long at most; whether it has."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while os.getloadavg()[0] > below:
        if loop.time() > until:
            return False
        await asyncio.sleep(2)
    return True

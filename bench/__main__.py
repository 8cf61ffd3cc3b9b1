"""Figures of the bot, as JSON and as a table.

    python -m bench                         # all of them; wants a quiet machine, takes some minutes
    python -m bench --quick                 # small numbers, to see that it works
    python -m bench --only load memory      # a part
    python -m bench --only events burst open steps      # under a load, on PostgreSQL and RabbitMQ

The bot under test is a process of its own (`bench/serve.py`, or `python -m bot serve` for the start and the
loads), and so are its Slack, the stub model and worker services. PostgreSQL and RabbitMQ are those of the
tests (TEST_POSTGRES_URL, TEST_RABBITMQ_URL); a load that finds none is left out and says so. Figures are for
reading: no test asserts a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import load, measures
from bench.processes import ROOT
from bench.profiles import imports, quiet
from bench.starts import starts
from bench.table import table

OWN = ("start", "imports", "overhead", "load", "profile", "memory")
LOADS = ("events", "burst", "open", "steps")
PARTS = OWN + LOADS
PACKAGES = (
    *("aiohttp", "aio-pika", "asyncpg", "litellm", "pydantic", "slack-bolt", "slack-sdk", "sqlalchemy"),
    *("taskiq", "taskiq-aio-pika", "uvloop"),
)


def machine() -> dict[str, Any]:
    names = [
        row.partition(":")[2].strip()
        for row in Path("/proc/cpuinfo").read_text().splitlines()
        if row.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: version(name) for name in PACKAGES},
    }


async def measure(folder: Path, only: list[str], quick: bool, wait: float) -> dict[str, Any]:
    figures: dict[str, Any] = {"machine": machine()}
    figures["machine"]["fsync_seconds"] = await measures.disk(folder)
    n = 10 if quick else 1
    parts: dict[str, Any] = {
        "start": lambda: starts(folder, 2 if quick else 7),
        "imports": lambda: imports(folder),
        "overhead_0ms": lambda: measures.overhead(folder, 0.0, 3 if quick else 25),
        "overhead_200ms": lambda: measures.overhead(folder, 0.2, 2 if quick else 10),
        "load": lambda: measures.load(folder, 200 // n, rounds=1 if quick else 3),
        "profile": lambda: measures.profiled(folder, 200 // n),
        "memory": lambda: measures.memory(folder, 1000 // n, 100 // n),
        "events": lambda: load.events(folder, 120 / n),
        "events_broker": lambda: load.events(folder, 120 / n, workers=1),
        "burst": lambda: load.burst(folder, 500 // n, twins=False),
        "burst_twins": lambda: load.burst(folder, 500 // n, twins=True),
        "open": lambda: load.open_runs(folder, 1000 // n, 30 / n),
        "steps": lambda: load.steps(folder, (0, 1, 2, 4), 100 // n, 20 // n),
    }
    for name, part in parts.items():
        if name.partition("_")[0] in only:
            calm = await quiet(1.5, wait)
            before = os.getloadavg()[0]
            found = await load.or_left_out(part)
            figures[name] = {"load_average": {"before": before, "after": os.getloadavg()[0]}, **found}
            done = "left out" if "left_out" in found else "measured"
            print(f"{name}: {done}{'' if calm else ', on a busy machine'}", file=sys.stderr, flush=True)
    return figures


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--json", type=Path, default=ROOT / "artefacts" / "bench.json")
    options.add_argument("--quick", action="store_true", help="small numbers")
    options.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument(
        "--wait", type=float, default=30, help="seconds to wait for a quiet machine, each part"
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        figures = asyncio.run(measure(Path(folder), chosen.only, chosen.quick, chosen.wait))
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))


if __name__ == "__main__":
    main()

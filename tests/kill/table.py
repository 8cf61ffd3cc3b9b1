"""The kill matrix as a table: `python -m tests.kill.table [--setup cluster] [--points K5,K12]`.

Cases of a setup share one cluster, as in the suite; who is killed in one is there again for the next.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.cluster import cluster
from tests.kill.matrix import POINTS, SETUPS, Case, Outcome, cases, engines, play

HEAD = "| Point | Setup | Crashes | Requests | Messages | Model calls repeated | Seconds | Verdict |"


async def played(chosen: Sequence[Case], machines: dict[str, Any]) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        async with cluster(Path(folder), **machines) as there:
            outcomes = []
            for case in chosen:
                outcomes.append(await play(there, case))
                sys.stderr.write(f"{row(outcomes[-1])}\n")
            return outcomes


def row(outcome: Outcome) -> str:
    case = outcome.case
    cells = (
        *(case.point, case.setup, case.crashes, outcome.runs, outcome.messages, outcome.repeated),
        *(f"{outcome.seconds:.1f}", "; ".join(outcome.wrong) or "ok"),
    )
    return f"| {' | '.join(map(str, cells))} |"


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield HEAD
    yield "|" + " --- |" * HEAD.count("| ")
    ordered = sorted(outcomes, key=lambda o: (POINTS.index(o.case.point), o.case.setup, o.case.crashes))
    yield from map(row, ordered)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--setup", choices=SETUPS, action="append")
    options.add_argument("--points", default=",".join(POINTS))
    chosen = options.parse_args()
    outcomes: list[Outcome] = []
    for setup in chosen.setup or SETUPS:
        mine = [case for case in cases() if case.setup == setup and case.point in chosen.points.split(",")]
        with engines(setup) as machines:
            outcomes += asyncio.run(played(mine, machines))
    print("\n".join(lines(outcomes)))  # noqa: T201
    raise SystemExit(any(outcome.wrong for outcome in outcomes))


if __name__ == "__main__":
    main()

"""The stub model of a load: plans of no-op steps, and of steps that wait for a time.

python -m bench.load_model --delay 0.2      # says its address on stdout
"""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import Any

import uvloop

from tests.stub_model import Seen, StubModel, chain, fanout

LATER_MINUTES = 24 * 60


def plan(seen: Seen) -> dict[str, Any]:
    """`chain-5` and `fanout-8` in the request, else one step; “wait” in it: the first step has a time."""
    workers = ["noop"] if "noop" in seen.workers else ["writer"]
    found = re.search(r"\b(chain|fanout)-(\d+)\b", seen.request)
    kind, count = (found[1], int(found[2])) if found else ("chain", 1)
    made = (chain if kind == "chain" else fanout)(count, workers)
    if "wait" in seen.request:
        made["steps"][0]["wait_minutes"] = LATER_MINUTES
    return made


async def serve(delay: float) -> None:
    async with StubModel(delay=delay) as stub:
        stub.on(None, plan=plan)
        print(stub.url, flush=True)
        while True:
            await asyncio.sleep(1)
            stub.requests.clear()  # a load makes thousands


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    chosen = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(chosen.delay))


if __name__ == "__main__":
    main()

"""The storm: work for thousands of steps, while everything it needs is killed again and again.

Bots and worker services die at random (by a seed), RabbitMQ dies with what it had in memory and once with its
disk, PostgreSQL crashes. A person answers where an effect may or may not have happened. In the end all must
be there, right, and once.

    python -m tests.chaos.storm --steps 2000 --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from playground.errors import Refused
from tests.cluster import folding, verdict
from tests.cluster.cluster import Cluster, cluster
from tests.cluster.folding import Work
from tests.nodes.postgres import PostgresNode, postgres_node
from tests.nodes.rabbit import RabbitNode, rabbit_node

AT_ONCE = 10  # requests
BETWEEN = (2.0, 5.0)  # seconds from one killed process to the next
DOWN = (0.5, 4.0)  # seconds that a server is away
DISK = "RabbitMQ with its disk"
SERVERS = ("RabbitMQ", "PostgreSQL", "RabbitMQ", DISK, "PostgreSQL", "RabbitMQ", "PostgreSQL")
SHAPES = ((folding.chain, 5), (folding.fan, 6), (folding.fork, 3), (folding.chain, 8))
CALL_SECONDS = 0.05  # that the model takes
PATIENCE = 900.0  # seconds for all of it


@dataclass
class Figures:
    runs: int = 0
    steps: int = 0
    calls: int = 0  # of the model, if nothing had happened
    repeated: int = 0  # that happened beyond these
    asked: int = 0  # questions whether an effect happened
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = ", ".join(f"{what} {times}" for what, times in sorted(self.kills.items()))
        return (
            f"{self.runs} runs, {self.steps} steps, {self.seconds:.0f} s"
            f" ({self.steps / self.seconds:.1f} steps/s)\n"
            f"killed: {kills}\n"
            f"model calls: {self.calls} nominal, {self.repeated} repeated;"
            f" persons asked about an effect: {self.asked}\n"
            f"wrong: {self.wrong or 'nothing'}"
        )


def works(steps: int, stamps: Path) -> Iterator[Work]:
    """Chains, fans, forks, and now and then an effect outside: so many steps at least."""
    made = number = 0
    while made < steps:
        name, number = f"job-{number}", number + 1
        if number % 12 == 0:
            work = folding.stamped(name, 2, stamps, seconds=0.3)
        else:
            makes = (
                folding.chain(name, 5),
                folding.fan(name, 6),
                folding.fork(name, 3),
                folding.chain(name, 8),
            )
            work = makes[number % 4]
        made += len(work.parts)
        yield work


class Storm:
    def __init__(self, there: Cluster, rabbit: RabbitNode, postgres: PostgresNode, seed: int) -> None:
        self._there, self._rabbit, self._postgres = there, rabbit, postgres
        self._chance = random.Random(seed)
        self.figures = Figures()
        self.threads: dict[str, Work] = {}
        self.left: set[str] = set()  # threads in which a person left a step as it is
        self._ended: set[str] = set()

    async def blow(self, steps: int) -> None:
        began = time.monotonic()
        there = self._there
        todo = list(works(steps, there.diary(verdict.STAMPS)))
        self.figures.runs, self.figures.steps = len(todo), sum(len(w.parts) for w in todo)
        self.figures.calls = sum(work.calls for work in todo)
        trouble = [
            asyncio.create_task(self._kill_processes()),
            asyncio.create_task(self._kill_servers(len(todo))),
        ]
        try:
            for work in todo:
                await self._place()
                self.threads[await there.ask(work)] = work
            while len(self._ended) < len(todo):
                await self._look()
        finally:
            for task in trouble:
                task.cancel()
            await asyncio.wait(trouble)
        for task in trouble:
            if not task.cancelled() and (error := task.exception()):
                raise error
        await there.quiet(120)
        self.figures.seconds = time.monotonic() - began
        for ts, work in self.threads.items():
            self.figures.wrong += await verdict.wrong(there, work, ts, left=ts in self.left)
        if (runs := len(await there.truth.runs())) != len(todo):
            self.figures.wrong.append(f"{runs} runs for {len(todo)} requests")
        self.figures.asked = len(self.left)
        self.figures.repeated = there.world.stub.count - self.figures.calls

    async def _place(self) -> None:
        while len(self.threads) - len(self._ended) >= AT_ONCE:
            await self._look()

    async def _look(self) -> None:
        """What ended, and who waits for a person."""
        await asyncio.sleep(0.2)
        ended, asking = await self._there.truth.ended_and_asking()
        self._ended |= ended & set(self.threads)
        for ts in asking & set(self.threads):
            self.left.add(ts)
            with suppress(Refused):  # nobody is there to hear; it is asked again
                await verdict.leave(self._there, ts)

    async def _kill_processes(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*BETWEEN))
            victim = self._chance.choice(self._there.processes)
            if victim.ready:
                victim.signal(signal.SIGKILL)
                self.figures.kills[victim.name.partition("-")[0]] += 1

    async def _kill_servers(self, runs: int) -> None:
        """One after another, spread over the work."""
        for number, what in enumerate(SERVERS, start=1):
            await self._past(runs * number // (len(SERVERS) + 1))
            away = self._chance.uniform(*DOWN)
            self.figures.kills[what] += 1
            if what == "PostgreSQL":
                await self._postgres.crash()
                await asyncio.sleep(away)
                await self._postgres.start()
                continue
            await self._rabbit.kill()
            if what == DISK:
                await self._rabbit.wipe()
            await asyncio.sleep(away)
            await self._rabbit.start()

    async def _past(self, runs: int) -> None:
        await self._there.until(lambda: len(self._ended) >= runs, within=PATIENCE)


async def storm(folder: Path, steps: int, seed: int) -> Figures:
    async with (
        rabbit_node(folder / "rabbit") as rabbit,
        postgres_node() as postgres,
        cluster(folder, postgres.url, rabbit.url, bots=2, workers=3) as there,
    ):
        there.world.stub.delay = CALL_SECONDS
        blowing = Storm(there, rabbit, postgres, seed)
        async with asyncio.timeout(PATIENCE):
            await blowing.blow(steps)
        return blowing.figures


async def _until_told(folder: Path, steps: int, seed: int) -> Figures:
    """However it ends, no process of it is left."""
    blowing = asyncio.create_task(storm(folder, steps, seed))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, blowing.cancel)
    return await blowing


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--steps", type=int, default=2000)
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        figures = asyncio.run(_until_told(Path(folder), chosen.steps, chosen.seed))
    print(figures)  # noqa: T201
    raise SystemExit(bool(figures.wrong))


if __name__ == "__main__":
    main()

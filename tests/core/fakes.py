"""The world of the orchestrator, by hand and in memory: it loses, repeats and reorders what it is given."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.decide import tasks, wakes
from bot.ports import Conflict
from bot.run import Run, StepState
from bot.settling import admit
from workers import File, Line
from workers.kit.wire import Address, TaskMessage


@dataclass
class FakeStore:
    """Implements `RunStore`: versions, leases, places and all, without a database. Places go to whoever
    comes first: who should is the real store's to say."""

    now: float = 0.0
    lease: float = 20.0
    window: int = 1_000  # places with each worker
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    leases: dict[tuple[str, str, str], tuple[int, float]] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None:
        return self.runs.get((workspace, run_id))

    async def save(self, before: Run | None, after: Run) -> Run:
        key = (after.workspace, after.id)
        known = self.runs.get(key)
        if (known.version if known else 0) != (before.version if before else 0):
            raise Conflict
        after = self._placed(after)
        out = {s.id: s.attempt for s in tasks(after)}
        for step, attempt in out.items():
            if self.leases.get((*key, step), (0, 0.0))[0] != attempt:
                self.leases[*key, step] = (attempt, self.now + self.lease)
        for name in [name for name in self.leases if name[:2] == key and name[2] not in out]:
            del self.leases[name]
        saved = replace(after, version=after.version + 1)
        self.runs[key] = saved
        return saved

    def _placed(self, run: Run) -> Run:
        for state in run.steps:
            if state.in_line and self._room(run, state) > 0:
                run = admit(run, {state.id})
        return run

    def _room(self, run: Run, wanted: StepState) -> int:
        others = [r for r in self.runs.values() if (r.workspace, r.id) != (run.workspace, run.id)]
        return self.window - sum(
            s.step.worker == wanted.step.worker for r in (*others, run) for s in tasks(r)
        )

    @property
    def crowded(self) -> bool:
        return any(s.in_line for r in self.runs.values() for s in r.steps)

    async def admit(self) -> Sequence[Address]:
        given = []
        for run in list(self.runs.values()):
            if (placed := self._placed(run)) is not run:
                given += [address(run, s) for s in tasks(placed) if s not in run.steps]
                await self.save(run, placed)
        return given

    async def waiting_long(self, seconds: float) -> Sequence[tuple[Address, int]]:
        line = [address(r, s) for r in self.runs.values() for s in r.steps if s.in_line]
        return [(at, ahead) for ahead, at in enumerate(line)]

    async def renew(self, address: Address, seconds: float | None = None) -> None:
        name = (address.workspace, address.run, address.step)
        if self.leases.get(name, (0, 0.0))[0] == address.attempt:
            self.leases[name] = (address.attempt, self.now + (self.lease if seconds is None else seconds))

    async def lost_leases(self) -> Sequence[Address]:
        return [
            Address(workspace=w, run=r, step=s, attempt=attempt)
            for (w, r, s), (attempt, until) in self.leases.items()
            if until <= self.now
        ]

    async def due(self) -> Sequence[tuple[str, str]]:
        return [
            key
            for key, run in self.runs.items()
            if run.status == "queued" or ((wake := wakes(run)) is not None and wake <= self.now)
        ]

    async def thread_runs(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Run]:
        there = [
            r
            for (w, _), r in self.runs.items()
            if (w, r.request.channel, r.request.thread_ts) == (workspace, channel, thread_ts)
        ]
        return sorted(there, key=lambda r: (r.created_at, r.id))


def address(run: Run, state: StepState) -> Address:
    return Address(workspace=run.workspace, run=run.id, step=state.id, attempt=state.attempt)


@dataclass
class FakeTransport:
    """Implements `Transport`: some messages are lost, some come twice, and none in order."""

    chance: random.Random
    queue: list[TaskMessage] = field(default_factory=list)

    async def send(self, task: TaskMessage) -> None:
        for _ in range(self.chance.choices((0, 1, 2), (2, 7, 1))[0]):
            self.queue.append(task)

    async def cancel(self, workspace: str, run_id: str) -> None:
        if self.chance.random() < 0.5:
            self.queue = [t for t in self.queue if t.run != run_id]

    def take(self) -> TaskMessage:
        return self.queue.pop(self.chance.randrange(len(self.queue)))


class FakeThreads:
    """Implements `ThreadView`: remembers the newest view of each run."""

    def __init__(self) -> None:
        self.seen: dict[str, Run] = {}

    def show(self, run: Run) -> None:
        if run.id not in self.seen or self.seen[run.id].version <= run.version:
            self.seen[run.id] = run


class FakeMaterials:
    async def fetch(self, workspace: str, file: File) -> File:
        return file

    async def channel(self, workspace: str, channel: str, person: str) -> Sequence[Line]:
        return ()

    async def thread(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Line]:
        return ()

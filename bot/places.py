"""Places with workers: who waits in line gets one as soon as one is free, and hears how long the line is
where it takes long.

Which step is next is the store's to say (`RunStore.admit`); this asks it at the right moments, and one
question at a time. A task that got its place and was never sent is one whose lease runs out.

Not known here: SQL, how a task is sent, what is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.decide import tasks
from bot.ports import RunStore
from bot.run import Event, InLine, Run

LONG_SECONDS = 15.0  # who waits less hears nothing of a line

Sent = Callable[[Run, set[str]], None]
Told = Callable[[str, str, Event], Awaitable[object]]


class Places:
    def __init__(self, store: RunStore, send: Sent, told: Told) -> None:
        """`send`: these steps of this run go to their workers. `told`: what a run hears."""
        self._store, self._send, self._told = store, send, told
        self._looking = self._again = False

    def moved(self, before: Run | None, run: Run) -> bool:
        """Whether to look who is next: a place came back, or somebody came in line."""
        if not self._store.crowded:
            return False
        had = {(s.id, s.attempt) for s in tasks(before)} if before else set()
        left = had - {(s.id, s.attempt) for s in tasks(run)}
        return bool(left or _line(run) - (_line(before) if before else set()))

    async def give(self) -> None:
        """Who asks for this while somebody looks already is served by their next look."""
        self._again = True
        if self._looking:
            return
        self._looking = True
        try:
            while self._again:
                self._again = False
                await self._give()
        finally:
            self._looking = False

    async def _give(self) -> None:
        given: dict[tuple[str, str], set[str]] = {}
        for to in await self._store.admit():
            given.setdefault((to.workspace, to.run), set()).add(to.step)
        for (workspace, run_id), steps in given.items():
            run = await self._store.load(workspace, run_id)
            if run and not steps <= {s.id for s in tasks(run)}:
                run = await self._store.load(workspace, run_id, fresh=True)
            if run:
                self._send(run, steps)

    async def tell(self) -> None:
        """Where people wait for long."""
        if not self._store.crowded:
            return
        waiting = await self._store.waiting_long(LONG_SECONDS)
        told = (self._told(at.workspace, at.run, InLine(at.step, at.attempt, ahead)) for at, ahead in waiting)
        await asyncio.gather(*told)


def _line(run: Run) -> set[tuple[str, int]]:
    return {(s.id, s.attempt) for s in run.steps if s.in_line}

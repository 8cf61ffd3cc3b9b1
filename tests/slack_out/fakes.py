"""A MessageStore in memory, runs to show, and a Slack with two bots on it."""

from __future__ import annotations

import time
from dataclasses import replace

from bot.plan import Step
from bot.ports import Clock, Shown, StoreDown
from bot.run import Request, Run, StepState
from workers import Result


class Rows:
    """Keeps the port's promises; `down` refuses everything that many times."""

    def __init__(self, clock: Clock = time.time) -> None:
        self.rows: dict[tuple[str, str], dict[str, Shown]] = {}
        self.matched: dict[str, int] = {}
        self.postponed: dict[str, float] = {}
        self.down = 0
        self._clock = clock

    def _of(self, workspace: str, run_id: str) -> dict[str, Shown]:
        if self.down:
            self.down -= 1
            raise StoreDown("the disk is full")
        return self.rows.setdefault((workspace, run_id), {})

    async def shown(self, workspace: str, run_id: str) -> dict[str, Shown]:
        return dict(self._of(workspace, run_id))

    async def claim(self, workspace: str, run_id: str, key: str, channel: str) -> bool:
        rows = self._of(workspace, run_id)
        row = rows.get(key)
        if row and (row.ts or row.sending_since is not None):
            return False
        rows[key] = Shown(key, channel, sending_since=self._clock())
        return True

    async def reclaim(self, workspace: str, run_id: str, key: str, since: float) -> bool:
        rows = self._of(workspace, run_id)
        row = rows.get(key)
        if row is None or row.ts or row.sending_since != since:
            return False
        rows[key] = replace(row, sending_since=self._clock())
        return True

    async def release(self, workspace: str, run_id: str, key: str) -> None:
        rows = self._of(workspace, run_id)
        if not rows[key].ts:
            del rows[key]

    async def posted(self, workspace: str, run_id: str, shown: Shown) -> None:
        rows = self._of(workspace, run_id)
        row = rows.get(shown.key)
        if row is None or not row.ts or row.version <= shown.version:
            rows[shown.key] = shown

    async def all_shown(self, workspace: str, run_id: str, version: int) -> None:
        self._of(workspace, run_id)
        self.matched[run_id] = max(version, self.matched.get(run_id, -1))

    async def postpone(self, workspace: str, run_id: str, until: float) -> None:
        self._of(workspace, run_id)
        self.postponed[run_id] = until


def step(name: str, status: str = "waiting", text: str = "", **more: object) -> StepState:
    """One step of a plan, called by its name."""
    state = StepState(
        Step(id=name, title=f"Do {name}", worker="researcher", instruction="-"),
        status=status,  # type: ignore[arg-type]
        result=Result(text=text) if text else None,
    )
    return replace(state, **more)  # type: ignore[arg-type]


def run_of(
    channel: str, thread_ts: str, by: str, *, source: str = "mention", now: float | None = None
) -> Run:
    request = Request("Compare the two", by, channel, source=source, thread_ts=thread_ts)
    return Run(
        "r1", "T1", request, created_at=time.time() if now is None else now, status="working", version=1
    )


def later(run: Run, *steps: StepState, **changes: object) -> Run:
    """The run, one version on."""
    changed = replace(run, version=run.version + 1, steps=steps or run.steps)
    return replace(changed, **changes)  # type: ignore[arg-type]

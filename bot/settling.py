"""What follows when a step changed: which steps go out, which can no longer be, and when a run has ended.

Pure, like `bot/decide.py`, which says what an event means and then settles it here. A step starts the moment
its own inputs are there and its time has come; nothing waits for a level of the graph.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from bot.plan import Step, ends
from bot.run import ANSWER, OPEN, Run, RunStatus, StepState, StepStatus


def put(run: Run, state: StepState) -> Run:
    return replace(run, steps=tuple(state if s.id == state.id else s for s in run.steps))


def failed(state: StepState, error: str, now: float) -> StepState:
    return replace(state, status="failed", error=error, said="", question=None, finished_at=now)


def out_again(state: StepState, **changes: object) -> StepState:
    """In line: the store gives it a place with its worker, at once where one is free."""
    begun = {"in_line": True, "ahead": None, "started": False, "holder": "", "said": ""}
    return replace(state, status="out", attempt=state.attempt + 1, **(begun | changes))  # type: ignore[arg-type]


def admit(run: Run, steps: Container[str] | None = None) -> Run:
    """These steps (None: all) got their place, and are with their workers from now on."""
    admitted = (
        replace(s, in_line=False, ahead=None) if s.in_line and _named(s, steps) else s for s in run.steps
    )
    after = tuple(admitted)
    return run if after == run.steps else replace(run, steps=after)


def _named(state: StepState, steps: Container[str] | None) -> bool:
    return steps is None or state.id in steps


def settle(run: Run, now: float) -> Run:
    """After a step changed: send out what is ready, skip what can no longer be, end when nothing is open."""
    while True:
        status = {s.id: s.status for s in run.steps}
        moved = tuple(_moved(s, status, now) if s.status == "waiting" else s for s in run.steps)
        if moved == run.steps:
            break
        run = replace(run, steps=moved)
    if any(s.status in OPEN for s in run.work):
        return run
    done = {s.id for s in run.work if s.status == "done"}
    joined = [s for s in ends([s.step for s in run.work]) if s.id in done]
    if len(joined) > 1:
        answering = StepState(
            Step(id=ANSWER, title="Answer", worker="", instruction="", needs=tuple(s.id for s in joined)),
            kind="answer",
            status="out",
            attempt=1,
            in_line=True,
        )
        return replace(run, steps=(*run.steps, answering))
    return finish(run, now)


def _moved(state: StepState, status: dict[str, StepStatus], now: float) -> StepState:
    needs = [status[need] for need in state.step.needs]
    if any(s in ("failed", "skipped", "stopped") for s in needs):
        return replace(state, status="skipped")
    if any(s != "done" for s in needs):
        return state
    due = state.due_at or max(state.step.not_before, now + state.step.delay)
    return out_again(state) if due <= now else replace(state, due_at=due)


def finish(run: Run, now: float) -> Run:
    done = [s for s in run.work if s.status == "done"]
    if not done:
        return fail(run, "", now)
    status: RunStatus = "done" if len(done) == len(run.work) else "partial"
    return replace(run, status=status, ended_at=now)


def fail(run: Run, note: str, now: float) -> Run:
    return replace(run, status="failed", note=note, ended_at=now)


def halt(run: Run, status: RunStatus, now: float) -> Run:
    steps = tuple(
        replace(s, status="stopped", question=None, in_line=False, ahead=None) if s.status in OPEN else s
        for s in run.steps
    )
    return replace(run, status=status, steps=steps, ended_at=now)

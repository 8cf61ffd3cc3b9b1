"""What a worker is handed for a step: who may do it, what it may read, with which model.

The hard boundary of the team: it is asked anew for each task, so that a worker who was switched off while a
run is on gets nothing more to do. Thread, channel and files are fetched only for workers that declare that
they read them, and only where no other step hands them their material. It changes nothing and sends nothing.
"""

from __future__ import annotations

from typing import Any

from bot import planner
from bot.plan import MAX_STEPS
from bot.ports import Clock, Materials
from bot.registry import Registry, Team
from bot.run import PlanReply, Run, StepState
from workers import Earlier, Line, Worker, WorkerError
from workers.kit import wire

LOSSES_TOGETHER = 2  # a step that lost so many processes runs alone: the next loss is its own doing


class Briefing:
    def __init__(
        self,
        registry: Registry,
        materials: Materials,
        clock: Clock,
        *,
        max_steps: int = MAX_STEPS,
        model_seconds: int = 300,
        least_seconds: int = 0,
        small: bool = False,
    ) -> None:
        """`least_seconds`: the shortest time limit of a step, for a model that many wait for. `small`: the
        planner asks for less at once."""
        self._registry, self._materials, self._clock = registry, materials, clock
        self._max_steps, self._small = max_steps, small
        self._model_seconds, self._least_seconds = model_seconds, least_seconds

    async def plan_of(self, run: Run, report: wire.Finished) -> PlanReply:
        """What the planner's reply means for the team as it is now."""
        team = _here(await self._registry.team(run.workspace), run)
        return planner.read_plan(report, run, team, self._max_steps, self._clock())

    async def task(self, run: Run, state: StepState) -> wire.TaskMessage:
        """The task message for one step. Raises `WorkerError` when the step cannot be handed out."""
        at = address(run, state)
        team = await self._registry.team(run.workspace)
        if state.kind != "work":
            call = (
                planner.plan_call(run, _here(team, run), self._max_steps, self._clock(), self._small)
                if state.kind == "plan"
                else planner.answer_call(run)
            )
            return wire.TaskMessage(
                **at,
                worker=wire.MODEL,
                call=call,
                seconds=max(self._model_seconds, self._least_seconds),
                alone=state.losses >= LOSSES_TOGETHER,
            )
        worker = _here(team, run).get(state.step.worker)
        if worker is None:
            raise WorkerError(
                f"{state.step.worker} is not on the team here any more: an admin switched it off."
            )
        thread, channel = await self._reading(run, state, worker)
        files = run.request.files  # their names; the bytes for who declares that it reads them
        if "files" in worker.reads:
            files = tuple([await self._materials.fetch(run.workspace, f) for f in files])
        return wire.TaskMessage(
            **at,
            worker=worker.name,
            model=team.model(worker.name),
            request=run.request.text,
            instruction=state.step.instruction,
            results=tuple(_earlier(s) for s in run.work if s.id in state.step.needs and s.result),
            files=files,
            thread=thread,
            channel=channel,
            answers=state.answers,
            seconds=max(worker.seconds, self._least_seconds),
            external=state.external,
            alone=state.losses >= LOSSES_TOGETHER,
        )

    async def _reading(
        self, run: Run, state: StepState, worker: Worker
    ) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
        """Thread and channel as this worker may read them: what it declared, and only where no other step
        hands it its material. A request that names a channel means that one, not the thread it stands in."""
        request, there = run.request, self._materials
        handed = state.step.needs and not state.due_at  # one that waited looks again
        handed = handed or request.source == "try"  # its sample is all there is to a trial
        if handed or not worker.reads:
            return request.context, ()
        if "thread" in worker.reads and request.thread_ts and not request.about:
            said = await there.thread(run.workspace, request.channel, request.thread_ts)
            ours = tuple(line for line in request.context if line.who == planner.SELF)
            people = tuple(line for line in said if line.text != request.text)
            if people or ours:
                return (*ours, *people), ()
        if "channel" in worker.reads:
            about = request.about or request.channel
            return (), tuple(await there.channel(run.workspace, about, request.by))
        return request.context, ()


def _here(team: Team, run: Run) -> dict[str, Worker]:
    """Who may work for this run. A trial is no work for a channel: whoever is on at all may be tried."""
    return team.on if run.request.source == "try" else team.here(run.request.channel)


def address(run: Run, state: StepState) -> dict[str, Any]:
    return {"workspace": run.workspace, "run": run.id, "step": state.id, "attempt": state.attempt}


def _earlier(state: StepState) -> Earlier:
    assert state.result
    return Earlier(step=state.id, title=state.step.title, worker=state.step.worker, result=state.result)

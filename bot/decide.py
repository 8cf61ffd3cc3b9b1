"""What a run becomes when something happens: one pure function of (run, event, now).

What should be out with workers (`tasks`) and when to look again (`wakes`) are functions of the run, never
remembered elsewhere. A report counts only while its step is out and its attempt is current: the attempt is
the fencing token. A step starts the moment its own inputs are there; nothing waits for a level of the graph.

Not known here: clocks, databases, Slack, queues, models.
"""

from __future__ import annotations

from dataclasses import replace

from bot.plan import Step, ends
from bot.run import (
    ANSWER,
    OPEN,
    PLAN,
    AnsweredDirectly,
    Event,
    LeaseLost,
    Open,
    PersonAnswered,
    PlanMade,
    PlanRefused,
    PlanReply,
    Report,
    Run,
    RunStatus,
    StepState,
    StepStatus,
    StopAsked,
    ThreadLost,
    ThreadOpened,
    Tick,
    TurnCame,
)
from workers import Answer, Line
from workers.kit.wire import Asked, Failed, Finished, Released, Said, Started

MAX_LOSSES = 3  # a step whose process was lost so often after it began is poison
ASK_DAYS = 14.0
AGAIN, LEAVE = "Run it again", "Leave it"


def decide(run: Run, event: Event, now: float) -> Run:
    """What the run becomes. The same object comes back when the event changes nothing: stale, repeated,
    about an unknown step, or too late because the run has ended."""
    if isinstance(event, ThreadOpened):  # also after the end: the thread is still to be written
        if run.request.thread_ts:
            return run
        return replace(run, request=replace(run.request, thread_ts=event.ts))
    if run.ended:
        return run
    match event:
        case TurnCame(context=context):
            return _begin(run, context)
        case StopAsked(by=by):
            return _halt(replace(run, stopped_by=by), "stopped", now)
        case ThreadLost(reason=reason):
            return _halt(replace(run, note=reason), "lost", now)
        case PlanMade() | AnsweredDirectly() | PlanRefused():
            return _planned(run, event, now)
        case PersonAnswered():
            return _person_answered(run, event, now)
        case LeaseLost():
            return _lease_lost(run, event, now)
        case Tick():
            return _tick(run, now)
        case _:
            return _reported(run, event, now)


def tasks(run: Run) -> tuple[StepState, ...]:
    """What should be out with workers now."""
    return tuple(s for s in run.steps if s.status == "out")


def wakes(run: Run) -> float | None:
    """When to look again though nothing happened, in seconds since the epoch."""
    asked = [s.question.since + ASK_DAYS * 86_400 for s in run.steps if s.status == "asking" and s.question]
    return min(asked, default=None) if not run.ended else None


def _begin(run: Run, context: tuple[Line, ...]) -> Run:
    if run.status != "queued":
        return run
    planning = StepState(
        Step(id=PLAN, title="Plan", worker="", instruction=""), kind="plan", status="out", attempt=1
    )
    request = replace(run.request, context=context)
    return replace(run, request=request, status="working", steps=(planning,))


def _put(run: Run, state: StepState) -> Run:
    return replace(run, steps=tuple(state if s.id == state.id else s for s in run.steps))


def _current(run: Run, step_id: str, attempt: int) -> StepState | None:
    state = run.find(step_id)
    return state if state and state.status == "out" and state.attempt == attempt else None


def _out_again(state: StepState, **changes: object) -> StepState:
    return replace(state, status="out", attempt=state.attempt + 1, started=False, said="", **changes)  # type: ignore[arg-type]


def _planned(run: Run, event: PlanReply, now: float) -> Run:
    planning = _current(run, PLAN, event.attempt)
    if planning is None:
        return run
    planning = replace(planning, usage=planning.usage + event.usage)
    done = replace(planning, status="done", repair="")
    match event:
        case PlanMade(plan=plan, external=external):
            steps = tuple(StepState(s, external=s.worker in external) for s in plan.steps)
            return _settle(replace(run, title=plan.title, steps=(done, *steps)), now)
        case AnsweredDirectly(text=text):
            return replace(_put(run, done), answer=text, status="done", ended_at=now)
        case PlanRefused(reply=reply, problems=problems) if not planning.repair:
            repair = f"{reply}\n\nThat was refused:\n" + "\n".join(f"- {p}" for p in problems)
            return _put(run, _out_again(planning, repair=repair))
        case PlanRefused():
            failed = replace(planning, status="failed", error="I could not make a plan for this that works.")
            return _fail(_put(run, failed), failed.error, now)


def _reported(run: Run, report: Report, now: float) -> Run:
    state = _current(run, report.step, report.attempt)
    if state is None:
        return run
    match report:
        case Started():
            return run if state.started else _put(run, replace(state, started=True))
        case Said(line=line):
            return run if state.said == line else _put(run, replace(state, said=line))
        case Released():
            return _lost(run, state, now, losses=state.losses)
        case Finished(result=result, usage=usage):
            spent = state.usage + usage
            done = replace(state, status="done", result=result, said="", usage=spent, finished_at=now)
            if state.kind == "answer":
                return _finish(replace(_put(run, done), answer=result.text), now)
            return _settle(_put(run, done), now)
        case Asked(question=text, options=options, usage=usage):
            question = Open(text, options, since=now)
            return _put(run, replace(state, status="asking", question=question, usage=state.usage + usage))
        case Failed(error=error, usage=usage):
            failed = replace(state, status="failed", error=error, said="", usage=state.usage + usage)
            return _step_failed(_put(run, failed), failed, now)


def _step_failed(run: Run, failed: StepState, now: float) -> Run:
    match failed.kind:
        case "plan":
            return _fail(run, failed.error, now)
        case "answer":
            return _finish(run, now)
        case "work":
            return _settle(run, now)


def _lease_lost(run: Run, event: LeaseLost, now: float) -> Run:
    """Nobody works on this attempt any more. One that never began is simply sent again, for ever: a
    missing worker must not look like poison."""
    state = _current(run, event.step, event.attempt)
    return _lost(run, state, now, losses=state.losses + 1) if state else run


def _lost(run: Run, state: StepState, now: float, losses: int) -> Run:
    if not state.started:
        return _put(run, _out_again(state))
    if state.external:
        question = Open(
            "The process that worked on this was lost, so it may or may not have happened. Run it again?",
            (AGAIN, LEAVE),
            since=now,
            unsure=True,
        )
        return _put(run, replace(state, status="asking", question=question, losses=losses))
    if losses >= MAX_LOSSES:
        error = f"Its process was lost {MAX_LOSSES} times while working on this, so I set it aside."
        failed = replace(state, status="failed", losses=losses, error=error)
        return _step_failed(_put(run, failed), failed, now)
    return _put(run, _out_again(state, losses=losses))


def _person_answered(run: Run, event: PersonAnswered, now: float) -> Run:
    state = run.find(event.step)
    if (
        state is None
        or state.status != "asking"
        or state.question is None
        or len(state.answers) != event.number
    ):
        return run
    answer = Answer(question=state.question.text, answer=event.answer, by=event.by, key=event.key)
    answered = replace(state, question=None, answers=(*state.answers, answer))
    if state.question.unsure and event.answer == LEAVE:
        return _settle(_put(run, replace(answered, status="failed", error="It was left as it is.")), now)
    return _put(run, _out_again(answered))


def _tick(run: Run, now: float) -> Run:
    late = [
        s
        for s in run.steps
        if s.status == "asking" and s.question and now >= s.question.since + ASK_DAYS * 86_400
    ]
    for state in late:
        error = f"Nobody answered its question for {ASK_DAYS:.0f} days."
        run = _put(run, replace(state, status="failed", question=None, error=error))
    return _settle(run, now) if late else run


def _settle(run: Run, now: float) -> Run:
    """After a step changed: send out what is ready, skip what can no longer be, end when nothing is open."""
    while True:
        status = {s.id: s.status for s in run.steps}
        moved = tuple(_moved(s, status) if s.status == "waiting" else s for s in run.steps)
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
        )
        return replace(run, steps=(*run.steps, answering))
    return _finish(run, now)


def _moved(state: StepState, status: dict[str, StepStatus]) -> StepState:
    needs = [status[need] for need in state.step.needs]
    if any(s in ("failed", "skipped", "stopped") for s in needs):
        return replace(state, status="skipped")
    return _out_again(state) if all(s == "done" for s in needs) else state


def _finish(run: Run, now: float) -> Run:
    done = [s for s in run.work if s.status == "done"]
    if not done:
        return _fail(run, "", now)
    status: RunStatus = "done" if len(done) == len(run.work) else "partial"
    return replace(run, status=status, ended_at=now)


def _fail(run: Run, note: str, now: float) -> Run:
    return replace(run, status="failed", note=note, ended_at=now)


def _halt(run: Run, status: RunStatus, now: float) -> Run:
    steps = tuple(replace(s, status="stopped", question=None) if s.status in OPEN else s for s in run.steps)
    return replace(run, status=status, steps=steps, ended_at=now)

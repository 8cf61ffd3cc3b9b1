"""What a run becomes when something happens: one pure function of (run, event, now).

What should be out with workers (`tasks`) and when to look again (`wakes`) are functions of the run, never
remembered elsewhere. A report counts only while its step is out and its attempt is current: the attempt is
the fencing token. Which steps go out then, and when a run has ended, is `bot/settling.py`.

Not known here: clocks, databases, Slack, queues, models.
"""

from __future__ import annotations

from dataclasses import replace

from bot.plan import Step
from bot.run import (
    PLAN,
    AnsweredDirectly,
    Event,
    InLine,
    LeaseLost,
    Noted,
    Open,
    PersonAnswered,
    PlanMade,
    PlanRefused,
    PlanReply,
    ProposalDecided,
    Proposed,
    Report,
    Run,
    StepState,
    StopAsked,
    ThreadLost,
    ThreadOpened,
    Tick,
    TurnCame,
    WhileOpen,
)
from bot.settling import fail, failed, finish, halt, out_again, put, settle
from workers import Answer, Line
from workers.kit.wire import Asked, Failed, Finished, Released, Said, Started

MAX_LOSSES = 3  # a step whose process was lost so often after it began is poison
ASK_DAYS = 14.0
ASK_SECONDS = ASK_DAYS * 86_400
AFTER_ALL = "It was done after all."
AGAIN, LEAVE = "Run it again", "Leave it"


def decide(run: Run, event: Event, now: float) -> Run:
    """What the run becomes. The same object comes back when the event changes nothing: stale, repeated,
    about an unknown step, or too late because the run has ended."""
    match event:
        case ThreadOpened(ts=ts):
            opened = replace(run.request, thread_ts=run.request.thread_ts or ts)
            return run if opened == run.request else replace(run, request=opened)
        case Noted(text=text):
            return run if run.notice else replace(run, notice=text)
    return run if run.ended else _went_on(run, event, now)


def _went_on(run: Run, event: WhileOpen, now: float) -> Run:
    match event:
        case TurnCame(context=context):
            return _begin(run, context, now)
        case StopAsked(by=by):
            return halt(replace(run, stopped_by=by), "stopped", now)
        case ThreadLost(reason=reason):
            return halt(replace(run, note=reason), "lost", now)
        case PlanMade() | Proposed() | AnsweredDirectly() | PlanRefused():
            return _planned(run, event, now)
        case ProposalDecided():
            return _proposal_decided(run, event, now)
        case PersonAnswered():
            return _person_answered(run, event, now)
        case LeaseLost():
            return _lease_lost(run, event, now)
        case InLine(step=step, attempt=attempt, ahead=ahead):
            state = _current(run, step, attempt)
            if state is None or not state.in_line or state.ahead == ahead:
                return run
            return put(run, replace(state, ahead=ahead))
        case Tick():
            return _tick(run, now)
        case _:
            return _reported(run, event, now)


def tasks(run: Run) -> tuple[StepState, ...]:
    """What should be with workers now."""
    return tuple(s for s in run.steps if s.status == "out" and not s.in_line)


def may_begin(run: Run, started: Started) -> bool:
    """Whether the process that says so holds this attempt."""
    state = _current(run, started.step, started.attempt)
    return not run.ended and state is not None and state.started and state.holder == started.holder


def wakes(run: Run) -> float | None:
    """When to look again though nothing happened, in seconds since the epoch."""
    if run.ended:
        return None
    times = [s.question.since + ASK_SECONDS for s in run.steps if s.status == "asking" and s.question]
    times += [s.due_at for s in run.steps if s.status == "waiting" and s.due_at]
    if run.proposed:
        times.append(run.created_at + ASK_SECONDS)
    return min(times, default=None)


def _begin(run: Run, context: tuple[Line, ...], now: float) -> Run:
    if run.status != "queued":
        return run
    run = replace(run, request=replace(run.request, context=context), status="working")
    if run.proposal:
        return run
    if name := run.request.worker:
        step = Step(id=name, title="Trial", worker=name, instruction=run.request.text)
        trial = StepState(step, external=True)  # whether it has effects is not known here: be careful
        return settle(replace(run, title=f"Try {name}", steps=(trial,)), now)
    planning = Step(id=PLAN, title="Plan", worker="", instruction="")
    return replace(run, steps=(StepState(planning, kind="plan", status="out", attempt=1, in_line=True),))


def _current(run: Run, step_id: str, attempt: int) -> StepState | None:
    state = run.find(step_id)
    return state if state and state.status == "out" and state.attempt == attempt else None


def _planned(run: Run, event: PlanReply, now: float) -> Run:
    planning = _current(run, PLAN, event.attempt)
    if planning is None:
        return run
    planning = replace(planning, usage=planning.usage + event.usage)
    done = replace(planning, status="done", repair="")
    match event:
        case PlanMade(plan=plan, external=external):
            steps = tuple(StepState(s, external=s.worker in external) for s in plan.steps)
            return settle(replace(run, title=plan.title, steps=(done, *steps)), now)
        case Proposed(proposal=proposal):
            return replace(put(run, done), proposal=proposal)
        case AnsweredDirectly(text=text):
            return replace(put(run, done), answer=text, status="done", ended_at=now)
        case PlanRefused(reply=reply, problems=problems) if not planning.repair:
            repair = f"{reply}\n\nThat was refused:\n" + "\n".join(f"- {p}" for p in problems)
            return put(run, out_again(planning, repair=repair))
        case PlanRefused():
            ended = failed(planning, "I could not make a plan for this that works.", now)
            return fail(put(run, ended), ended.error, now)


def _proposal_decided(run: Run, event: ProposalDecided, now: float) -> Run:
    if run.proposal is None or not run.proposed:
        return run
    decided = replace(run.proposal, decided="yes" if event.yes else "no", by=event.by, key=event.key)
    return replace(run, proposal=decided, status="done" if event.yes else "stopped", ended_at=now)


def _no_doubt_left(run: Run, report: Finished) -> Run:
    """Who was given up for lost has the result: nobody need be asked any more whether it happened."""
    state = run.find(report.step)
    if state is None or state.status != "asking" or state.attempt != report.attempt:
        return run
    if state.question is None or not state.question.unsure:
        return run
    told = Answer(question=state.question.text, answer=AFTER_ALL, by="")
    return put(run, replace(state, status="out", question=None, answers=(*state.answers, told)))


def _reported(run: Run, report: Report, now: float) -> Run:
    if isinstance(report, Finished):
        run = _no_doubt_left(run, report)
    state = _current(run, report.step, report.attempt)
    if state is None:
        return run
    match report:
        case Started(holder=holder):
            return run if state.started else put(run, replace(state, started=True, holder=holder))
        case Said(line=line):
            return run if state.said == line else put(run, replace(state, said=line))
        case Released(holder=holder) if state.started and holder not in ("", state.holder):
            return run
        case Released(begun=begun):
            return _lost(run, replace(state, started=state.started and begun), now, losses=state.losses)
        case Finished(result=result, usage=usage):
            spent = state.usage + usage
            done = replace(state, status="done", result=result, said="", usage=spent, finished_at=now)
            if state.kind == "answer":
                return finish(replace(put(run, done), answer=result.text), now)
            return settle(put(run, done), now)
        case Asked(question=text, options=options, usage=usage):
            question = Open(text, options, since=now)
            return put(run, replace(state, status="asking", question=question, usage=state.usage + usage))
        case Failed(error=error, usage=usage):
            ended = failed(replace(state, usage=state.usage + usage), error, now)
            return _step_failed(put(run, ended), ended, now)


def _step_failed(run: Run, state: StepState, now: float) -> Run:
    match state.kind:
        case "plan":
            return fail(run, state.error, now)
        case "answer":
            return finish(run, now)
        case "work":
            return settle(run, now)


def _lease_lost(run: Run, event: LeaseLost, now: float) -> Run:
    """Nobody works on this attempt any more. One that never began is simply sent again, for ever: a
    missing worker must not look like poison."""
    state = _current(run, event.step, event.attempt)
    return _lost(run, state, now, losses=state.losses + 1) if state else run


def _lost(run: Run, state: StepState, now: float, losses: int) -> Run:
    if not state.started:
        return put(run, out_again(state))
    if state.external:
        question = Open(
            "The process that worked on this was lost, so it may or may not have happened. Run it again?",
            (AGAIN, LEAVE),
            since=now,
            unsure=True,
        )
        return put(run, replace(state, status="asking", question=question, losses=losses))
    if losses >= MAX_LOSSES:
        error = f"Its process was lost {MAX_LOSSES} times while working on this, so I set it aside."
        ended = failed(replace(state, losses=losses), error, now)
        return _step_failed(put(run, ended), ended, now)
    return put(run, out_again(state, losses=losses))


def _person_answered(run: Run, event: PersonAnswered, now: float) -> Run:
    state = run.find(event.step)
    if (
        state is None
        or state.status != "asking"
        or state.question is None
        or len(state.answers) != event.number
    ):
        return run
    if state.question.unsure and event.answer not in (AGAIN, LEAVE):
        return run  # nothing is done twice because of how somebody's own words may be read
    answer = Answer(question=state.question.text, answer=event.answer, by=event.by, key=event.key)
    answered = replace(state, question=None, answers=(*state.answers, answer))
    if state.question.unsure and event.answer == LEAVE:
        return settle(put(run, failed(answered, "It was left as it is.", now)), now)
    return put(run, out_again(answered))


def _tick(run: Run, now: float) -> Run:
    if run.proposed:
        late = now >= run.created_at + ASK_SECONDS
        return _proposal_decided(run, ProposalDecided(by="", yes=False), now) if late else run
    unanswered = [
        s for s in run.steps if s.status == "asking" and s.question and now >= s.question.since + ASK_SECONDS
    ]
    for state in unanswered:
        error = f"Nobody answered its question for {ASK_DAYS:.0f} days."
        run = put(run, failed(state, error, now))
    come = any(s.status == "waiting" and 0 < s.due_at <= now for s in run.steps)
    return settle(run, now) if unanswered or come else run

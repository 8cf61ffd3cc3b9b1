"""What a run's thread should look like: `render(run) -> {key: message}`, a pure function.

The thread is a rendered view of the run. `bot/slack/thread.py` compares what this returns with what Slack
was last shown, posts what is missing and updates what differs, in the order of the keys. A key never
disappears once it was rendered, so no message is lost and none has to be deleted.

It says what to show, not how: blocks, escaping and limits are `bot/slack/views.py`. At most steps + 2
posts in a thread: the plan (which is the receipt), one reply per finished step, the answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages import (
    AnswerMessage,
    Ask,
    Card,
    CardStatus,
    Message,
    Notice,
    PlanMessage,
    Reply,
    Root,
    ScheduleCard,
)
from bot.plan import ends
from bot.recurrence import said, upcoming
from bot.recurrence import words as in_words
from bot.run import ANSWER, Proposal, Request, Run, StepState, StepStatus

ROOT_SOURCES = ("command", "schedule", "edit", "try")


def render(run: Run) -> Mapping[str, Message]:
    """In the order in which the posts belong in the thread."""
    shown: dict[str, Message] = {}
    if run.request.source in ROOT_SOURCES:
        shown["root"] = _root(run.request)
    if run.proposal and run.status != "queued":
        shown["plan"] = _schedule(run, run.proposal)
    else:
        shown["plan"] = _plan(run)
    for state in run.work:
        shown |= _asks(run, state)
    finished = sorted((s for s in run.work if s.status == "done" and s.result), key=lambda s: s.finished_at)
    for state in finished:
        to = run.request.by if state is _answering(run) else ""
        assert state.result
        shown[f"step:{state.id}"] = Reply(state.id, state.step.title, state.step.worker, state.result, to)
    if run.status == "lost":
        shown["notice"] = Notice(run.request.by, _lost(run))
    elif run.ended and run.proposal is None and _answering(run) is None:
        shown["answer"] = AnswerMessage(run.status, run.request.by, _answer(run))
    if run.notice and run.status != "lost":
        shown["notice"] = Notice(run.request.by, run.notice)
    return shown


def _root(request: Request) -> Root:
    wish = request.scheduling and request.source == "command"
    return Root(request.by, request.text, "wish" if wish else request.source, request.worker)


def _lost(run: Run) -> str:
    scheduled = f"I could not begin what you scheduled (“{run.request.text[:200]}”)."
    what = scheduled if run.request.schedule else "I had to stop working on your request."
    return " ".join(filter(None, (what, run.note, run.notice)))


def _schedule(run: Run, proposal: Proposal) -> ScheduleCard:
    """The dates are those after it was understood, or after it was confirmed."""
    dates = upcoming(proposal.rule, proposal.zone, run.ended_at or run.created_at)
    closed = (run.ended and not proposal.decided) or (proposal.decided == "no" and not proposal.by)
    return ScheduleCard(
        status=run.status,
        person=run.request.by,
        task=proposal.task,
        channel=proposal.channel,
        when=in_words(proposal.rule),
        zone=proposal.zone,
        dates=tuple(said(slot.at, proposal.zone) for slot in dates),
        decided="no" if closed else proposal.decided,
        by=proposal.by or run.stopped_by,
        replaces=bool(proposal.replaces),
        note=_card_note(run, proposal, closed),
        about=proposal.about,
    )


def _answering(run: Run) -> StepState | None:
    """The step whose result is the answer: the plan's only end. Known before it is done, so that its
    reply is posted once, as what it is."""
    last = ends([s.step for s in run.work])
    state = run.find(last[0].id) if len(last) == 1 else None
    return state if state and state.status == "done" and run.status in ("working", "done") else None


def _asks(run: Run, state: StepState) -> dict[str, Message]:
    asks: dict[str, Message] = {}
    for number, answer in enumerate(state.answers):
        asks[f"ask:{state.id}:{number}"] = Ask(
            state.id,
            number,
            state.step.worker,
            run.request.by,
            answer.question,
            (),
            False,
            answer.answer,
            answer.by,
        )
    if state.question:
        number, question = len(state.answers), state.question
        asks[f"ask:{state.id}:{number}"] = Ask(
            state.id,
            number,
            state.step.worker,
            run.request.by,
            question.text,
            question.options,
            not run.ended,
            strict=question.unsure,
        )
    return asks


def _card_note(run: Run, proposal: Proposal, closed: bool) -> str:
    if closed and not run.stopped_by:
        stays = "it stays as it was" if proposal.replaces else "nothing is scheduled"
        return f"It was not confirmed, so {stays}."
    return "Attached files are no part of a schedule." if run.request.files and not run.ended else ""


_CARD: dict[StepStatus, tuple[CardStatus, str]] = {
    "waiting": ("pending", "Waiting for its turn"),
    "out": ("in_progress", "Working"),
    "asking": ("in_progress", "Waiting for an answer"),
    "done": ("complete", "Done"),
    "failed": ("error", "Failed"),
    "skipped": ("error", "Not run: a step it needs is missing"),
    "stopped": ("error", "Stopped"),
}


def _card(state: StepState, zone: str) -> Card:
    status, line = _CARD[state.status]
    if state.in_line and state.ahead is not None:
        status, line = "pending", f"Waiting for a free {state.step.worker}; {_before(state.ahead, 'it')}."
    last = state.said if state.status == "out" else state.error  # what it said last is no reason for its end
    if state.status == "waiting" and state.due_at:
        last = f"Waiting until {said(state.due_at, zone)}"
    return Card(state.id, state.step.title, state.step.worker, status, last or line)


def _before(ahead: int, what: str) -> str:
    if not ahead:
        return f"{what} is next"
    return f"{ahead} {'is' if ahead == 1 else 'are'} before {what}"


def _plan(run: Run) -> PlanMessage:
    return PlanMessage(
        status=run.status,
        title=run.title or "Your request",
        line="\n".join(filter(None, (run.request.remark, _line(run)))),
        person=run.stopped_by or run.request.by,
        cards=tuple(_card(s, run.request.zone) for s in run.work),
        stop=not run.ended,
    )


def _line(run: Run) -> str:
    done = sum(s.status == "done" for s in run.work)
    of = f" {done} of {len(run.work)} steps done." if len(run.work) > 1 else ""
    match run.status:
        case "queued":
            return "On the list: I begin when what is running in this thread has ended."
        case "done":
            return "Done." if run.work else "Answered below; nobody else was needed."
        case "partial":
            return f"Partly done: {done} of {len(run.work)} steps. What is missing is said below."
        case "failed":
            return "This did not work. What happened is said below."
        case "stopped":
            return f"Stopped by {{person}}.{of}"
        case "lost":
            return "I could not go on in this thread."
    if any(s.status == "asking" for s in run.work):
        return f"Waiting for {{person}} to answer below.{of}"
    ahead = next((s.ahead for s in run.steps if s.kind != "work" and s.in_line), None)
    if ahead is not None:
        return f"I am busy with other requests; {_before(ahead, 'yours')}."
    if not run.work:
        return "On it. I am making a plan."
    if run.resting:
        soonest = min(s.due_at for s in run.work if s.status == "waiting" and s.due_at)
        return f"Waiting until {said(soonest, run.request.zone)}.{of}"
    if run.find(ANSWER):
        return "All steps have ended; I am putting the answer together."
    return f"Working on it.{of}"


def _answer(run: Run) -> str:
    """The words of the last post where no step's result is the answer already. It adds, never repeats."""
    if run.status == "stopped":
        done = [s.step.title for s in run.work if s.status == "done"]
        kept = (
            f"Done before that: {_listed(done)}; the results stay above." if done else "Nothing was finished."
        )
        return f"Stopped. {kept} Ask again in this thread to go on from here."
    missing = _missing(run)
    if run.status == "failed":
        why = f"{run.note}\n" if run.note else "I could not do this:"
        again = "Nothing was lost: ask again in this thread, later or in other words."
        return f"{why}\n{missing}".strip() + f"\n\n{again}"
    if run.status == "partial":
        lead = run.answer or "Part of this is done; the results are above."
        again = "Ask again in this thread to have the missing part tried once more."
        return f"{lead}\n\nWhat is missing:\n{missing}\n\n{again}"
    return (
        run.answer or "All steps are done; the results are above. I could not put them together in one text."
    )


def _missing(run: Run) -> str:
    lines = [f"- “{s.step.title}” ({s.step.worker}): {s.error}" for s in run.work if s.status == "failed"]
    if skipped := [s.step.title for s in run.work if s.status == "skipped"]:
        lines.append(f"- Not run for that reason: {_listed(skipped)}.")
    return "\n".join(lines)


def _listed(titles: list[str]) -> str:
    return ", ".join(f"“{t}”" for t in titles)

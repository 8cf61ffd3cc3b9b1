"""The run and its steps as immutable values, and the events that can happen to them.

A request starts a run in one thread; the run holds its steps. Planning and answering are steps like any
other, with a kind of their own, so a bot that dies loses no call. Reports of workers (`workers.kit.wire`)
are events as they are: a second set of classes would only be their twin.

What a run becomes when something happens is `bot/decide.py`; how it looks is `bot/render.py`. Not known
here: clocks, databases, Slack, queues, models. Leases live with the store: one that ran out comes in as
`LeaseLost`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from bot.plan import Plan, Step
from workers import Answer, File, Line, Result
from workers.kit.wire import Asked, Failed, Finished, Released, Said, Started, Usage

Kind = Literal["plan", "work", "answer"]
StepStatus = Literal["waiting", "out", "asking", "done", "failed", "skipped", "stopped"]
RunStatus = Literal["queued", "working", "done", "partial", "failed", "stopped", "lost"]

NO_USAGE = Usage()
PLAN, ANSWER = "~plan", "~answer"  # ids a plan's own steps cannot have
OPEN: frozenset[StepStatus] = frozenset({"waiting", "out", "asking"})


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked, where. `thread_ts` is empty until a root was posted (commands, schedules)."""

    text: str
    by: str
    channel: str
    source: str = "mention"  # mention | dm | reply | command | shortcut | schedule | edit | try
    thread_ts: str = ""
    files: tuple[File, ...] = ()
    context: tuple[Line, ...] = ()  # the thread so far, untrusted
    about: str = ""  # the channel it names (“summarise #support”), by id; empty: its own
    zone: str = ""  # the person's time zone, as IANA names it; empty: UTC
    worker: str = ""  # asked for by name: this one does it, and nobody plans
    scheduling: str = ""  # "new", or which schedule it changes (`id/revision`): nothing else comes of it
    target: str = ""  # where a schedule's runs shall go, by id; empty: where it was asked for
    schedule: str = ""  # the schedule that made it
    remark: str = ""  # what the thread should know of how it began (“this was due on Monday”)

    @property
    def replaces(self) -> str:
        """Which schedule it changes, as `id/revision`; empty: none."""
        return "" if self.scheduling == "new" else self.scheduling


@dataclass(frozen=True, slots=True)
class Open:
    """A question that waits for a person. `unsure`: we ask, since a lost attempt may have had effects."""

    text: str
    options: tuple[str, ...] = ()
    since: float = 0.0
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A schedule as it was understood. It exists once a person says yes to it."""

    task: str
    rule: str  # `bot/recurrence`
    zone: str
    channel: str  # where its runs go
    about: str = ""
    replaces: str = ""  # the schedule it changes, as `id/revision`; empty: a new one
    decided: Literal["", "yes", "no"] = ""
    by: str = ""  # who decided
    key: str = ""  # of the event that decided, so that it counts once


@dataclass(frozen=True, slots=True)
class StepState:
    step: Step
    kind: Kind = "work"
    status: StepStatus = "waiting"
    attempt: int = 0  # the fencing token
    in_line: bool = False  # out, but all places with its worker are taken
    ahead: int | None = None  # how many are before it in line; None: too soon to say
    started: bool = False  # this attempt began
    holder: str = ""  # the process that began it
    losses: int = 0  # attempts that began and were lost
    external: bool = False  # its worker has effects outside
    said: str = ""
    result: Result | None = None
    error: str = ""
    repair: str = ""  # plan only: the refused reply and what was wrong with it
    question: Open | None = None
    answers: tuple[Answer, ...] = ()
    usage: Usage = NO_USAGE
    due_at: float = 0.0  # waits for this time, and for nothing else any more
    finished_at: float = 0.0  # done or failed

    @property
    def id(self) -> str:
        return self.step.id


@dataclass(frozen=True, slots=True)
class Run:
    id: str
    workspace: str
    request: Request
    created_at: float
    status: RunStatus = "queued"
    title: str = ""
    steps: tuple[StepState, ...] = ()
    answer: str = ""  # a direct answer, or the joined one
    note: str = ""  # why it failed, in a sentence
    stopped_by: str = ""
    proposal: Proposal | None = None
    notice: str = ""  # for the requester alone, by direct message
    ended_at: float | None = None
    version: int = 0  # raised by the store with every change

    @property
    def ended(self) -> bool:
        return self.status not in ("queued", "working")

    @property
    def proposed(self) -> bool:
        """A schedule was understood, and waits for a yes."""
        return self.status == "working" and self.proposal is not None and not self.proposal.decided

    @property
    def resting(self) -> bool:
        """On, and nothing happens before a time comes or somebody decides: its thread is free for others."""
        if self.status != "working":
            return False
        waits = any(s.status == "waiting" and s.due_at for s in self.steps)
        return (self.proposed or waits) and not any(s.status in ("out", "asking") for s in self.steps)

    @property
    def work(self) -> tuple[StepState, ...]:
        return tuple(s for s in self.steps if s.kind == "work")

    def find(self, step_id: str) -> StepState | None:
        return next((s for s in self.steps if s.id == step_id), None)


@dataclass(frozen=True, slots=True)
class TurnCame:
    """No other run is on in this thread: begin, knowing what was said and answered in it so far."""

    context: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanMade:
    attempt: int
    plan: Plan
    external: frozenset[str] = frozenset()  # workers with effects outside
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class Proposed:
    """The request is for a schedule, understood so."""

    attempt: int
    proposal: Proposal
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class ProposalDecided:
    by: str
    yes: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class AnsweredDirectly:
    attempt: int
    text: str
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class PlanRefused:
    attempt: int
    reply: str
    problems: tuple[str, ...]
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class LeaseLost:
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class InLine:
    """A step has waited for a place with its worker for long. `ahead`: how many are before it."""

    step: str
    attempt: int
    ahead: int


@dataclass(frozen=True, slots=True)
class PersonAnswered:
    """`number`: which question of this step (0 the first), so that an old card cannot answer a new one."""

    step: str
    number: int
    answer: str
    by: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class StopAsked:
    by: str


@dataclass(frozen=True, slots=True)
class ThreadOpened:
    ts: str


@dataclass(frozen=True, slots=True)
class ThreadLost:
    """The thread cannot be written to, for good. `reason` is a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The requester should hear of something, though the run may have ended."""

    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; see `wakes`."""


Report = Started | Said | Released | Finished | Failed | Asked
PlanReply = PlanMade | Proposed | AnsweredDirectly | PlanRefused
WhileOpen = (
    Report
    | PlanReply
    | ProposalDecided
    | TurnCame
    | LeaseLost
    | InLine
    | PersonAnswered
    | StopAsked
    | ThreadLost
    | Tick
)
Event = WhileOpen | ThreadOpened | Noted  # the last two count after the end too


def run_id_of(workspace: str, cause: str) -> str:
    """A run's id is made of what caused it, so that the same cause twice is one run."""
    return hashlib.sha256(f"{workspace}/{cause}".encode("utf-8", "replace")).hexdigest()[:20]


def new_run(
    id: str, workspace: str, request: Request, now: float, *, proposal: Proposal | None = None
) -> Run:
    """`proposal`: understood already, so that nobody has to plan."""
    return Run(id, workspace, request, created_at=now, proposal=proposal)

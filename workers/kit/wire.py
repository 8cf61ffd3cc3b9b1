"""The messages between the bot and its workers, and nothing else: no transport, no database, no Slack.

`TaskMessage` goes out; a `Report` of one kind comes back. Every report names run, step and attempt:
the attempt number is the fencing token, and the bot refuses a report whose attempt is not current.
A `Control` goes to one process or to all, and nothing that is right depends on its arrival.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from workers import Answer, Contract, Earlier, File, Line, Result

MOST, MOST_COST = 2**31 - 1, 1e6
Count = Annotated[int, Field(ge=0, lt=MOST + 1)]
MODEL = "model"  # the reserved worker: a bare model call (planning, answering) that any service runs


class Call(Contract):
    """A model call written by the bot's planner."""

    messages: tuple[dict[str, str], ...]
    response_schema: dict[str, Any] | None = None
    max_tokens: int = 1024


class Address(Contract):
    """Which attempt at which step of which run."""

    workspace: str
    run: str
    step: str
    attempt: int


def address_of(it: Address) -> dict[str, Any]:
    """The fields that every message about the same attempt shares."""
    return {"workspace": it.workspace, "run": it.run, "step": it.step, "attempt": it.attempt}


class TaskMessage(Address):
    """One attempt at one step."""

    worker: str
    model: str = ""  # the one an admin chose for this worker; empty: the service's own
    request: str = ""
    instruction: str = ""
    results: tuple[Earlier, ...] = ()
    files: tuple[File, ...] = ()
    thread: tuple[Line, ...] = ()
    channel: tuple[Line, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    call: Call | None = None
    seconds: int = 300  # the time limit of this attempt, counted from its start
    external: bool = False  # it has effects outside: it begins when the bot has said that it may
    alone: bool = False  # two processes were lost over it: nothing runs beside it, and it asks first too
    files_at: str = ""  # where files are fetched and kept by processes that share no folder with the bot
    reports_at: str = ""  # where a function behind a URL may post what it did not answer at once
    trace: str = ""  # W3C traceparent
    sent_at: float = 0.0  # seconds since the epoch, by the bot's clock


class Usage(Contract):
    """What an attempt spent. `cost` in US dollars, 0 where the model's price is unknown. It is added up and
    charged, and may come from a process in another language: no NaN, nothing below 0 or beyond a column."""

    calls: Count = 0
    tokens_in: Count = 0
    tokens_out: Count = 0
    cost: float = Field(0.0, ge=0, le=MOST_COST)

    def __add__(self, more: Usage) -> Usage:
        """What is too much to say is said as the most, or no report of such a step could be taken."""
        return Usage(
            calls=min(self.calls + more.calls, MOST),
            tokens_in=min(self.tokens_in + more.tokens_in, MOST),
            tokens_out=min(self.tokens_out + more.tokens_out, MOST),
            cost=min(self.cost + more.cost, MOST_COST),
        )


class Started(Address):
    """It begins now. With `reply_to` the process waits for a `Go` there before it does."""

    kind: Literal["started"] = "started"
    holder: str = ""  # the process; the first one that says so holds this attempt
    reply_to: str = ""  # its control queue


class Beat(Address):
    """The task is alive: renews the lease."""

    kind: Literal["beat"] = "beat"


class Said(Address):
    kind: Literal["said"] = "said"
    line: str


class Released(Address):
    """Handed back unfinished, by a process that is told to end: no fault of the task's."""

    kind: Literal["released"] = "released"
    holder: str = ""  # as in `started`: what another process holds it cannot hand back
    begun: bool = True  # false: it was never let, so nothing can have happened


class Finished(Address):
    kind: Literal["finished"] = "finished"
    result: Result
    usage: Usage = Usage()


class Failed(Address):
    """`error` is a sentence the thread may show. `model_down`: the model, not the worker, is the trouble."""

    kind: Literal["failed"] = "failed"
    error: str
    model_down: bool = False
    usage: Usage = Usage()


class Asked(Address):
    kind: Literal["asked"] = "asked"
    question: str
    options: tuple[str, ...] = ()
    usage: Usage = Usage()


class Go(Address):
    """The answer to `Started`. Not `granted`: the attempt is not current, or another process holds it."""

    kind: Literal["go"] = "go"
    granted: bool


class Cancel(Contract):
    """Nobody waits for this run any more."""

    kind: Literal["cancel"] = "cancel"
    workspace: str
    run: str


Control = Annotated[Go | Cancel, Field(discriminator="kind")]
Report = Annotated[Started | Beat | Said | Released | Finished | Failed | Asked, Field(discriminator="kind")]

"""The messages of a thread: what is to be seen, as values.

What a run shows is `bot/render.py`; how it looks in Slack is `bot/slack/views.py`. They know neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.run import RunStatus
from workers import Result

CardStatus = Literal["pending", "in_progress", "complete", "error"]


@dataclass(frozen=True, slots=True)
class Root:
    """Opens a thread where nobody wrote a message to reply to (a command, a schedule, a trial)."""

    by: str
    text: str
    source: str = "command"  # as the request's; “wish” for a schedule
    worker: str = ""  # the one that is tried


@dataclass(frozen=True, slots=True)
class Card:
    id: str
    title: str
    worker: str
    status: CardStatus
    line: str  # the latest word about it


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """The receipt, then the plan. `line` says in a sentence how things stand."""

    status: RunStatus
    title: str
    line: str  # may name `{person}`; only the views know how to mention somebody
    person: str = ""
    cards: tuple[Card, ...] = ()
    stop: bool = False  # can be stopped


@dataclass(frozen=True, slots=True)
class ScheduleCard:
    """What was understood of a request for a schedule, in the place of its plan."""

    status: RunStatus
    person: str
    task: str
    channel: str
    when: str
    zone: str
    dates: tuple[str, ...]  # the next ones
    decided: Literal["", "yes", "no"]
    by: str
    replaces: bool
    note: str  # how it stands, in a sentence; may be empty
    about: str = ""  # the channel that the task names


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's result, under its own name. With `to` it is also the answer to that person."""

    step: str
    title: str
    worker: str
    result: Result
    to: str = ""


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    status: RunStatus
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a person; `answer` and `by` once it has one, `open` while it can be answered. `strict`:
    by one of its options only."""

    step: str
    number: int
    worker: str
    to: str
    text: str
    options: tuple[str, ...]
    open: bool
    answer: str = ""
    by: str = ""
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A direct message to the requester: what does not belong in the thread, or cannot be said there."""

    to: str
    text: str


Message = Root | PlanMessage | ScheduleCard | Reply | AnswerMessage | Ask | Notice

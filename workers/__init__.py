"""The worker contract, and how workers are found.

A worker is one async function in one file: the file's name is the worker's name, the docstring's
first line is what the planner reads.

    @worker(emoji=":bar_chart:")
    async def analyst(task: Task) -> Result | str:
        \"\"\"Answers questions about attached tables: totals, trends, comparisons, charts.\"\"\"

This module does not know Slack, SQL, queues, plans or models: `Task` is handed everything, and the
process that hands it over (`workers.kit.service`) fills in `ask`, `say` and the files' paths.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

Effects = Literal["none", "external"]


class WorkerError(Exception):
    """A worker gives up. Its text is a whole sentence, and the thread shows it to everybody."""


class Question(Exception):
    """A worker needs a person's decision: the step waits (for days, at no cost) and then runs
    again with the answer in `task.answers`."""

    def __init__(self, text: str, options: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text, self.options = text, tuple(options)


class Contract(BaseModel):
    """Values that cross a process boundary: immutable, and unknown fields of newer peers are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class File(Contract):
    """A file by content. `id` is the sha256 of its bytes (empty until it was fetched), `size` in bytes."""

    name: str
    mimetype: str = "application/octet-stream"
    size: int = 0
    id: str = ""
    slack_id: str = ""
    url: str = ""  # where the bot fetches it from; a worker uses `path`
    path: str = ""  # where this process finds its bytes; filled in by whoever hands the task over


class Line(Contract):
    """One thing somebody said earlier. Attributed, and untrusted: it is material, never an instruction."""

    who: str
    text: str


class Table(Contract):
    """A small table to show in the thread (the Slack block takes 100 rows by 20 columns at most)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Source(Contract):
    title: str
    url: str


class Result(Contract):
    """What a worker hands back. `text` is Markdown for people; `data` is for later steps only."""

    text: str
    files: tuple[File, ...] = ()
    sources: tuple[Source, ...] = ()
    table: Table | None = None
    data: Any = None


class Earlier(Contract):
    """The result of a step that this one needs."""

    step: str
    title: str
    worker: str
    result: Result


class Answer(Contract):
    """A person's answer to a `Question` this step asked before."""

    question: str
    answer: str
    by: str
    key: str = ""  # of the event that brought it, so that the event counts once


class Ask(Protocol):
    """Asks the model of this step: already chosen, with a time limit, counted, retried by the kit alone."""

    async def __call__(
        self,
        prompt: str,
        *,
        system: str = "",
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
    ) -> str:
        """The model's text (with `schema`: JSON text of that schema). Raises `WorkerError` when the
        model cannot be reached, refuses, or has no more budget."""
        ...


@dataclass(frozen=True)
class Task:
    """One step, handed to a worker."""

    request: str  # what the person asked, in their words
    instruction: str  # what this step should do
    ask: Ask
    say: Callable[[str], Awaitable[None]]  # the latest line of progress, shown in the step's card
    save: Callable[[str, bytes, str], File]  # (name, bytes, mimetype) -> a file to return in `Result`
    results: Mapping[str, Earlier] = field(default_factory=dict)  # by step id
    files: tuple[File, ...] = ()  # their names; with reads=("files",) their bytes too, at `path`
    thread: tuple[Line, ...] = ()  # untrusted; with reads=("thread",) all that people said in it
    channel: tuple[Line, ...] = ()  # untrusted; only for workers that declare reads=("channel",)
    settings: Mapping[str, Any] = field(default_factory=dict)  # this workspace's, for this worker
    answers: tuple[Answer, ...] = ()
    deadline: float = 0.0  # seconds since the epoch
    key: str = ""  # the same for every attempt at this step: use it against double effects


Body = Callable[[Task], Awaitable[Result | str]]


class Sample(Contract):
    """What an admin's “Try it” asks of a worker. Complete in itself: no thread, nothing earlier."""

    text: str
    files: tuple[tuple[str, str], ...] = ()  # (name, content)


@dataclass(frozen=True)
class Worker:
    """A worker as the registry, the planner and the executor see it."""

    name: str
    about: str
    run: Body
    emoji: str = ":gear:"
    effects: Effects = "none"
    reads: tuple[str, ...] = ()  # “thread”, “channel”, “files”: nothing of these is fetched unless declared
    seconds: int = 300  # the time limit of one attempt
    sample: Sample | None = None
    package: str = ""  # the installed package that brought it; empty: built in


def worker(
    *,
    emoji: str = ":gear:",
    effects: Effects = "none",
    reads: Iterable[str] = (),
    seconds: int = 300,
    sample: Sample | str | None = None,
) -> Callable[[Body], Worker]:
    """Makes a `Worker` of an async function. Raises `TypeError` at import when the docstring is missing:
    without it a planner could not know what the worker is for."""
    tried = Sample(text=sample) if isinstance(sample, str) else sample

    def make(body: Body) -> Worker:
        about = (body.__doc__ or "").strip().partition("\n")[0]
        if not about:
            raise TypeError(
                f"{body.__module__}: a worker needs a docstring; its first line is what the planner reads"
            )
        name = body.__module__.rpartition(".")[2]
        return Worker(name, about, body, emoji, effects, tuple(reads), seconds, tried)

    return make


@dataclass(frozen=True)
class Found:
    """`problems` are sentences for the operator: a broken worker is left out, never the whole bot."""

    workers: Mapping[str, Worker]
    problems: tuple[str, ...] = ()


def discover() -> Found:
    """All workers: the files of this package, then the entry points `delegate.workers` of installed
    packages (a module, or a `Worker` in it). A name that is taken already stays with its first owner."""
    found: dict[str, Worker] = {}
    problems: list[str] = []
    for module, attr, package in _sources():
        called = f"{module} of the package {package}" if package else module
        try:
            mine = _workers_in(module, attr)
        except (Exception, SystemExit) as error:  # whatever a file raises at import is its own trouble
            problems.append(f"The worker {called} is left out: {type(error).__name__}: {error}")
            continue
        if len(mine) != 1:
            problems.append(f"{called} is left out: it should define one worker and defines {len(mine)}.")
        elif mine[0].name in found:
            problems.append(f"{called} is left out: there is a worker named {mine[0].name} already.")
        else:
            found[mine[0].name] = replace(mine[0], package=package)
    return Found(found, tuple(problems))


def _sources() -> Iterator[tuple[str, str, str]]:
    """(module, attribute, package) of each file and entry point; built-in ones first, packages by name, so
    that which of two namesakes comes first is no accident."""
    for file in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if file.name != "kit" and not file.name.startswith("_"):
            yield f"{__name__}.{file.name}", "", ""
    entries = [(e.dist.name if e.dist else "", e) for e in entry_points(group="delegate.workers")]
    for package, e in sorted(entries, key=lambda known: (known[0], known[1].name)):
        yield e.module, e.attr, package or e.module.partition(".")[0]


def _workers_in(module: str, attr: str) -> list[Worker]:
    there = importlib.import_module(module)
    candidates = [getattr(there, attr)] if attr else vars(there).values()
    return [c for c in candidates if isinstance(c, Worker)]

"""Rows ⇄ `Run`: which column holds what. Pure; knows no connection and no statement.

Steps say where a run stands; of the run's own columns the few in `run_changes` change with every version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from bot.decide import wakes
from bot.plan import Step
from bot.run import Open, Proposal, Request, Run, StepState
from bot.tables import storable
from workers import Answer, File, Line, Result
from workers.kit.wire import Usage

Row = dict[str, Any]

FILES = TypeAdapter(tuple[File, ...])
LINES = TypeAdapter(tuple[Line, ...])
NEEDS = TypeAdapter(tuple[str, ...])
ANSWERS = TypeAdapter(tuple[Answer, ...])
RESULT = TypeAdapter(Result)
QUESTION = TypeAdapter(Open)
PROPOSAL = TypeAdapter(Proposal)
PLAIN = (  # what of a request is text as it is
    *("text", "by", "channel", "source", "thread_ts", "about"),
    *("zone", "worker", "scheduling", "target", "schedule", "remark"),
)
JSON = frozenset({"files", "context", "needs", "result", "question", "answers", "proposal"})
ODD = re.compile(r"\\u(0000|d[89a-f])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Until:
    """When the lease of a step ends that goes to its worker now, and of one that shows a sign of life."""

    dispatched: float
    started: float

    def of(self, state: StepState) -> float | None:
        if state.status != "out" or state.in_line:
            return None
        return self.started if state.started else self.dispatched


NEVER = Until(0.0, 0.0)


def packed(kind: TypeAdapter[Any], value: object) -> str:
    try:
        return kind.dump_json(value).decode()
    except PydanticSerializationError:  # a lone surrogate; or something that is no JSON, which raises again
        return json.dumps(kind.dump_python(value, mode="json"))


def is_storable(row: Row) -> bool:
    """Whether the database will give back what it is given. (An odd escape in a JSON column says perhaps
    not; in plain words it says nothing, and costs a second look.)"""
    texts = [value for value in row.values() if isinstance(value, str)]
    return all(storable(text) == text and not ODD.search(text) for text in texts)


def storable_run(run: Run) -> Run:
    """The run as the database will give it back. Ids of steps must not differ from what is stored, or a
    step waits for one that is not there."""
    steps = [_storable_row(step_row(run, position, state, NEVER)) for position, state in enumerate(run.steps)]
    return run_of(_storable_row(run_row(run)), steps)


def _storable_row(row: Row) -> Row:
    return {
        name: json.dumps(_storable(json.loads(value)), ensure_ascii=False)
        if name in JSON and value is not None
        else _storable(value)
        for name, value in row.items()
    }


def _storable(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
    return value


def run_row(run: Run) -> Row:
    return {
        "workspace": run.workspace,
        "id": run.id,
        "created_at": run.created_at,
        "shown_version": 0,
        "show_after": 0.0,
        **request_changes(run.request),
        **run_changes(run),
    }


def request_changes(request: Request) -> Row:
    """Large (the thread so far is in it), and changes once or twice in a run's life."""
    return {
        **{name: getattr(request, name) for name in PLAIN},
        "files": packed(FILES, request.files),
        "context": packed(LINES, request.context),
    }


def run_changes(run: Run) -> Row:
    return {
        "status": run.status,
        "title": run.title,
        "answer": run.answer,
        "note": run.note,
        "stopped_by": run.stopped_by,
        "proposal": packed(PROPOSAL, run.proposal) if run.proposal else None,
        "notice": run.notice,
        "resting": run.resting,
        "ended_at": run.ended_at,
        "version": run.version,
        "wake_at": wakes(run),
    }


def step_row(run: Run, position: int, state: StepState, until: Until) -> Row:
    step = state.step
    return {
        "workspace": run.workspace,
        "run_id": run.id,
        "id": step.id,
        "title": step.title,
        "worker": step.worker,
        "instruction": step.instruction,
        "needs": packed(NEEDS, step.needs),
        "not_before": step.not_before,
        "delay": step.delay,
        "kind": state.kind,
        "priority": 1 if run.request.schedule else 0,
        "asked_at": run.created_at,
        "line_since": 0.0,
        "told_at": 0.0,
        "external": state.external,
        **step_changes(position, state, until),
    }


def step_changes(position: int, state: StepState, until: Until) -> Row:
    """Whatever changes a step that is out is a sign of life or a new attempt: its lease is fresh. When it got
    in line is not among them: that does not change while it waits."""
    return {
        "position": position,
        "status": state.status,
        "attempt": state.attempt,
        "in_line": state.in_line,
        "ahead": state.ahead,
        "started": state.started,
        "holder": state.holder,
        "losses": state.losses,
        "said": state.said,
        "result": packed(RESULT, state.result) if state.result else None,
        "error": state.error,
        "repair": state.repair,
        "question": packed(QUESTION, state.question) if state.question else None,
        "answers": packed(ANSWERS, state.answers),
        "calls": state.usage.calls,
        "tokens_in": state.usage.tokens_in,
        "tokens_out": state.usage.tokens_out,
        "cost": state.usage.cost,
        "due_at": state.due_at,
        "finished_at": state.finished_at,
        "lease_until": until.of(state),
    }


def run_of(row: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> Run:
    """`steps` in the order of their positions."""
    request = Request(
        **{name: row[name] for name in PLAIN},
        files=FILES.validate_json(row["files"]),
        context=LINES.validate_json(row["context"]),
    )
    return Run(
        id=row["id"],
        workspace=row["workspace"],
        request=request,
        created_at=row["created_at"],
        status=row["status"],
        title=row["title"],
        steps=tuple(step_of(step) for step in steps),
        answer=row["answer"],
        note=row["note"],
        stopped_by=row["stopped_by"],
        proposal=PROPOSAL.validate_json(row["proposal"]) if row["proposal"] is not None else None,
        notice=row["notice"],
        ended_at=row["ended_at"],
        version=row["version"],
    )


def step_of(row: Mapping[str, Any]) -> StepState:
    step = Step(
        id=row["id"],
        title=row["title"],
        worker=row["worker"],
        instruction=row["instruction"],
        needs=NEEDS.validate_json(row["needs"]),
        not_before=row["not_before"],
        delay=row["delay"],
    )
    usage = Usage(
        calls=row["calls"], tokens_in=row["tokens_in"], tokens_out=row["tokens_out"], cost=row["cost"]
    )
    return StepState(
        step=step,
        kind=row["kind"],
        status=row["status"],
        attempt=row["attempt"],
        in_line=row["in_line"],
        ahead=row["ahead"],
        started=row["started"],
        holder=row["holder"],
        losses=row["losses"],
        external=row["external"],
        said=row["said"],
        result=RESULT.validate_json(row["result"]) if row["result"] is not None else None,
        error=row["error"],
        repair=row["repair"],
        question=QUESTION.validate_json(row["question"]) if row["question"] is not None else None,
        answers=ANSWERS.validate_json(row["answers"]),
        usage=usage,
        due_at=row["due_at"],
        finished_at=row["finished_at"],
    )

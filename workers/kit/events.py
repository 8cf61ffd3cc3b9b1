"""The wire's models as CloudEvents 1.0 in JSON, the bytes a queue or a URL carries: any language reads them.

Structured mode: one JSON object with the envelope and, as `data`, the model. `type` alone says which model
that is, so a process in another language may leave `kind` out. Attributes and fields that are not known
here are passed over: newer peers may say more. What comes in was written by anybody who may write to the
queue, so reading raises one error, `Unreadable`, whose sentence is fit for a log: it never quotes the body.

The envelope is five attributes, which pydantic checks here; the official SDK checks fewer, raises whatever
it stumbles over, and would bring two more packages into every worker.

Not known here: queues, delivery, what a report means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic import AwareDatetime, Field, ValidationError
from pydantic_core import from_json, to_json
from taskiq import BrokerMessage, TaskiqMessage
from taskiq.abc.formatter import TaskiqFormatter

from workers import Contract
from workers.kit.wire import Cancel, Control, Report, TaskMessage

CONTENT_TYPE = "application/cloudevents+json"
TASK, REPORT, CONTROL = "delegate.task", "delegate.report", "delegate.control"  # names of taskiq tasks too
UNREADABLE = "delegate.unreadable"
BIGGEST = 32 * 2**20  # bytes: 20 earlier results of 1 MB each, and more thread than anybody reads
HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # may be the half of a character

Message = TaskMessage | Report | Control


def _by_kind(family: str, union: Any) -> dict[str, type[Contract]]:
    models = get_args(get_args(union)[0])
    return {f"{family}.{model.model_fields['kind'].default}": model for model in models}


MODELS: dict[str, type[Contract]] = (
    {TASK: TaskMessage} | _by_kind(REPORT, Report) | _by_kind(CONTROL, Control)
)
TYPES = {model: name for name, model in MODELS.items()}


class Unreadable(ValueError):
    """Not one of our messages. The sentence says what is wrong and quotes nothing of it."""


class Envelope(Contract):
    """What CloudEvents asks for, and what we use of the rest."""

    specversion: str = Field(pattern=r"^1\.\d")
    type: str  # which of these messages it is
    id: str = Field(min_length=1)  # of the message: the same when it is sent again
    source: str = Field(min_length=1)  # the process that sent it, as a path
    time: AwareDatetime | None = None  # when it was sent
    datacontenttype: str = Field("application/json", pattern=r"^[a-z]+/([a-z0-9.+-]+\+)?json\s*(;|$)")
    traceparent: str = ""  # W3C Trace Context
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    type: str
    id: str
    source: str
    time: float  # seconds since the epoch; 0 where the sender did not say
    traceparent: str  # W3C; empty: none
    data: Message


def dumps(model: Message, *, source: str, id: str, time: datetime, traceparent: str = "") -> bytes:
    """`source` names the process, `id` the message: a message that is sent again keeps it."""
    subject = model.run if isinstance(model, Cancel) else f"{model.run}/{model.step}/{model.attempt}"
    head = {"specversion": "1.0", "type": TYPES[type(model)], "source": source, "id": id}
    head |= {"time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"), "subject": subject}
    head |= {"datacontenttype": "application/json"}
    if trace := traceparent or getattr(model, "trace", ""):
        head["traceparent"] = trace
    return b'%b,"data":%b}' % (to_json(head)[:-1], model.model_dump_json().encode())


def loads(body: bytes) -> Event:
    if len(body) > BIGGEST:
        raise Unreadable(f"It is longer than {BIGGEST // 2**20} MB.")
    try:
        raw = _json(body)
        said = (
            {key: value for key, value in raw.items() if value is not None} if isinstance(raw, dict) else raw
        )
        envelope = Envelope.model_validate(said)  # null is as good as not there, the specification says
    except ValidationError as error:
        raise Unreadable(f"It is no CloudEvent 1.0 as we read them: {_where(error, Envelope)}.") from None
    except (ValueError, RecursionError):
        raise Unreadable("It is no JSON.") from None
    if (known := MODELS.get(envelope.type)) is None:
        raise Unreadable("Its type is none of ours.")
    try:
        data: Any = known.model_validate(envelope.data)
    except ValidationError as error:
        raise Unreadable(f"It says {envelope.type}, but in its data {_where(error, known)}.") from None
    at = envelope.time.timestamp() if envelope.time else 0.0
    return Event(envelope.type, envelope.id, envelope.source, at, envelope.traceparent, data)


def _json(body: bytes) -> Any:
    """Half of a character, where JavaScript cut a text, becomes a “?”: what is said with it is said."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        if not HALF.search(body):
            raise
    whole = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
    return from_json(whole, allow_inf_nan=False)


def _where(error: ValidationError, model: type[Contract]) -> str:
    """The first thing that is wrong. Only names of our own fields are said: others stand in the body."""
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    field = first["loc"][0] if first["loc"] else ""
    if field not in model.model_fields:
        return "there is no object"
    return f"“{field}” is missing" if first["type"] == "missing" else f"“{field}” is not as it should be"


class CloudEvents(TaskiqFormatter):
    """Reads for taskiq, whose tasks `delegate.task`, `delegate.report`, `delegate.control` take one argument:
    the model's JSON text. Time and traceparent are labels, `time` in seconds since the epoch.

    taskiq acknowledges what a formatter raises over, with a warning that quotes it all. So this one never
    raises: a body that can't be read, or that belongs on another queue (not in `takes`), becomes the task
    `delegate.unreadable`, with the body as text and the reason.
    """

    def __init__(self, takes: Iterable[str] = (TASK, REPORT, CONTROL)) -> None:
        self._takes = frozenset(takes)

    def dumps(self, message: TaskiqMessage) -> BrokerMessage:
        raise NotImplementedError("What is sent is written by `dumps`, and handed to a broker's `kick`.")

    def loads(self, message: bytes) -> TaskiqMessage:
        try:
            event = loads(message)
        except Unreadable as error:
            return _unreadable(message, str(error))
        name = TASK if event.type == TASK else event.type.rpartition(".")[0]
        if name not in self._takes:
            return _unreadable(message, f"It says {event.type}, which does not belong on this queue.")
        labels: dict[str, Any] = {"time": event.time, "source": event.source}
        labels |= {"traceparent": event.traceparent} if event.traceparent else {}
        args = [event.data.model_dump_json()]
        return TaskiqMessage(task_id=event.id, task_name=name, labels=labels, args=args, kwargs={})


def _unreadable(body: bytes, reason: str) -> TaskiqMessage:
    args = [body.decode("utf-8", "backslashreplace"), reason]
    return TaskiqMessage(task_id="", task_name=UNREADABLE, labels={}, args=args, kwargs={})

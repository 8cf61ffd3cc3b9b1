"""Describes the wire as an AsyncAPI 3 document, for whoever writes a worker in another language:

    python -m workers.kit.asyncapi > docs/asyncapi.json

Everything in it comes from the models in `wire.py` and the contract: a model's docstring is its description,
the comment beside a field is the field's. It is told from a worker's side, which is who reads it: a worker
*receives* tasks and *sends* reports. Not known here: how the bot's own processes do it.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

import workers
from workers import Contract
from workers.kit import events, wire
from workers.kit.events import CONTENT_TYPE, MODELS, TASK, Envelope, dumps
from workers.kit.samples import HOLDER, SAMPLES
from workers.kit.wire import Cancel, Go, TaskMessage

REF = "#/components/schemas/{model}"
QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-dead-letter-exchange": "delegate.dead"}

INTRODUCTION = """\
Messages between Delegate's bot and its workers, over RabbitMQ (AMQP 0-9-1). Every message is a CloudEvent
1.0 in structured JSON, persistent. The page wire.md tells what to send when. Unknown attributes and fields
are to be ignored: newer versions may add some. Where the setting BROKER_PREFIX is used, every name of a queue
or an exchange begins with it."""


class _Plain(GenerateJsonSchema):
    """A field's name says it; no title repeats it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made


def document() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Delegate: the bot and its workers",
            "version": "1.0.0",
            "description": INTRODUCTION.replace("\n", " "),
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "rabbitmq": {
                "host": "localhost:5672",
                "protocol": "amqp",
                "protocolVersion": "0-9-1",
                "description": "The one that BROKER_URL names.",
            }
        },
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": {_key(name): _message(name, model) for name, model in MODELS.items()},
            "schemas": _schemas(),
        },
    }


def _key(name: str) -> str:
    return name.rpartition(".")[2]


def _channels() -> dict[str, Any]:
    families = {
        channel: {
            _key(name): {"$ref": f"#/components/messages/{_key(name)}"} for name in MODELS if family in name
        }
        for channel, family in (("tasks", TASK), ("reports", ".report."), ("control", ".control."))
    }
    return {
        "tasks": {
            "address": "worker.{name}",
            "title": "Tasks of one worker",
            "description": "All processes of a worker read the same queue. A task that nobody took in time "
            "expires: the bot sends it again, as the next attempt.",
            "parameters": {"name": {"description": "The worker's name, as it stands in workers.toml."}},
            "messages": families["tasks"],
            "bindings": _queue("worker.{name}", durable=True, arguments=QUORUM),
        },
        "reports": {
            "address": "bot.reports",
            "title": "What became of tasks",
            "description": "Read by all bots. The default exchange takes a message here by the queue's name.",
            "messages": families["reports"],
            "bindings": _queue("bot.reports", durable=True, arguments=QUORUM),
        },
        "control": {
            "address": "control.{holder}",
            "title": "What a bot has to say to one process",
            "description": "Each process declares its own and binds it to the fanout delegate.cancel. "
            "Nothing that is right depends on a message that arrives here, but the beginning of a task "
            "with effects outside.",
            "parameters": {"holder": {"description": "The process, by a name that no other has."}},
            "messages": families["control"],
            "bindings": _queue("control.{holder}", durable=False, arguments={}),
        },
    }


def _queue(name: str, *, durable: bool, arguments: dict[str, Any]) -> dict[str, Any]:
    """One that is not durable belongs to one connection and goes with it."""
    queue = {
        "name": name,
        "durable": durable,
        "exclusive": not durable,
        "autoDelete": not durable,
        "vhost": "/",
    }
    more = {"x-arguments": arguments} if arguments else {}
    return {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"} | more}


def _operations() -> dict[str, Any]:
    reports = [_key(name) for name in MODELS if ".report." in name]

    def operation(
        action: str, channel: str, messages: list[str], summary: str, **amqp: Any
    ) -> dict[str, Any]:
        return {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": summary,
            "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages],
            "bindings": {"amqp": {**amqp, "bindingVersion": "0.3.0"}},
        }

    start = operation(
        "send",
        "reports",
        ["started"],
        "It begins; with effects outside, it asks.",
        deliveryMode=2,
        mandatory=True,
    )
    go = [{"$ref": "#/channels/control/messages/go"}]
    return {
        "takeTask": operation("receive", "tasks", ["task"], "Acknowledged when it begins.", ack=True),
        "start": start | {"reply": {"channel": {"$ref": "#/channels/control"}, "messages": go}},
        "report": operation(
            "send",
            "reports",
            [key for key in reports if key != "started"],
            "It is alive, it has something to say, or it is over.",
            deliveryMode=2,
            mandatory=True,
        ),
        "hear": operation("receive", "control", ["go", "cancel"], "May it begin; does anybody still wait."),
    }


def _message(name: str, model: type[Contract]) -> dict[str, Any]:
    example = next(one for one in SAMPLES if type(one) is model)
    written = dumps(
        example,
        source="/bots/b1" if model in (TaskMessage, Go, Cancel) else f"/workers/{HOLDER}",
        id="0b6a4f0e-5d0b-4a57-9a54-6f5a7b9a2c11",
        time=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    )
    mine = {"type": {"const": name}, "data": {"$ref": REF.format(model=model.__name__)}}
    return {
        "name": name,
        "summary": _summary(model),
        "contentType": CONTENT_TYPE,
        "payload": {"allOf": [{"$ref": REF.format(model="CloudEvent")}, {"properties": mine}]},
        "examples": [{"name": _key(name), "payload": json.loads(written)}],
    }


def _summary(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or model.__name__).split())


def _schemas() -> dict[str, Any]:
    models: list[type[BaseModel]] = [Envelope, *MODELS.values()]
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template=REF, schema_generator=_Plain
    )
    schemas: dict[str, Any] = found["$defs"]
    for module in (workers, wire, events):
        for name, model in vars(module).items():
            if name in schemas and issubclass(model, Contract):
                for field, remark in _remarks(model).items():
                    schemas[name]["properties"][field].setdefault("description", remark)
    envelope = schemas.pop("Envelope") | {"description": "The envelope of every message here."}
    return {"CloudEvent": envelope} | dict(sorted(schemas.items()))


def _remarks(model: type[BaseModel]) -> dict[str, str]:
    """The comments beside its fields."""
    return dict(re.findall(r"^    (\w+): .*?  # (.+)$", inspect.getsource(model), re.MULTILINE))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")

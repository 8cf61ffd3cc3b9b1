"""The document for writers of workers in other languages is in step with the models, and true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]

from workers.kit.asyncapi import document
from workers.kit.events import MODELS, loads
from workers.kit.samples import SAMPLES

PUBLISHED = Path(__file__).parents[2] / "docs" / "asyncapi.json"
MESSAGES: dict[str, Any] = document()["components"]["messages"]


def test_the_published_document_is_the_one_that_the_models_make() -> None:
    assert json.loads(PUBLISHED.read_text()) == document(), (
        "the wire has changed: python -m workers.kit.asyncapi > docs/asyncapi.json"
    )


def test_every_kind_of_message_is_in_it_and_has_an_example() -> None:
    assert {message["name"] for message in MESSAGES.values()} == set(MODELS)
    assert {type(example) for example in SAMPLES} == set(MODELS.values())


@pytest.mark.parametrize("key", sorted(MESSAGES))
def test_an_example_is_read_by_us_and_fits_its_own_schema(key: str) -> None:
    (example,) = MESSAGES[key]["examples"]
    event = loads(json.dumps(example["payload"]).encode())
    assert event.data in SAMPLES
    assert event.type == MESSAGES[key]["name"]
    checked(key).validate(example["payload"])


@pytest.mark.parametrize("key", sorted(MESSAGES))
def test_what_a_worker_may_leave_out_is_as_the_schema_says(key: str) -> None:
    """A message of its required fields alone is one that we read."""
    (example,) = MESSAGES[key]["examples"]
    schemas = document()["components"]["schemas"]
    _, mine = MESSAGES[key]["payload"]["allOf"]
    schema = schemas[mine["properties"]["data"]["$ref"].rpartition("/")[2]]
    least = {name: example["payload"][name] for name in schemas["CloudEvent"]["required"]}
    least["data"] = {name: least["data"][name] for name in schema["required"]}
    loads(json.dumps(least).encode())
    checked(key).validate(least)
    for name in schema["required"]:
        short = least | {"data": {k: v for k, v in least["data"].items() if k != name}}
        assert not checked(key).is_valid(short)


def test_every_reference_leads_somewhere_and_every_queue_is_described() -> None:
    whole = document()
    for reference in references(whole):
        found: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    addresses = [channel["address"] for channel in whole["channels"].values()]
    assert addresses == ["worker.{name}", "bot.reports", "control.{holder}"]


def test_what_the_code_says_beside_a_field_stands_in_the_document() -> None:
    schemas = document()["components"]["schemas"]
    limit = schemas["TaskMessage"]["properties"]["seconds"]
    assert limit["description"] == "the time limit of this attempt, counted from its start"
    assert schemas["Usage"]["properties"]["cost"]["minimum"] == 0


def checked(key: str) -> Draft7Validator:
    """JSON Schema draft 7, which is what AsyncAPI 3 takes its schemas for."""
    return Draft7Validator(document() | MESSAGES[key]["payload"], format_checker=FormatChecker())


def references(part: Any) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for value in part.values():
                yield from references(value)
        case list():
            for value in part:
                yield from references(value)


def test_the_messages_in_the_page_for_writers_are_ones_that_we_read() -> None:
    page = PUBLISHED.with_name("wire.md").read_text()
    read = [loads(block.encode()).type for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert read == ["delegate.task", "delegate.report.finished"]
    for name in MODELS:
        assert f"`{name.rpartition('.')[2]}`" in page or f"`{name}`" in page or f'"{name}"' in page

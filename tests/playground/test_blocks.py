"""Blocks are taken or refused as Slack does it, and what is wrong is said where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from playground.block_rules import check_message_blocks, check_view
from playground.errors import SlackError

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def rich(text: str) -> Block:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def section(text: str = "x") -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def task(task_id: str = "t1", **fields: Any) -> Block:
    return {"type": "task_card", "task_id": task_id, "title": "Look", "status": "pending"} | fields


def plan(*tasks: Block, title: str = "Plan") -> Block:
    return {"type": "plan", "title": title, "tasks": list(tasks)}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def button(**fields: Any) -> Block:
    return {"type": "button", "text": plain("Go"), **fields}


def table(rows: int, columns: int) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "c"}] * columns] * rows}


GOOD: list[list[Block]] = [
    [section("x" * 3000)],
    [{"type": "header", "text": plain("x" * 150)}],
    [
        plan(
            task(details=rich("why"), output=rich("what"), sources=[{"type": "url", "url": "u", "text": "t"}])
        )
    ],
    [plan(*[task(str(n)) for n in range(50)])],
    [task(status="error")],
    [actions(button(value="v" * 2000, action_id="a"), button(action_id="b", style="danger"))],
    [table(100, 20)],
    [{"type": "markdown", "text": "x" * 12_000}],
    [section()] * 50,
    [{"type": "context", "elements": [plain("a"), {"type": "mrkdwn", "text": "b"}]}],
    [{"type": "alert", "text": plain("careful"), "level": "warning"}],
    [{"type": "carousel", "elements": [{"type": "card", "title": plain("t")}]}],
]

BAD: list[tuple[list[Block], str]] = [
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters"),
    ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "must be a valid enum value"),
    ([{"type": "shout"}], "unsupported type: shout [json-pointer:/blocks/0/type]"),
    ([section() | {"colour": "red"}], "invalid additional property: colour"),
    ([plan(task(status="completed"))], "must be a valid enum value"),
    ([plan(task("a"), task("a"))], "`task_id` `a` already exists"),
    ([plan(title="x" * 257)], "must be less than 257 characters"),
    ([plan(task(title="x" * 257))], "must be less than 257 characters"),
    ([plan(task(details=plain("why")))], "must be a valid enum value: rich_text"),
    ([plan(task(output="words"))], "must be an object [json-pointer:/blocks/0/tasks/0/output]"),
    ([plan(*[task(str(n)) for n in range(51)])], "no more than 50 items allowed"),
    ([{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}], "must be a valid enum value"),
    ([rich("")], "must be more than 0 characters"),
    ([actions(button(text=plain("x" * 76)))], "must be less than 76 characters"),
    ([actions(button(value="v" * 2001))], "must be less than 2001 characters"),
    ([actions(button(action_id="a"), button(action_id="a"))], "`action_id` `a` already exists"),
    ([actions()], "no fewer than 1 items required"),
    ([section() | {"block_id": "b" * 256}], "must be less than 256 characters"),
    ([section() | {"block_id": "b"}] * 2, "`block_id` `b` already exists"),
    ([table(1, 1), table(1, 1)], "only_one_table_allowed"),
    ([table(101, 1)], "no more than 100 items allowed"),
    ([table(1, 21)], "no more than 20 items allowed"),
    ([section()] * 51, "no more than 50 items allowed"),
    ([{"type": "input", "label": plain("l"), "element": button()}], "unsupported type: button"),
]


@pytest.mark.parametrize("blocks", GOOD, ids=lambda b: str(b[0]["type"]))
def test_these_are_taken(blocks: list[Block]) -> None:
    check_message_blocks(blocks, set())


@pytest.mark.parametrize(("blocks", "problem"), BAD)
def test_these_are_refused(blocks: list[Block], problem: str) -> None:
    with pytest.raises(SlackError) as caught:
        check_message_blocks(blocks, set())
    assert caught.value.code == "invalid_blocks"
    messages = caught.value.extra["response_metadata"]["messages"]
    assert any(problem in m for m in messages), messages


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "markdown", "text": "x" * 6001}] * 2,
        [section("x" * 2800)] * 5,
        [section("x" * 250)] * 45,
    ],
)
def test_too_much_in_all(blocks: list[Block]) -> None:
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_message_blocks(blocks, set())


def test_a_workspace_may_not_take_plans() -> None:
    with pytest.raises(SlackError, match="invalid_blocks"):
        check_message_blocks([plan(task())], {"plan"})


def test_views_have_rules_of_their_own() -> None:
    modal = {"type": "modal", "title": plain("T"), "blocks": [section()] * 100}
    check_view(modal, "modal")
    form = {"type": "input", "label": plain("l"), "element": {"type": "plain_text_input", "action_id": "a"}}
    for wrong in (
        {"title": plain("x" * 25)},
        {"blocks": [section()] * 101},
        {"blocks": [form]},
        {"blocks": [plan(task())]},
        {"private_metadata": "x" * 3001},
        {"type": "home"},
    ):
        with pytest.raises(SlackError, match="invalid_arguments"):
            check_view(modal | wrong, "modal")
    check_view({"type": "home", "blocks": [section()]}, "home")

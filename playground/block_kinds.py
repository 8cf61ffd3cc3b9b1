"""The rules for each kind of block; [doc: reference/block-kit/blocks] where nothing else is said."""

from __future__ import annotations

from collections.abc import Callable

from playground.block_check import Check
from playground.block_elements import (
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    Rule,
    element,
    image,
    rich_text,
    words,
)

STATUSES = ("pending", "in_progress", "complete", "error")  # [src: TaskCardBlock] `completed` is none of them
TASKS = 50  # [seen] in a plan
SHORT = 256  # [seen] titles, details and output of task cards


def section(check: Check) -> None:
    check.only(("type", "block_id", "text", "fields", "accessory", "expand"))
    if not check.has("fields"):
        check.text("text", 3000, required=True)
    else:
        check.text("text", 3000)
        for field in check.items("fields", 1, 10):
            Check({"field": field.value}, field.pointer.rsplit("/", 1)[0], check.problems).text("field", 2000)
    if check.has("accessory"):
        element(check.at("accessory"), IN_SECTION)


def header(check: Check) -> None:
    check.only(("type", "block_id", "text", "level"))
    check.text("text", 150, plain=True, required=True)


def divider(check: Check) -> None:
    check.only(("type", "block_id"))


def picture(check: Check) -> None:
    image(check)
    check.text("title", 2000, plain=True)


def context(check: Check) -> None:
    check.only(("type", "block_id", "elements"))
    for item in check.items("elements", 1, 10):
        if item.kind == "image":
            image(item)
        elif item.is_object():
            item.choice("type", ("plain_text", "mrkdwn", "image"), required=True)
            item.string("text", 2000, required=True)


def actions(check: Check) -> None:
    check.only(("type", "block_id", "elements"))
    _elements(check, 25, IN_ACTIONS)


def context_actions(check: Check) -> None:
    check.only(("type", "block_id", "elements"))
    _elements(check, 5, IN_CONTEXT_ACTIONS)


def _elements(check: Check, most: int, allowed: dict[str, Rule]) -> None:
    seen: set[str] = set()
    for item in check.items("elements", 1, most):
        element(item, allowed)
        action_id = item.json.get("action_id")
        if isinstance(action_id, str):
            if action_id in seen:  # unique within their block [doc: block-elements]
                item.at("action_id").wrong(f"`action_id` `{action_id}` already exists")
            seen.add(action_id)


def form_input(check: Check) -> None:
    check.only(("type", "block_id", "label", "element", "hint", "optional", "dispatch_action"))
    check.text("label", 2000, plain=True, required=True)
    check.text("hint", 2000, plain=True)
    if not check.has("element"):
        check.missing("element")
    else:
        element(check.at("element"), IN_INPUT)


def markdown(check: Check) -> None:
    check.only(("type", "block_id", "text"))
    check.string("text", 12_000, required=True)


def plan(check: Check) -> None:
    check.only(("type", "block_id", "title", "tasks"))
    check.string("title", SHORT, required=True)
    if not check.has("tasks"):
        return
    seen: set[str] = set()
    for task in check.items("tasks", 0, TASKS):
        if not task.is_object():
            continue
        task.choice("type", ("task_card",), required=True)
        task_card(task)
        task_id = str(task.json.get("task_id"))
        if task_id in seen:
            task.at("task_id").wrong(f"`task_id` `{task_id}` already exists")
        seen.add(task_id)


def task_card(check: Check) -> None:
    check.only(
        (
            "type",
            "block_id",
            "task_id",
            "title",
            "status",
            "details",
            "output",
            "sources",
            "icon",
            "hide_title",
        )
    )
    check.string("block_id", 255)
    check.string("task_id", 255, required=True)
    check.string("title", SHORT, required=True)
    check.choice("status", STATUSES)
    for part in ("details", "output"):
        if check.has(part):
            rich_text(check.at(part))
            if words(check.json[part]) > SHORT:
                check.at(part).wrong(f"must be less than {SHORT + 1} characters")
    if check.has("sources"):
        for source in check.items("sources", 0, 50):
            source.choice("type", ("url",), required=True)
            source.string("url", 3000, required=True)
            source.string("text", 3000, required=True)


def table(check: Check) -> None:
    check.only(("type", "block_id", "rows", "column_settings"))
    for row in check.items("rows", 1, 100):
        cells = list(Check({"row": row.value}, row.pointer, check.problems).items("row", 1, 20))
        for cell in cells:
            cell.choice("type", ("raw_text", "raw_number", "rich_text"), required=True)
            if cell.kind == "rich_text":
                rich_text(cell)
            elif cell.kind == "raw_text":
                cell.string("text", 40_000, required=True)
    if words(check.json.get("rows")) > 10_000:
        check.at("rows").wrong("must be less than 10001 characters")


def alert(check: Check) -> None:
    """[src: AlertBlock]"""
    check.only(("type", "block_id", "text", "level"))
    check.text("text", 3000, required=True)
    check.choice("level", ("default", "info", "warning", "error", "success"))


def card(check: Check) -> None:
    """[src: CardBlock]"""
    if not any(check.has(k) for k in ("hero_image", "title", "actions", "body")):
        check.missing("title")
    for key, most in (("title", 150), ("subtitle", 150), ("body", 200)):
        check.text(key, most)
    for key in ("hero_image", "icon"):
        if check.has(key):
            image(check.at(key))
    if check.has("actions"):
        for item in check.items("actions", 1, 5):
            element(item, IN_ACTIONS)


def carousel(check: Check) -> None:
    """[src: CarouselBlock]"""
    for item in check.items("elements", 1, 10):
        item.choice("type", ("card",), required=True)
        card(item)


def container(check: Check) -> None:
    """[src: ContainerBlock]"""
    if not check.has("title") and not check.has("rich_text_title"):
        check.missing("title")
    check.text("title", 150, plain=True)
    check.text("subtitle", 150)
    check.choice("width", ("narrow", "standard", "wide", "full"))
    for child in check.items("child_blocks", 1, 10):
        block(child)


def free(check: Check) -> None:
    """Known, and not looked into: data_table and data_visualization have no models yet."""


KINDS: dict[str, Callable[[Check], None]] = {
    "section": section,
    "header": header,
    "divider": divider,
    "image": picture,
    "context": context,
    "actions": actions,
    "context_actions": context_actions,
    "input": form_input,
    "rich_text": rich_text,
    "markdown": markdown,
    "plan": plan,
    "task_card": task_card,
    "table": table,
    "alert": alert,
    "card": card,
    "carousel": carousel,
    "container": container,
    **dict.fromkeys(("data_table", "data_visualization", "video", "file", "call"), free),
}


def block(check: Check) -> None:
    if not check.is_object():
        return
    rule = KINDS.get(check.kind)
    if rule is None:
        check.at("type").wrong(f"unsupported type: {check.kind}")
        return
    check.string("block_id", 255)
    rule(check)

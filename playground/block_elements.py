"""The rules for what is inside blocks: buttons, menus, inputs, rich text.

Every number is from that element's page in [doc: reference/block-kit], or [src: slack_sdk/models/blocks].
"""

from __future__ import annotations

from collections.abc import Callable

from playground.block_check import Check

Rule = Callable[[Check], None]

RICH_PARTS = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
RICH_LEAVES = ("text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color", "team")
_ALWAYS = ("type", "action_id", "confirm", "focus_on_load")


def _action_id(check: Check) -> None:
    check.string("action_id", 255)


def button(check: Check) -> None:
    check.only((*_ALWAYS, "text", "url", "value", "style", "accessibility_label"))
    check.text("text", 75, plain=True, required=True)
    check.string("value", 2000)
    check.string("url", 3000)
    check.choice("style", ("primary", "danger"))
    check.string("accessibility_label", 75)
    if check.has("confirm"):
        confirm = check.at("confirm")
        confirm.text("title", 100, plain=True, required=True)
        confirm.text("text", 300, required=True)
        confirm.text("confirm", 30, plain=True)
        confirm.text("deny", 30, plain=True)


def _options(check: Check, key: str, least: int, most: int) -> None:
    for option in check.items(key, least, most):
        option.text("text", 75, required=True)
        option.string("value", 150, required=True)
        option.text("description", 75)


def _menu(check: Check) -> None:
    check.text("placeholder", 150, plain=True)


def static_select(check: Check) -> None:
    _menu(check)
    if check.has("option_groups"):
        for group in check.items("option_groups", 1, 100):
            group.text("label", 75, plain=True, required=True)
            _options(group, "options", 1, 100)
    else:
        _options(check, "options", 1, 100)


def few_options(check: Check) -> None:
    _options(check, "options", 1, 10)


def overflow(check: Check) -> None:
    _options(check, "options", 1, 5)


def image(check: Check) -> None:
    if not check.has("slack_file"):
        check.string("image_url", 3000, required=True)
    check.string("alt_text", 2000, required=True)


def typed_input(check: Check) -> None:
    _menu(check)
    check.string("initial_value", 3000, least=0)


def feedback_buttons(check: Check) -> None:
    check.only((*_ALWAYS, "positive_button", "negative_button"))
    for key in ("positive_button", "negative_button"):
        if not check.has(key):
            check.missing(key)
        one = check.at(key)
        one.text("text", 75, plain=True, required=True)
        one.string("value", 2000, required=True)
        one.string("accessibility_label", 75)


def icon_button(check: Check) -> None:
    check.choice("icon", ("trash",), required=True)
    check.text("text", 75, plain=True, required=True)
    check.string("value", 2000)
    check.string("accessibility_label", 75)


def free(check: Check) -> None:
    """Known, and not looked into further."""
    _menu(check)


_SELECTS = ("users_select", "conversations_select", "channels_select", "external_select")
_MULTI = (
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
    "multi_external_select",
)
_MENUS: dict[str, Rule] = {
    "static_select": static_select,
    "multi_static_select": static_select,
    **dict.fromkeys((*_SELECTS, *_MULTI), free),
}
_CHOICES: dict[str, Rule] = {"checkboxes": few_options, "radio_buttons": few_options}
_TIMES: dict[str, Rule] = dict.fromkeys(("datepicker", "timepicker", "datetimepicker"), free)
_TYPED: dict[str, Rule] = {
    **dict.fromkeys(("plain_text_input", "number_input", "email_text_input", "url_text_input"), typed_input),
    **dict.fromkeys(("rich_text_input", "file_input"), free),
}
CLICKABLE: dict[str, Rule] = {
    "button": button,
    "overflow": overflow,
    "workflow_button": free,
    **_MENUS,
    **_CHOICES,
    **_TIMES,
}
IN_ACTIONS = CLICKABLE
IN_SECTION = {**CLICKABLE, "image": image}
IN_INPUT = {**_MENUS, **_CHOICES, **_TIMES, **_TYPED}
IN_CONTEXT_ACTIONS: dict[str, Rule] = {"feedback_buttons": feedback_buttons, "icon_button": icon_button}


def element(check: Check, allowed: dict[str, Rule]) -> None:
    if not check.is_object():
        return
    rule = allowed.get(check.kind)
    if rule is None:
        check.at("type").wrong(f"unsupported type: {check.kind}")
        return
    rule(check)
    _action_id(check)


def rich_text(check: Check) -> None:
    """[doc: blocks/rich-text-block] parts hold leaves; a list holds sections."""
    if not check.is_object():
        return
    check.choice("type", ("rich_text",), required=True)
    for part in check.items("elements", 0, 10_000):
        part.choice("type", RICH_PARTS, required=True)
        for leaf in part.items("elements", 0, 10_000):
            if part.kind == "rich_text_list":
                leaf.choice("type", ("rich_text_section",), required=True)
                for inner in leaf.items("elements", 0, 10_000):
                    _leaf(inner)
            else:
                _leaf(leaf)


def _leaf(check: Check) -> None:
    if not check.is_object():
        return
    check.choice("type", RICH_LEAVES, required=True)
    if check.kind == "text":
        check.string("text", 40_000, required=True)  # an empty text element is refused [memory]
    elif check.kind == "link":
        check.string("url", 3000, required=True)


def words(value: object) -> int:
    """How many characters of text there are in a block."""
    if isinstance(value, list):
        return sum(map(words, value))
    if not isinstance(value, dict):
        return 0
    own = value.get("text")
    return (len(own) if isinstance(own, str) else words(own)) + sum(
        words(v) for k, v in value.items() if k != "text" and isinstance(v, dict | list)
    )

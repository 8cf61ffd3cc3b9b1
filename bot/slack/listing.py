"""Lists in Slack: as many entries as there is room for, and the pieces that entries and forms share.

An entry is a few blocks that stay together. What is left out is counted, so that whoever shows the list can
say so. It does not know what is listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.slack.blocks import Json, button, plain_text
from bot.slack.wording import cut, escape, line, size

IN_MESSAGE = 44  # of the 50 blocks that Slack takes, some are left for what stands around the list
ROOM = 11_000  # characters in all; a message is refused above about 13,000
EACH_BLOCK = 50  # what a block counts beside its words

T = TypeVar("T")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}")


def fitted(
    items: Sequence[T], entry: Callable[[T], list[Json]], most: int, room: int = ROOM
) -> tuple[list[Json], int]:
    """The entries of the first items, at most so many blocks, and the number of items that are left out.
    No more are made than are shown: there may be thousands."""
    shown: list[Json] = []
    for at, item in enumerate(items):
        blocks = entry(item)
        room -= _weight(blocks) + EACH_BLOCK * len(blocks)
        if len(shown) + len(blocks) > most or room < 0:
            return shown, len(items) - at
        shown += blocks
    return shown, 0


def _weight(value: object) -> int:
    if isinstance(value, str):
        return size(value)
    if isinstance(value, Mapping):
        return sum(_weight(v) for k, v in value.items() if k not in ("type", "value", "action_id"))
    return sum(map(_weight, value)) if isinstance(value, list) else 0


def header(text: str) -> Json:
    return {"type": "header", "text": plain_text(line(text, 150))}


def is_channel(id: str) -> bool:
    """Whether it may be an id, and so be put where Slack reads one."""
    return _CHANNEL.fullmatch(id) is not None


def channel_tag(id: str) -> str:
    """A channel in mrkdwn. The bot's direct message with a person has no name."""
    if not is_channel(id):
        return escape(line(id, 40, "an unknown channel"), 60)
    return "direct messages with me" if id.startswith("D") else f"<#{id}>"


def named(text: str, most: int) -> str:
    """Escaped, but for the channels and people that our own sentences name as `<#C1>` and `<@U1>`. At most
    this long, escaped; a name that would be cut in two is left out."""
    while True:
        whole = re.sub(r"<[#@]?[A-Z0-9]*…$", "…", text)
        shown = re.sub(r"&lt;((?:#[CG]|@[UW])[A-Z0-9]{1,30})&gt;", r"<\1>", escape(whole, 6 * len(whole) + 9))
        if size(shown) <= most:
            return shown
        text = cut(text, len(text) * 4 // 5)


def action(action_id: str, text: str, value: str, of: str, **more: Any) -> Json:
    """A button that says to those who only hear it what it is about: “Pause” is there many times."""
    spoken = line(f"{text} {line(of, 60)}", 75)
    return button(action_id, text, value, accessibility_label=spoken, **more)


def modal(callback_id: str, title: str, submit: str, about: str, blocks: list[Json]) -> Json:
    """A form. `about` names our own record, and comes back with what was filled in."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(line(title, 24)),
        "submit": plain_text(submit),
        "close": plain_text("Cancel"),
        "private_metadata": about,
        "blocks": blocks,
    }


def field(name: str, label: str, element: Json, hint: str = "", *, optional: bool = False) -> Json:
    """One input. Its block and its action have the same name, so `filled` finds what was filled in."""
    block: Json = {"type": "input", "block_id": name, "label": plain_text(label)}
    block["element"] = {**element, "action_id": name}
    return block | ({"hint": plain_text(hint)} if hint else {}) | ({"optional": True} if optional else {})


def option(text: str, value: str, description: str = "") -> Json:
    one: Json = {"text": plain_text(line(text, 75)), "value": value}
    return one | ({"description": plain_text(line(description, 75))} if description else {})


def filled(values: Mapping[str, Any], name: str) -> Any:
    """What a form's field holds: a text, a list of ids, an id; None where nothing was chosen."""
    state = (values.get(name) or {}).get(name) or {}
    if "selected_option" in state:
        return (state["selected_option"] or {}).get("value")
    for key in ("value", "selected_conversations", "selected_conversation"):
        if key in state:
            return state[key]
    return None

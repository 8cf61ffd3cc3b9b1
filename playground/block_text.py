"""Draws messages as plain text, so that a test reads like the thread it checks. Knows shapes, no rules."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playground.mentions import decode
from playground.state import Json

_MARK = {"pending": "·", "in_progress": "…", "complete": "✓", "error": "✗"}


def draw_thread(messages: list[Json], users: Mapping[str, Json]) -> str:
    return "\n".join(draw(m, users) for m in messages)


def draw(message: Json, users: Mapping[str, Json]) -> str:
    user = users.get(str(message.get("user")), {})
    name = message.get("username") or user.get("name") or message.get("bot_id", "?")
    blocks = message.get("blocks") or []
    typed = len(blocks) == 1 and blocks[0]["type"] == "rich_text"
    body = [line for block in blocks for line in draw_block(block)] if not typed else []
    text = "\n".join(body) if body else str(message.get("text", ""))
    files = "".join(f" [file: {f['name']}]" for f in message.get("files", []))
    return f"{name}: {_named(decode(text), users)}{files}"


def _named(text: str, users: Mapping[str, Json]) -> str:
    def name(match: re.Match[str]) -> str:
        return "@" + str(users.get(match[1], {}).get("name", match[1]))

    return re.sub(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>", name, text)


def draw_block(block: Json) -> list[str]:
    kind = block.get("type")
    if kind == "plan":
        tasks = [line for task in block.get("tasks", []) for line in draw_block(task)]
        return [f"[{block.get('title', '')}]", *tasks]
    if kind == "task_card":
        lines = [f"  {_MARK.get(str(block.get('status')), '?')} {block.get('title', '')}"]
        for part in ("details", "output"):
            if block.get(part):
                lines += [f"      {line}" for line in _text(block[part]).splitlines()]
        return lines
    if kind in ("actions", "context_actions"):
        labels = [
            _text(e.get("text") or e.get("placeholder") or e["type"]) for e in block.get("elements", [])
        ]
        return [" ".join(f"<{label}>" for label in labels)]
    if kind == "divider":
        return ["———"]
    if kind == "table":
        return [" | ".join(_text(cell) for cell in row) for row in block.get("rows", [])]
    text = _text(block)
    return text.splitlines() if text else []


def _text(value: object) -> str:
    """All words in a block, in their order."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(t for t in map(_text, value) if t)
    if not isinstance(value, dict):
        return ""
    if value.get("type") == "user":
        return f"<@{value['user_id']}>"
    if value.get("type") in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
        return "".join(map(_text, value.get("elements", [])))
    if value.get("type") in ("rich_text", "rich_text_list"):
        return "\n".join(map(_text, value.get("elements", [])))
    if value.get("type") == "link":
        return str(value.get("text") or value.get("url", ""))
    if value.get("type") == "emoji":
        return f":{value.get('name')}:"
    parts = [
        _text(value[k])
        for k in ("title", "label", "text", "fields", "body", "elements", "accessory")
        if k in value
    ]
    return " ".join(p for p in parts if p)

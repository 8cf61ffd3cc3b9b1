"""What a person types, as Slack stores it: mentions encoded, `& < >` escaped, and as a `rich_text` block."""

from __future__ import annotations

import re
from collections.abc import Iterable

from playground.state import Json

_MENTION = re.compile(
    r"<(@[UW][A-Z0-9]+|#[CG][A-Z0-9]+|![a-z]+)(?:\|[^>]*)?>|<(https?://[^|>]+)(?:\|([^>]*))?>"
)
_NAME = re.compile(r"(?<![\w@<])([@#])([a-z][a-z0-9_.-]*[a-z0-9_-]|[a-z])", re.IGNORECASE)
_URL = re.compile(r"(?<![<|])https?://[^\s<>|]+")


def encode(text: str, users: Iterable[Json], channels: Iterable[Json]) -> str:
    """`@ben` and `#support` become `<@U…>` and `<#C…>`; what is encoded already stays."""
    people = {str(u["name"]).lower(): f"<@{u['id']}>" for u in users}
    places = {str(c["name"]).lower(): f"<#{c['id']}|{c['name']}>" for c in channels if c.get("name")}

    def named(match: re.Match[str]) -> str:
        table = people if match[1] == "@" else places
        return table.get(match[2].lower(), match[0])

    out, at = [], 0
    for match in _MENTION.finditer(text):
        out += [_plain(text[at : match.start()], named), match[0]]
        at = match.end()
    return "".join([*out, _plain(text[at:], named)])


def _plain(text: str, named: object) -> str:
    assert callable(named)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    linked = _URL.sub(lambda m: f"<{m[0]}>", escaped)
    return _NAME.sub(named, linked)


def labelled(text: str, users: Iterable[Json], channels: Iterable[Json]) -> str:
    """As a command gets it with `should_escape`: `<@U…|ben>`, `<#C…|support>`."""
    people = {f"<@{u['id']}>": f"<@{u['id']}|{u['name']}>" for u in users}
    encoded = encode(text, users, channels)
    return _MENTION.sub(lambda m: people.get(m[0], m[0]), encoded)


def named(text: str, users: Iterable[Json], channels: Iterable[Json]) -> str:
    """As a command gets it otherwise: `@ben`, `#support`, and what was typed."""
    names = {f"@{u['id']}": f"@{u['name']}" for u in users}
    names |= {f"#{c['id']}": f"#{c['name']}" for c in channels if c.get("name")}
    return _MENTION.sub(lambda m: names.get(m[1] or "", m[0]), text)


def decode(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def rich_text(text: str, block_id: str) -> list[Json]:
    """The block Slack's client sends with every message a person types."""
    elements: list[Json] = []
    at = 0
    for match in _MENTION.finditer(text):
        if match.start() > at:
            elements.append({"type": "text", "text": decode(text[at : match.start()])})
        at = match.end()
        target = match[1]
        if target is None:
            link: Json = {"type": "link", "url": decode(match[2])}
            elements.append(link | ({"text": decode(match[3])} if match[3] else {}))
        elif target[0] == "@":
            elements.append({"type": "user", "user_id": target[1:]})
        elif target[0] == "#":
            elements.append({"type": "channel", "channel_id": target[1:]})
        else:
            elements.append({"type": "broadcast", "range": target[1:]})
    if at < len(text):
        elements.append({"type": "text", "text": decode(text[at:])})
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]

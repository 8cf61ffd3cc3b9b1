"""Text that strangers and models wrote, made safe and made to look right: Markdown to Slack's `rich_text`.

`rich_text` and not `markdown` blocks or mrkdwn: in it a mention is an element of its own, so no text can ever
become one, whatever it spells; and its lists, quotes and code are native. A link always shows where it goes:
`[the report](https://example.com/x)` reads “the report (example.com/x)”. An image becomes such a link.

Knows Markdown and text elements only: not messages, runs or limits of whole messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.slack.wording import clean, cut, line

Json = dict[str, Any]

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_URL = re.compile(r"https?://[^\s<>\"'`|\\^{}]+")
_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}")
_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
MOST_URL = 2_000


def target(url: str) -> str | None:
    """What a person is shown of a link's target; None when it is better not made a link at all."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.username or len(url) > MOST_URL:
        return None
    rest = url.split("//", 1)[1].partition("/")[2]
    return cut(f"{host}{port}{f'/{rest}' if rest else ''}", 60)


def mention(person: str) -> Json:
    if _PERSON.fullmatch(person):
        return {"type": "user", "user_id": person}
    return text_element(line(person, 80, "somebody"))


def text_element(text: str, *styles: str) -> Json:
    element: Json = {"type": "text", "text": text}
    return element | ({"style": dict.fromkeys(styles, True)} if styles else {})


def section(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def rich(elements: Sequence[Json]) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def quote(text: str) -> Json:
    return {"type": "rich_text_quote", "elements": linked(clean(text)) or [text_element("–")]}


def linked(text: str, *styles: str) -> list[Json]:
    """Plain words with the addresses in them as links."""
    found: list[Json] = []
    at = 0
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?)]*_~")
        if (shown := target(url)) is None:
            continue
        if match.start() > at:
            found.append(text_element(text[at : match.start()], *styles))
        found.append({"type": "link", "url": url, "text": shown})
        at = match.start() + len(url)
    if at < len(text):
        found.append(text_element(text[at:], *styles))
    return found


def from_markdown(text: str) -> list[Json]:
    """Elements of one `rich_text` block; empty when nothing can be seen."""
    return _Writer().write(_MARKDOWN.parse(clean(text)))


def words(elements: Iterable[Json]) -> str:
    """What elements say, without their looks: for notifications and screen readers."""
    return "\n".join(filter(None, ("".join(_words(e)) for e in elements)))


def _words(element: Json) -> Iterator[str]:
    match element["type"]:
        case "text":
            yield element["text"]
        case "link":
            yield element.get("text") or element["url"]
        case "rich_text_list":
            yield "\n".join("• " + "".join(_words(e)) for e in element["elements"])
        case "user":
            yield "@" + element["user_id"]
        case _:
            for inner in element["elements"]:
                yield from _words(inner)


class _Writer:
    """Walks the tokens once. Paragraphs that follow each other share a section, as in what people type."""

    def __init__(self) -> None:
        self.out: list[Json] = []
        self.lists: list[Json] = []  # open ones: style and how many items they had
        self.quotes = 0
        self.heading = False
        self.table: list[list[str]] | None = None
        self.new_item = False

    def write(self, tokens: Sequence[Token]) -> list[Json]:
        for token in tokens:
            self._token(token)
        return [e for e in self.out if words([e]).strip()]

    def _token(self, token: Token) -> None:  # noqa: PLR0912 - one case for each kind of token
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                start = int(token.attrs.get("start", 1))
                style = "bullet" if token.type[0] == "b" else "ordered"
                self.lists.append({"style": style, "count": max(0, min(start - 1, 10_000))})
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self.new_item = True
            case "blockquote_open":
                self.quotes += 1
            case "blockquote_close":
                self.quotes -= 1
            case "heading_open":
                self.heading = True
            case "heading_close":
                self.heading = False
            case "fence" | "code_block":
                self.out.append(code(token.content))
            case "table_open":
                self.table = []
            case "table_close":
                self.out.append(code(columns_of(self.table or [])))
                self.table = None
            case "tr_open" if self.table is not None:
                self.table.append([])
            case "inline" if self.table is not None:
                self.table[-1].append("".join(w for e in _inline(token, ()) for w in _words(e)))
            case "inline":
                self._put(_inline(token, ("bold",) if self.heading else ()))

    def _put(self, elements: list[Json]) -> None:
        if not elements:
            return
        if self.quotes:
            self._join("rich_text_quote", elements)
        elif self.lists:
            self._item(elements)
        else:
            self._join("rich_text_section", elements)

    def _join(self, kind: str, elements: list[Json]) -> None:
        last = self.out[-1] if self.out else None
        if last and last["type"] == kind:
            last["elements"] += [text_element("\n\n"), *elements]
        else:
            gap = [text_element("\n")] if last and kind == "rich_text_section" else []
            self.out.append({"type": kind, "elements": [*gap, *elements]})

    def _item(self, elements: list[Json]) -> None:
        here, indent = self.lists[-1], min(len(self.lists) - 1, 6)
        last = self.out[-1] if self.out else None
        mine = last and last["type"] == "rich_text_list" and last["indent"] == indent
        if mine and last and not self.new_item:
            last["elements"][-1]["elements"] += [text_element("\n"), *elements]
            return
        if not (mine and last and last["style"] == here["style"] and here["count"]):
            last = {"type": "rich_text_list", "style": here["style"], "indent": indent, "elements": []}
            if here["style"] == "ordered" and here["count"]:
                last["offset"] = here["count"]
            self.out.append(last)
        last["elements"].append(section(*elements))
        here["count"] += 1
        self.new_item = False


def _inline(token: Token, styles: tuple[str, ...]) -> list[Json]:
    found: list[Json] = []
    on = list(styles)
    link, label = "", ""
    for child in token.children or []:
        kind = child.type.partition("_")[0]
        if kind in _STYLES:
            on.append(_STYLES[kind]) if child.nesting == 1 else on.remove(_STYLES[kind])
        elif child.type == "link_open":
            link, label = str(child.attrs.get("href", "")), ""
        elif child.type == "link_close":
            found += _link(link, label, on)
            link = ""
        elif child.type == "image":
            found += _link(str(child.attrs.get("src", "")), child.content, on)
        else:
            text = "\n" if child.type in ("softbreak", "hardbreak") else child.content
            label += text
            if text and not link:
                literal = child.type == "code_inline"
                looks = dict.fromkeys([*on, "code"] if literal else on)
                found += [text_element(text, *looks)] if literal else linked(text, *looks)
    return found


def _link(url: str, label: str, styles: Iterable[str]) -> list[Json]:
    shown, looks = target(url), dict.fromkeys(styles)
    if shown is None:
        return [
            text_element(t, *looks) for t in [f"{label} ({cut(url, 60)})" if label != url else label] if t
        ]
    link: Json = {"type": "link", "url": url, "text": shown}
    if not label.strip() or label.strip().removeprefix("https://").removeprefix("http://") == shown:
        return [link]
    if target(label.strip()) == shown:
        return [link]
    return [text_element(f"{label} (", *looks), link, text_element(")", *looks)]


def code(text: str) -> Json:
    return {"type": "rich_text_preformatted", "elements": [text_element(text.rstrip("\n") or " ")]}


def columns_of(rows: list[list[str]]) -> str:
    width = [min(40, max(len(cell) for cell in column)) for column in zip(*rows, strict=False)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, width, strict=False)).rstrip() for r in rows)

"""Words fit to be shown: cleaned, cut where a reader would cut, escaped for mrkdwn.

Knows text only, nothing of blocks or Markdown.
"""

from __future__ import annotations

import re

# Control characters, the overrides that turn text around (a link's look with it), halves of a pair.
_DROP = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    return _DROP.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def size(text: str) -> int:
    """As Slack's clients count: in UTF-16 units."""
    return len(text) if text.isascii() else len(text) + sum(ch > "\uffff" for ch in text)


def cut(text: str, most: int) -> str:
    """At most this long, with an ellipsis where something was left out."""
    text = clean(text[: 4 * most + 100])  # the work is bounded, whatever comes
    if size(text) <= most:
        return text
    units = text[:most].encode("utf-16-le")[: 2 * (most - 1)]
    text = units.decode("utf-16-le", "ignore")  # half a pair at the end goes
    return text.rstrip() + "…"


def line(text: str, most: int, otherwise: str = "–") -> str:
    """One line, never empty: for titles, labels and buttons."""
    return cut(" ".join(clean(text[: 8 * most]).split()), most) or otherwise


def escape(text: str, most: int = 2_900) -> str:
    """For mrkdwn: nothing in it is a mention, a link or a command any more. At most this long, escaped."""
    text = cut(text, most)
    while size(escaped := text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) > most:
        text = cut(text, len(text) * 4 // 5)
    return escaped


def bold(escaped: str) -> str:
    """For mrkdwn. With stars in it (a cron has some) it stays as it is: they would end the bold part."""
    return escaped if "*" in escaped else f"*{escaped}*"


def shorten(text: str, most: int) -> tuple[str, bool]:
    """Cut at the end of a paragraph, else of a line or sentence, else of a word. And whether it was cut."""
    text = clean(text).strip()
    if size(text) <= most:
        return text, False
    head = cut(text, most)[:-1]
    for end in ("\n\n", "\n", ". ", "! ", "? ", "。", " "):
        at = head.rfind(end)
        if at > len(head) // 2:
            return head[: at + len(end.strip())].rstrip(), True
    return head.rstrip(), True

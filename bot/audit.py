"""The audit log as lines for a terminal: pure.

What stands in it was partly written by people (a schedule's task), so nothing that a terminal would obey
gets through. Not known here: where the log is kept, who may read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.ports import Entry

MOST = 60  # characters of a subject, so that one long task does not push all the rest aside


def lines(entries: Sequence[Entry]) -> list[str]:
    """One for each, in columns: time (UTC), workspace, who, what, subject, before → after."""
    rows = [_columns(entry) for entry in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _columns(entry: Entry) -> tuple[str, ...]:
    at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    subject = _plain(entry.subject)
    short = subject if len(subject) <= MOST else f"{subject[: MOST - 1]}…"
    change = f"{_plain(entry.before) or '(nothing)'} → {_plain(entry.after) or '(nothing)'}"
    return at, _plain(entry.workspace), _plain(entry.by), _plain(entry.what), short, change


def _plain(words: str) -> str:
    """On one line, and without what is no character to see."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())

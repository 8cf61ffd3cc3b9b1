"""The pieces of Block Kit that messages are made of, and what hangs on a result: table, files, sources.

Pure functions; each keeps its own limits. It does not know runs or messages.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote as percent

from bot.slack.richtext import code, columns_of, mention, rich, target
from bot.slack.wording import clean, escape, line, size
from workers import File, Result, Table

Json = dict[str, Any]

MOST_ROWS, MOST_COLUMNS, TABLE_ROOM = 99, 20, 5_000


def pack(run_id: str, *parts: str | int) -> str:
    """A button's value. It names our own record and means nothing by itself."""
    return "/".join([run_id, *(ref(str(part)) for part in parts)])


def ref(part: str) -> str:
    """A step's id is a model's word: one that is no name at all is replaced by its hash."""
    if re.fullmatch(r"[^\x00-\x20\ud800-\udfff]{1,200}", part):
        return part
    return hashlib.sha256(part.encode("utf-8", "replace")).hexdigest()[:24]


def tag(person: str) -> str:
    """A mention in mrkdwn."""
    who = mention(person)
    return f"<@{who['user_id']}>" if who["type"] == "user" else escape(who["text"])


def mrkdwn(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def plain_text(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def button(action_id: str, text: str, value: str, **more: Any) -> Json:
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain_text(line(text, 75)),
        "value": value,
        **more,
    }


def asked_first(title: str, text: str, yes: str, no: str) -> Json:
    """The dialog before something that cannot be taken back."""
    said = {"title": plain_text(title), "text": plain_text(text), "confirm": plain_text(yes)}
    return {**said, "deny": plain_text(no), "style": "danger"}


def stop_button(run_id: str, **more: Any) -> Json:
    said = "What is finished stays in the thread; what is running now is dropped."
    confirm = asked_first("Stop this?", said, "Stop", "Go on")
    return button("stop", "Stop", pack(run_id), style="danger", confirm=confirm, **more)


def context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def feedback(run_id: str) -> Json:
    def thumb(text: str, value: str) -> Json:
        return {"text": plain_text(text), "value": pack(run_id, value), "accessibility_label": text}

    buttons: Json = {"type": "feedback_buttons", "action_id": "feedback"}
    buttons["positive_button"] = thumb("This helped", "good")
    buttons["negative_button"] = thumb("This did not help", "bad")
    return {"type": "context_actions", "elements": [buttons]}


def attached(result: Result, pictures: bool = True, native: bool = True) -> list[Json]:
    blocks = _table(result.table, native) if result.table and result.table.columns else []
    shown = [f for f in result.files if pictures and is_picture(f) and f.slack_id][:5]
    blocks += [
        {"type": "image", "slack_file": {"id": f.slack_id}, "alt_text": line(f.name, 200, "A picture")}
        for f in shown
    ]
    listed = [f for f in result.files if f not in shown]
    if listed:
        names = ", ".join(escape(f"{line(f.name, 60)} ({_bytes(f.size)})", 90) for f in listed[:10])
        more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
        blocks.append(context(f":paperclip: {names}{more}"))
    if sources := _sources(result):
        blocks.append(context(sources))
    return blocks


def lacks_pictures(result: Result) -> bool:
    """A picture of it has no place in Slack yet."""
    return any(is_picture(f) and f.id and not f.slack_id for f in result.files)


def is_picture(file: File) -> bool:
    return file.mimetype in ("image/png", "image/jpeg", "image/gif")


def _bytes(count: int) -> str:
    return (
        f"{count} B" if count < 1_000 else f"{count / 1e3:.0f} KB" if count < 1e6 else f"{count / 1e6:.1f} MB"
    )


def _sources(result: Result) -> str:
    """`Sources: title (host/path), …`: the title is a stranger's, so the target stands beside it."""
    shown: list[str] = []
    for source in result.sources:
        where = target(clean(source.url))
        if where is None:
            continue
        url = percent(clean(source.url), safe=":/?#[]@!$'()*+,;=%~")
        label = escape(line(source.title, 60), 80)
        one = (
            f"<{escape(url, 500)}|{label}> ({escape(where, 80)})" if size(url) < 400 else f"{label} ({where})"
        )
        if sum(map(size, shown)) + size(one) > 1_500:
            break
        shown.append(one)
    more = (
        f" and {len(result.sources) - len(shown)} more" if shown and len(shown) < len(result.sources) else ""
    )
    return f"Sources: {', '.join(shown)}{more}" if shown else ""


def _table(table: Table, native: bool) -> list[Json]:
    columns = len(table.columns[:MOST_COLUMNS])
    rows: list[list[str]] = []
    left = TABLE_ROOM
    for row in (table.columns, *table.rows[:MOST_ROWS]):
        cells = [line(row[n] if n < len(row) else "", 100, "\u00a0") for n in range(columns)]
        left -= sum(map(size, cells))
        if left < 0 and rows:
            break
        rows.append(cells)
    blocks: list[Json] = [_native(rows) if native else rich([code(columns_of(rows))])]
    missing = (
        [f"the first {len(rows) - 1} of {len(table.rows)} rows"] if len(rows) - 1 < len(table.rows) else []
    )
    if columns < len(table.columns):
        missing.append(f"{columns} of {len(table.columns)} columns")
    return [*blocks, context(f"Shown here: {' and '.join(missing)}.")] if missing else blocks


def _native(rows: list[list[str]]) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": cell} for cell in row] for row in rows]}

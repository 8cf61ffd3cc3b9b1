"""A value as text: for people, for a model's prompt, and for a CSV that a spreadsheet will open.

Knows no table and no file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?[\d.,]+([eE][+-]?\d+)?")


def exact(value: Any) -> str:
    """The value with nothing rounded away."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            return value.isoformat(" ").removesuffix(" 00:00:00")
        case Decimal():
            return format(value, "f")
        case bytes():
            return f"[{len(value)} bytes]"
        case list() | dict() | tuple():
            return json.dumps(value, ensure_ascii=False, default=exact)
        case int() | date() | time() | timedelta() | _:
            return str(value)


def shown(value: Any, most: int) -> str:
    """The value as people read it: four decimals at most, one line, cut at `most` characters."""
    if isinstance(value, float) and not value.is_integer() and 1 <= abs(value) < 1e15:
        text = f"{value:.4f}".rstrip("0").rstrip(".")
    elif isinstance(value, float) and 0 < abs(value) < 1:
        text = f"{value:.4g}"
    else:
        text = exact(value)
    return one_line(text, most)


def one_line(text: str, most: int) -> str:
    """No line breaks and no control characters, so that a cell cannot draw outside its cell."""
    text = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def inert(text: str) -> str:
    """A spreadsheet runs what begins with = + - @ (their full-width twins, a tab, a return); a number may
    keep its sign."""
    if text.startswith(tuple("=+-@＝＋－＠\t\r")) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int) -> tuple[bytes, int]:
    """A CSV that Excel opens too (UTF-8 with a BOM), and how many rows found room in `most` bytes."""
    out, count = io.BytesIO(), 0
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", errors="replace", write_through=True)
    writer = csv.writer(text)
    writer.writerow([inert(c) for c in columns])
    for row in rows:
        before = out.tell()
        writer.writerow([inert(exact(v)) for v in row])
        if out.tell() > most:
            out.truncate(before)
            break
        count += 1
    return out.getvalue(), count

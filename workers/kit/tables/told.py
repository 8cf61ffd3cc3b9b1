"""What a model is told about tables and results, and whether what it then says is in them.

Everything is capped for small models with small windows: a wide table keeps its column names and loses
examples first. Knows no prompt: the worker has that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workers.kit.tables.session import Found, Loaded

BRIEF_CHARS, PREVIEW_CHARS, PREVIEW_ROWS = 6_000, 2_500, 25
_NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f]\d+)*")


def brief(tables: Iterable[Loaded]) -> str:
    """Names, types, the words of short columns, a sample row; less of each where that is too long."""
    known = list(tables)
    for values, samples in ((10, 2), (5, 1), (0, 0)):
        text = "\n".join(_one(table, values, samples) for table in known)
        if len(text) <= BRIEF_CHARS:
            return text
    return text[:BRIEF_CHARS] + "\n(more columns are left out)"


def _one(table: Loaded, values: int, samples: int) -> str:
    columns = ", ".join(
        f"{c.name} {c.type}"
        + (f" ({', '.join(map(repr, c.values[:values]))})" if c.values and values >= len(c.values) else "")
        for c in table.columns
    )
    rows = [f"  e.g. {' | '.join(row[:30])}" for row in table.sample[:samples]]
    return "\n".join([f"Table {table.name}: {table.rows} rows", f"  {columns}", *rows])


def preview(found: Found) -> str:
    """The first rows as text, with what is left out said."""
    lines = [" | ".join(found.columns), *(" | ".join(row) for row in found.rows[:PREVIEW_ROWS])]
    text = "\n".join(lines)[:PREVIEW_CHARS]
    hidden = found.row_count - min(len(found.rows), PREVIEW_ROWS)
    return f"{text}\n… and {hidden} more rows" if hidden > 0 or found.more else text


def grounded(text: str, found: Found, asked: str) -> bool:
    """Whether every number in `text` is in the result, in the question, or counts the rows. Rounded ones
    count; the way of writing them (`1,234.5`, `1.234,5`) does not matter. Words are not looked at."""
    cells = "\n".join(["\n".join(row) for row in found.rows] + [*found.columns, asked])
    known = {v for n in _NUMBER.findall(cells) for v, _ in _readings(n)}
    known |= {float(found.row_count), float(found.column_count), float(len(found.rows))}
    return all(
        any(round(k, digits) == value for value, digits in _readings(n) for k in known)
        for n in _NUMBER.findall(text)
    )


def _readings(number: str) -> Iterator[tuple[float, int]]:
    """The values a number may stand for, each with its decimals: `1.234` is 1.234, or 1234 in German."""
    number = re.sub(r"['’\u00a0\u202f]", "", number)
    for thousands, point in ((",", "."), (".", ",")):
        plain = number.replace(thousands, "").replace(point, ".")
        if plain.count(".") <= 1:
            yield float(plain), len(plain.partition(".")[2])

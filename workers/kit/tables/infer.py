"""Which type a column of text has: what all its values can be read as, else text. Runs inside DuckDB.

A first look at 500 values leaves a few readings; only those are tried on the whole column.
Best effort, and these are the rules:
- `00123`, `+49 30` and numbers of more than 18 digits stay text: they are names, not amounts.
- `1.234,56` is German when the column (or, for `1.234` alone, another column of the table) has a comma
  that can only be a decimal one, or when the cells are separated by `;`. `1,234` is English otherwise.
- €, $, £, ¥ and EUR, USD, GBP, CHF around a number are dropped. Percent signs are not: that stays text.
- Dates: `2026-11-21`, with or without a time, `21.11.2026`, and `21/11/2026` or `11/21/2026` when the
  column shows which of the two; where it does not, text.
- `n/a`, `null`, `-`, `#N/A` and the like are empty cells in a column of anything but text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SAMPLE = 500
EMPTY: tuple[str, ...] = (
    "n/a",
    "na",
    "nan",
    "null",
    "none",
    "-",
    "–",
    "--",
    "k.a.",
    "k. a.",
    "#n/a",
    "#nv",
    "#div/0!",
)
EMPTY += ("#ref!", "#value!", "#wert!", "#name?", "#num!", "#null!", "#bezug!")
_MONEY = r"^(-?)\s*[€$£¥]\s*|\s*([€$£¥]|EUR|USD|GBP|CHF)$"
_D_M = "['%d/%m/%Y', '%d/%m/%Y %H:%M', '%d/%m/%Y %H:%M:%S']"
_M_D = "['%m/%d/%Y', '%m/%d/%Y %H:%M', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %I:%M %p']"
_DOTS = "['%d.%m.%Y', '%d.%m.%Y %H:%M', '%d.%m.%Y %H:%M:%S', '%d.%m.%y']"
_DAY = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"


@dataclass(frozen=True)
class Reading:
    type: str
    test: str  # SQL over {c}: whether a value can be read so
    value: str  # SQL over {c}: the value


def _matches(pattern: str) -> str:
    return "regexp_full_match({c}, '" + pattern.replace("{", "{{").replace("}", "}}") + "')"


def _number(pattern: str, value: str, type_: str = "DOUBLE") -> Reading:
    return Reading(type_, _matches(pattern), f"try_cast({value} AS {type_})")


def _strptime(formats: str) -> Reading:
    return Reading(
        "TIMESTAMP", f"try_strptime({{c}}, {formats}) IS NOT NULL", f"try_strptime({{c}}, {formats})"
    )


READINGS = {
    "integer": _number(r"-?(0|[1-9]\d{0,17})", "{c}", "BIGINT"),
    "point": _number(r"-?((0|[1-9]\d{0,14})(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", "{c}"),
    "english": _number(r"-?(0|[1-9]\d{0,14}|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?", "replace({c}, ',', '')"),
    "german": _number(
        r"-?(0|[1-9]\d{0,14}|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?", "replace(replace({c}, '.', ''), ',', '.')"
    ),
    "boolean": Reading("BOOLEAN", "lower({c}) IN ('true', 'false')", "try_cast({c} AS BOOLEAN)"),
    "iso": Reading(
        "TIMESTAMP",
        _matches(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
        + " AND try_cast({c} AS TIMESTAMP) IS NOT NULL",
        "try_cast({c} AS TIMESTAMP)",
    ),
    "dots": _strptime(_DOTS),
    "day first": _strptime(_D_M),
    "month first": _strptime(_M_D),
}


@dataclass(frozen=True)
class Column:
    """What a column of text can be read as."""

    raw: str  # its quoted name
    c: str  # the SQL for a value without its currency
    can: frozenset[str] = frozenset()
    comma: bool = False  # some value has one
    only_days: bool = False  # no value has a time of day


def look(con: Any, table: str, raw: str) -> Column:
    first = f"(SELECT {raw} FROM {table} WHERE {raw} IS NOT NULL LIMIT {SAMPLE})"  # noqa: S608 -- our own names
    money = con.execute(f"SELECT bool_or(regexp_matches({raw}, '{_MONEY}')) FROM {first}").fetchone()[0]  # noqa: S608
    c = f"regexp_replace({raw}, '{_MONEY}', '\\1', 'g')" if money else raw
    can = _survivors(con, raw, c, first, [*READINGS])
    can = _survivors(con, raw, c, table, can) if can else can
    if not can:
        return Column(raw, c)
    comma, days = con.execute(
        f"SELECT bool_or(contains({raw}, ',')), bool_and(regexp_full_match({raw}, '{_DAY}'))"  # noqa: S608
        f" FROM {table} WHERE lower({raw}) NOT IN {EMPTY}"
    ).fetchone()
    return Column(raw, c, frozenset(can), bool(comma), bool(days))


def _survivors(con: Any, raw: str, c: str, source: str, names: list[str]) -> list[str]:
    tests = ", ".join(f"bool_and({READINGS[n].test.format(c=c)})" for n in names)
    row = con.execute(f"SELECT {tests} FROM {source} WHERE lower({raw}) NOT IN {EMPTY}").fetchone()  # noqa: S608
    return [name for name, ok in zip(names, row, strict=True) if ok]


def select(columns: list[Column], comma_decimals: bool) -> list[str]:
    """SQL for each column's typed value; the columns of a table tell each other how numbers are written."""
    written = [c for c in columns if "german" in c.can and c.comma]
    german = bool(written) and (comma_decimals or any("english" not in c.can for c in written))
    return [_value(c, german) for c in columns]


def _value(column: Column, german: bool) -> str:
    can = column.can
    if "german" in can and "integer" not in can and (german or can.isdisjoint({"point", "english"})):
        name = "german"
    else:
        undecided = {"day first", "month first"} if {"day first", "month first"} <= can else set()
        name = next((n for n in READINGS if n in can - undecided - {"german"}), "")
    if not name:
        return column.raw
    value = READINGS[name].value.format(c=column.c)
    return f"CAST({value} AS DATE)" if column.only_days and READINGS[name].type == "TIMESTAMP" else value

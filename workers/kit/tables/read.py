"""A file's bytes to rows of text: which kind it is, its encoding, its delimiter; CSV, TSV and JSON.

The kind is taken from the bytes first and from the name second. Knows no DuckDB: types are decided in
`infer`, from the text, alike for every kind.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workers.kit.tables.cells import exact
from workers.kit.tables.limits import EXCEL_SUFFIXES, JSON_SUFFIXES, KINDS, TEXT_SUFFIXES, Limits, Unreadable

Row = list[str | None]
Kind = Literal["text", "json", "excel", "parquet"]
ZIP, PARQUET, OLE = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
SNIFFED_LINES = 50


@dataclass
class Sheet:
    """One table of a file, not typed yet. `rows` is read once, and `notes` may grow while it is."""

    name: str
    rows: Iterable[Row]
    notes: list[str] = field(default_factory=list)
    comma_decimals: bool = False  # a `;` between cells: there a comma is a decimal point
    ragged: bool = False  # whether rows of another length are worth a note


def kind_of(name: str, data: bytes) -> Kind:
    """Raises `Unreadable` for what is no table, with the reason."""
    suffix = Path(name).suffix.lower()
    if not data.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise Unreadable(f"{name} is empty.")
    if data.startswith(PARQUET):
        return "parquet"
    if data.startswith(OLE):
        raise Unreadable(
            f"{name} is an old or a protected Excel file. Please save it as .xlsx without a password."
        )
    if data.startswith(ZIP):
        if suffix in EXCEL_SUFFIXES:
            return "excel"
        raise Unreadable(f"{name} is an archive or a document, not a table. I read {KINDS}.")
    if suffix in JSON_SUFFIXES:
        return "json"
    if suffix in EXCEL_SUFFIXES or suffix == ".parquet":
        raise Unreadable(f"{name} does not hold what its name says: it is damaged, or another kind of file.")
    if suffix in (*TEXT_SUFFIXES, ""):
        return "text"
    raise Unreadable(f"{name} is not a table that I can read. I read {KINDS}.")


def decode(name: str, data: bytes) -> str:
    """UTF-8 or UTF-16 (by its mark, or by where its zero bytes are), else Windows' Western encoding."""
    head = data[:4096]
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        if b"\0" in head:
            even, odd = head[::2].count(0), head[1::2].count(0)
            if max(even, odd) > len(head) * 0.2 and min(even, odd) < len(head) * 0.02:
                return data.decode("utf-16-le" if odd > even else "utf-16-be")
            raise Unreadable(f"{name} is not text: it looks like a binary file. I read {KINDS}.")
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    controls = sum(1 for c in text[:4096] if c < " " and c not in "\t\r\n\f") + text[:4096].count("\ufffd")
    if controls > len(text[:4096]) * 0.02:
        raise Unreadable(f"{name} is not text: it looks like a binary file. I read {KINDS}.")
    return text


def delimited(name: str, data: bytes, limits: Limits) -> Sheet:
    text = decode(name, data)
    if text[:200].lstrip().lower().startswith(("<!doctype html", "<html")):
        raise Unreadable(f"{name} is a web page, not a table. Perhaps a sign-in page was saved in its place.")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own hint
        delimiter, text = first.strip()[4], rest
    else:
        delimiter = _delimiter(text)
    csv.field_size_limit(limits.cell_chars * 4)
    return Sheet(
        Path(name).stem, _records(name, text, delimiter), comma_decimals=delimiter == ";", ragged=True
    )


def _records(name: str, text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for record in reader:
            yield [*record]
    except csv.Error as error:
        raise Unreadable(
            f"{name} cannot be read past line {reader.line_num} ({error}). Is a quote there never closed?"
        ) from error


def _delimiter(text: str) -> str:
    """The one that gives most of the first lines the same number of cells; `,` where that is a tie, last."""
    lines = text[:100_000].splitlines()
    head = [line for line in lines[: SNIFFED_LINES * 2] if line.strip()][:SNIFFED_LINES]
    best, best_share = ",", 0.0
    for candidate in "\t;|,":
        widths = Counter(len(r) for r in csv.reader(head, delimiter=candidate) if r)
        width, times = widths.most_common(1)[0] if widths else (0, 0)
        share = round(times / len(head), 1) if width > 1 else 0.0
        if share > best_share:
            best, best_share = candidate, share
    return best


def json_sheets(name: str, data: bytes) -> list[Sheet]:
    """An array of objects, one object a line, or an object that holds such arrays."""
    text = decode(name, data)
    try:
        value = _parse(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{name} is not valid JSON ({type(error).__name__}: {error}).") from error
    stem = Path(name).stem
    if isinstance(value, dict):
        inner = {k: v for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
        if inner:
            return [_objects(f"{stem} {key}" if len(inner) > 1 else stem, v) for key, v in inner.items()]
        return [_objects(stem, [value])]
    if not isinstance(value, list) or not value:
        raise Unreadable(
            f"{name} holds no rows. I read JSON that is an array of objects, or one object a line."
        )
    return [_objects(stem, value)]


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as whole:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise whole from None


def _objects(name: str, items: list[Any]) -> Sheet:
    rows = [_flat(item) for item in items]
    columns = list(dict.fromkeys(key for row in rows for key in row))

    def records() -> Iterator[Row]:
        yield [*columns]
        for row in rows:
            yield [row.get(column) for column in columns]

    return Sheet(name, records())


def _flat(item: Any) -> dict[str, str | None]:
    """One level of nesting becomes `outer_inner`; what lies deeper stays JSON text."""
    if not isinstance(item, dict):
        return {"value": _text(item)}
    flat: dict[str, str | None] = {}
    for key, value in item.items():
        if isinstance(value, dict) and value:
            flat |= {_text(f"{key}_{inner}") or "": _text(v) for inner, v in value.items()}
        else:
            flat[_text(key) or ""] = _text(value)
    return flat


def _text(value: Any) -> str | None:
    """JSON may hold half a surrogate pair, which is no text."""
    return None if value is None else exact(value).encode("utf-8", "replace").decode()

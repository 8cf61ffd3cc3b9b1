"""A workbook to rows of text, read as a stream and with nothing in it run: a formula counts as the value
that was saved with it, and links, macros and pictures are not looked at.

A workbook is a zip archive of XML, so it is weighed first: entries, sizes declared and streamed, ratio,
and no document type (the door of entity attacks). Knows no DuckDB.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from workers.kit.tables.cells import exact
from workers.kit.tables.limits import MB, Limits, Unreadable
from workers.kit.tables.read import Row, Sheet

MOST_ROWS = 1_048_576  # of a sheet, by the format


def excel_sheets(name: str, data: bytes, limits: Limits) -> list[Sheet]:
    try:
        _weigh(name, data, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise Unreadable(f"{name} is damaged, or not an Excel workbook.") from error
    from openpyxl import load_workbook  # half a second

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        visible = [s for s in book.worksheets if s.sheet_state == "visible"] or book.worksheets
    except MemoryError:
        raise
    except Exception as error:  # the library raises whatever the damage leads to
        raise Unreadable(f"{name} is damaged, or not an Excel workbook.") from error
    if not visible:
        raise Unreadable(f"{name} has no sheet with cells.")
    sheets = [Sheet(s.title, _rows(name, s)) for s in visible[: limits.sheets]]
    if len(visible) > limits.sheets:
        sheets[0].notes.append(f"only the first {limits.sheets} of {len(visible)} sheets were read")
    return sheets


def _rows(name: str, sheet: Any) -> Iterator[Row]:
    sheet.reset_dimensions()  # what the file declares about its size is not to be trusted
    try:
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            if number > MOST_ROWS:
                raise Unreadable(f"{name} has more rows than a sheet can have.")
            cells: Row = [None if v is None else exact(v) for v in row]
            while cells and cells[-1] is None:
                cells.pop()
            yield cells
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        raise Unreadable(f"The sheet {sheet.title!r} of {name} is damaged.") from error


def _weigh(name: str, data: bytes, limits: Limits) -> None:
    """Looks at every part once before any of it is parsed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > limits.entries:
            raise Unreadable(f"{name} has {len(parts):,} parts; a workbook may have {limits.entries:,}.")
        declared = sum(p.file_size for p in parts)
        packed = max(sum(p.compress_size for p in parts), 1)
        if declared > limits.unpacked_bytes or (declared > 10 * MB and declared / packed > limits.ratio):
            raise Unreadable(
                f"{name} would unpack to {declared / MB:,.0f} MB from {packed / MB:,.1f} MB, which is more "
                "than I take. Please save only the needed sheets, or a CSV."
            )
        if not any(p.filename == "xl/workbook.xml" for p in parts):
            raise Unreadable(f"{name} is not an Excel workbook, whatever its name says.")
        streamed = 0
        for part in parts:
            if not part.filename.lower().endswith((".xml", ".rels")):
                continue
            tail = b""
            with archive.open(part) as stream:
                while chunk := stream.read(MB):
                    streamed += len(chunk)
                    if streamed > limits.unpacked_bytes:
                        raise Unreadable(f"{name} unpacks to more than {limits.unpacked_bytes // MB} MB.")
                    if b"<!DOCTYPE" in (window := tail + chunk) or b"<!ENTITY" in window:
                        raise Unreadable(f"{name} is refused: a workbook has no need for a document type.")
                    tail = chunk[-16:]

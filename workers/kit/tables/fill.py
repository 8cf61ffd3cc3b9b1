"""Rows of text into a typed DuckDB table, and the description of a table that a model is shown.

Rows go in as lists of text through bound parameters: nothing of a file ever becomes part of a statement,
and no temporary file is written. Finds the header, keeps ragged rows, stops at the caps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from workers.kit.tables import infer
from workers.kit.tables.cells import shown
from workers.kit.tables.limits import Limits, Unreadable
from workers.kit.tables.names import identifier, quoted
from workers.kit.tables.read import Row, Sheet

HEAD = 20  # rows in which the header is looked for
RAW = '"raw rows"'


class Tables:
    """The tables of one child, and what of the caps is left."""

    def __init__(self, con: Any, limits: Limits) -> None:
        self.con, self.limits = con, limits
        self.cells = 0
        self.names: set[str] = set()

    def add(self, file: str, sheet: Sheet) -> dict[str, Any] | None:
        """The table's description; None when the sheet has no rows under a header."""
        rows = (_clean(row, self.limits.cell_chars, sheet) for row in sheet.rows)
        filled = (row for row in rows if any(row))
        head = list(islice(filled, HEAD))
        if not head:
            return None
        header, skipped = _header(head, sheet)
        body = chain(head[skipped:], filled)
        width = self._pour(file, sheet, len(header), body)
        name = self._name(sheet.name)
        count = self.con.execute(f"SELECT count(*) FROM {RAW}").fetchone()[0]  # noqa: S608 -- our own name
        if count:
            self._type(name, sheet, [*header, *[None] * (width - len(header))])
        self.con.execute(f"DROP TABLE {RAW}")
        if not count:
            self.names.discard(name.lower())
            return None
        return self.describe(name, file, sheet.notes)

    def add_parquet(self, file: str, path: Path) -> dict[str, Any]:
        """DuckDB reads this one itself. `path` is a name of ours, free of wildcards."""
        import duckdb

        try:
            parts = self.con.execute(
                "SELECT sum(num_rows) FROM parquet_file_metadata(?)", [str(path)]
            ).fetchone()[0]
            columns = len(self.con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall())
            self._check(file, columns, (parts or 0) * columns)
            name = self._name(Path(file).stem)
            sql = f"CREATE TABLE {quoted(name)} AS SELECT * FROM read_parquet(?)"  # noqa: S608
            self.con.execute(sql, [str(path)])
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise Unreadable(f"{file} is damaged, or not a Parquet file.") from error
        renamed: set[str] = set()
        for (old,) in self.con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [name]
        ).fetchall():
            new = identifier(old, f"column_{len(renamed) + 1}", renamed)
            renamed.add(new.lower())
            if new != old:
                self.con.execute(f"ALTER TABLE {quoted(name)} RENAME {quoted(old)} TO {quoted(new)}")
        return self.describe(name, file, [])

    def describe(self, name: str, file: str, notes: list[str]) -> dict[str, Any]:
        table = quoted(name)
        columns = self.con.execute(f"DESCRIBE {table}").fetchall()
        count = self.con.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 -- our own name
        texts = ", ".join(f"CAST({quoted(c[0])} AS VARCHAR)" for c in columns[:60])
        sample = self.con.execute(f"SELECT {texts} FROM {table} LIMIT 3").fetchall()  # noqa: S608
        described = [{"name": c[0], "type": c[1][:40], "values": self._values(table, c)} for c in columns]
        return {
            "name": name,
            "file": file,
            "rows": count,
            "columns": described,
            "sample": [[shown(v, 40) for v in row] for row in sample],
            "notes": notes,
        }

    def _values(self, table: str, column: Any) -> list[str]:
        """The words of a column that has few: a model that sees them does not guess their spelling."""
        if column[1] != "VARCHAR":
            return []
        some = f"SELECT {quoted(column[0])} AS v FROM {table} LIMIT 20000"  # noqa: S608 -- our own names
        found = self.con.execute(
            f"SELECT DISTINCT v FROM ({some}) WHERE v IS NOT NULL ORDER BY 1 LIMIT 11"  # noqa: S608
        ).fetchall()
        words = [shown(v, 30) for (v,) in found]
        return words if len(words) <= 10 and all(len(w) < 30 for w in words) else []

    def _name(self, wanted: str) -> str:
        name = identifier(wanted.lower(), "data", self.names)
        self.names.add(name.lower())
        return name

    def _check(self, file: str, columns: int, cells: int) -> None:
        if columns > self.limits.columns:
            raise Unreadable(
                f"{file} has {columns:,} columns; I take {self.limits.columns}. "
                "Please keep only the columns that the question needs."
            )
        if self.cells + cells > self.limits.cells:
            raise Unreadable(
                f"{file} is too large: I take {self.limits.cells:,} cells in all attached tables together. "
                "Please keep only the rows or columns that the question needs."
            )

    def _pour(self, file: str, sheet: Sheet, width: int, rows: Iterator[Row]) -> int:
        self._check(file, width, 0)
        self.con.execute(f"CREATE TABLE {RAW} ({', '.join(f'c{i} VARCHAR' for i in range(width))})")
        named, odd, total = width, 0, 0
        while batch := list(islice(rows, max(50, 20_000 // width))):
            odd += sum(1 for row in batch if len(row) != named)
            total += len(batch)
            widest = max(width, *(len(row) for row in batch))
            self._check(file, widest, len(batch) * widest)
            for i in range(width, widest):
                self.con.execute(f"ALTER TABLE {RAW} ADD COLUMN c{i} VARCHAR")
            width = widest
            self.cells += len(batch) * width
            columns = [[row[i] if i < len(row) else None for row in batch] for i in range(width)]
            unnest = ", ".join(f"unnest(${i + 1}::VARCHAR[])" for i in range(width))
            self.con.execute(f"INSERT INTO {RAW} SELECT {unnest}", columns)
        if odd and sheet.ragged:
            sheet.notes.append(
                f"{odd:,} of {total:,} rows have more or fewer cells than the header; all were kept"
            )
        return width

    def _type(self, name: str, sheet: Sheet, header: Row) -> None:
        looks = [infer.look(self.con, RAW, f"c{i}") for i in range(len(header))]
        taken: set[str] = set()
        picked = []
        for i, (label, value) in enumerate(
            zip(header, infer.select(looks, sheet.comma_decimals), strict=True)
        ):
            if not label and self._nothing_in(f"c{i}"):
                continue  # the empty columns that spreadsheets leave at the right edge
            column = identifier(label or "", f"column_{i + 1}", taken)
            taken.add(column.lower())
            picked.append(f"{value} AS {quoted(column)}")
        self.con.execute(f"CREATE TABLE {quoted(name)} AS SELECT {', '.join(picked)} FROM {RAW}")  # noqa: S608

    def _nothing_in(self, column: str) -> bool:
        return not self.con.execute(f"SELECT count({column}) FROM {RAW}").fetchone()[0]  # noqa: S608


def _clean(row: Row, most: int, sheet: Sheet) -> Row:
    """Spaces around a cell mean nothing, and an empty cell is none."""
    cut = [v.strip().replace("\0", "")[:most] or None if v else None for v in row]
    note = f"cells of more than {most:,} characters were cut"
    if note not in sheet.notes and any(v and len(v) == most for v in cut):
        sheet.notes.append(note)
    return cut


def _header(head: list[Row], sheet: Sheet) -> tuple[Row, int]:
    """The header and how many rows lie before the data: the first row that is at least half as wide as the
    widest near it (titles stand above), unless it holds numbers: then the columns are numbered."""
    filled = [sum(1 for v in row if v) for row in head]
    at = next(i for i, n in enumerate(filled) if n * 2 >= max(filled))
    if at:
        sheet.notes.append(f"{at} line(s) above the header were left out")
    header = head[at]
    numeric = sum(1 for v in header if v and _is_number(v))
    if numeric * 2 > filled[at] and len(head) > at + 1:
        sheet.notes.append("there is no header, so the columns are numbered")
        return [f"column_{i + 1}" for i in range(len(header))], at
    while header and not header[-1]:
        header = header[:-1]
    return header, at + 1


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        float(text.replace(",", "."))
        return True
    return False

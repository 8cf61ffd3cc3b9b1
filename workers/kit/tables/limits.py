"""What a file and a query may cost, in one place, and the two ways in which they are turned down.

The sizes are for a bot that shares a small machine: a million cells of CSV took three to four seconds and
150 MB on two busy cores, and the same in XLSX ten times as long. A file over a cap is refused rather than
cut short, because a total over half a table is worse than none.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MB = 1024 * 1024
KINDS = "CSV, TSV, XLSX, JSON and Parquet"
TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")
SUFFIXES = (*TEXT_SUFFIXES, *JSON_SUFFIXES, *EXCEL_SUFFIXES, ".parquet")


class Unreadable(Exception):
    """A file, or what is in it, cannot be taken. Its text is a sentence for everybody in the thread."""


class Refused(Exception):
    """A query or a chart cannot be made. Its text is for the model, which may try again."""


class Limits(BaseModel):
    model_config = ConfigDict(frozen=True)

    # files
    files: int = 10
    file_bytes: int = 50 * MB
    cells: int = 1_000_000  # of all tables together
    columns: int = 500
    cell_chars: int = 32_767  # Excel's own limit; what is longer is cut, and said
    sheets: int = 5
    # a workbook is a zip archive
    entries: int = 2_000
    unpacked_bytes: int = 300 * MB
    ratio: int = 250  # unpacked to packed; honest sheets stay below 50
    # answers
    result_rows: int = 5_000  # kept in the child, for the chart and the CSV
    shown_rows: int = 100  # a Slack table block takes this many,
    shown_columns: int = 20  # and this many
    shown_chars: int = 300  # of one cell,
    shown_table_chars: int = 9_000  # and of all of them: Slack refuses a table of more than 10,000
    csv_bytes: int = 8 * MB
    frame_bytes: int = 16 * MB  # one message between parent and child
    # the process
    load_seconds: float = 60
    query_seconds: float = 20
    chart_seconds: float = 20  # and the CSV
    cpu_seconds: int = 120  # of the child's whole life
    memory_bytes: int = 1536 * MB  # of address space; DuckDB gets a part
    duckdb_bytes: int = 512 * MB
    write_bytes: int = 1 * MB  # one file: matplotlib's list of fonts, and nothing else is written

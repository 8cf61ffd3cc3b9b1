"""One SELECT, behind DuckDB's own locks. This is the wall; what `lockdown` takes away stands behind it.

The statement was written by a model that read a stranger's file, so: exactly one statement, of the
type SELECT, by DuckDB's own parser; table functions only from a short list, by the parsed tree; no files,
no network, no extensions, no variables of this Python, no temporary files, configuration locked; inside a
transaction that is read-only (a CTE may hold an INSERT since DuckDB 2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from workers.kit.tables.limits import MB, Limits, Refused
from workers.kit.tables.names import quoted

FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}


@dataclass(frozen=True)
class Rows:
    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    more: bool  # there were more than the cap
    reads: list[str]  # the names behind FROM and JOIN, in lower case


def connect(limits: Limits) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": f"{limits.duckdb_bytes // MB}MiB",
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
        },
    )
    with suppress(duckdb.Error):  # DuckDB 2 starts eight more threads; earlier ones do not know the setting
        con.execute("SET async_threads = 0")
    con.execute("SET TimeZone = 'UTC'")
    return con


def lock(con: duckdb.DuckDBPyConnection) -> None:
    """No way back from here: files must have been loaded."""
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def run(con: duckdb.DuckDBPyConnection, sql: str, limits: Limits) -> Rows:
    """Raises `Refused` with a text that helps a model to do better."""
    try:
        inner, reads = _single_select(con, sql)
        con.execute("BEGIN TRANSACTION READ ONLY")
        try:
            return _fetch(con, inner, reads, limits)
        finally:
            with suppress(duckdb.Error):
                con.execute("ROLLBACK")
    except duckdb.OutOfMemoryException as error:
        raise Refused("The query needs too much memory. Join on a key, or aggregate earlier.") from error
    except (duckdb.Error, ValueError, OverflowError, RecursionError, UnicodeError) as error:
        raise Refused(str(error)[:600]) from error


def _single_select(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, list[str]]:
    statements = con.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise Refused("Write exactly one statement, and let it be a SELECT (WITH … SELECT is fine).")
    text = str(statements[0].query).strip().rstrip(";")
    found = con.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    tree = json.loads(found[0]) if found else {"error": True}
    if tree.get("error"):
        raise Refused("Write a plain SELECT.")
    sources = list(_sources(tree))
    for kind, name in sources:
        if kind == "TABLE_FUNCTION" and name.lower() not in FUNCTIONS:
            raise Refused(f"The function {name} is not available. Read from the tables only.")
    return text, sorted({name.lower() for kind, name in sources if kind == "BASE_TABLE"})


def _sources(node: Any) -> Iterator[tuple[str, str]]:
    """What the statement reads from. Not recursive: the tree's depth is the statement's."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case dict() as item:
                if item.get("type") == "TABLE_FUNCTION":
                    yield "TABLE_FUNCTION", str((item.get("function") or {}).get("function_name", ""))
                elif item.get("type") == "BASE_TABLE":
                    yield "BASE_TABLE", str(item.get("table_name", ""))
                waiting.extend(item.values())
            case list() as items:
                waiting.extend(items)
            case _:
                pass


def _fetch(con: duckdb.DuckDBPyConnection, inner: str, reads: list[str], limits: Limits) -> Rows:
    """Positional names in between: a result may have one name twice. Times with a zone come as text
    (as Python values they need a library that we do not have)."""
    described = con.execute(f"DESCRIBE SELECT * FROM ({inner}\n)").fetchall()  # noqa: S608 -- checked above
    if len(described) > limits.columns:
        raise Refused(f"The result has {len(described):,} columns; select fewer.")
    aliases = [f"c{i}" for i in range(len(described))]
    wanted = [
        f"CAST({a} AS VARCHAR)" if "WITH TIME ZONE" in d[1] else a
        for a, d in zip(aliases, described, strict=True)
    ]
    con.execute(
        f"SELECT {', '.join(wanted)} FROM ({inner}\n) AS r({', '.join(map(quoted, aliases))})"  # noqa: S608
        f" LIMIT {limits.result_rows + 1}"
    )
    rows = con.fetchmany(limits.result_rows + 1)
    return Rows(
        [d[0] for d in described],
        [d[1] for d in described],
        rows[: limits.result_rows],
        len(rows) > limits.result_rows,
        reads,
    )

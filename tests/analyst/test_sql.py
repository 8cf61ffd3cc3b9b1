"""What a model may make DuckDB do: read the loaded tables, and nothing else."""

from __future__ import annotations

import pytest
from duckdb import DuckDBPyConnection, Error

from workers.kit.tables.limits import Limits, Refused
from workers.kit.tables.sql import connect, lock, run

ATTACKS = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/etc/hosts.csv'",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM 'http://127.0.0.1/x.csv'",
    "SELECT * FROM read_csv('https://127.0.0.1/x.csv')",
    "SELECT * FROM 's3://bucket/x.parquet'",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM arrow_scan(1, 1, 1)",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM pragma_user_agent()",
    "SELECT * FROM checkpoint()",
    "SELECT getenv('HOME')",
    "SELECT * FROM secret_of_python",
    "COPY (SELECT 1) TO '/tmp/analyst-was-here'",
    "COPY t FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/analyst-was-here'",
    "IMPORT DATABASE '/tmp'",
    "ATTACH '/tmp/analyst-was-here.db'",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "PRAGMA version",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "SET threads = 8",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SET VARIABLE x = 1",
    "CREATE TABLE x AS SELECT 1",
    "CREATE SECRET s (TYPE s3)",
    "CREATE MACRO f(x) AS x",
    "INSERT INTO t VALUES (1)",
    "WITH x AS (INSERT INTO t VALUES (9) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    "UPDATE t SET a = 0",
    "DELETE FROM t",
    "DROP TABLE t",
    "PREPARE p AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "BEGIN",
    "SELECT 1; DROP TABLE t",
    "SELECT 1) UNION (SELECT 2",
    "SELECT",
    "",
    "-- only a comment",
    "not sql at all",
]


@pytest.fixture(scope="module")
def con() -> DuckDBPyConnection:
    """A table `t` of one row, behind the lock."""
    con = connect(Limits())
    con.execute("CREATE TABLE t AS SELECT 1 AS a")
    lock(con)
    return con


@pytest.mark.parametrize("attack", ATTACKS)
def test_all_but_reading_the_tables_is_refused(con: DuckDBPyConnection, attack: str) -> None:
    secret_of_python = [(1,)]  # DuckDB's Python client would find it by its name
    with pytest.raises(Refused):
        run(con, attack, Limits())
    assert run(con, "SELECT * FROM t", Limits()).rows == secret_of_python


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '/tmp/analyst-was-here'",
        "ATTACH '/tmp/analyst-was-here.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '100GB'",
        "SET temp_directory = '/tmp'",
        "FROM 'http://127.0.0.1/x.csv'",
    ],
)
def test_duckdb_itself_refuses_even_where_no_statement_is_checked(con: DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(Error):
        con.execute(sql)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT a FROM t;", [(1,)]),
        ("WITH x AS (SELECT a + 1 AS b FROM t) SELECT b FROM x -- a remark", [(2,)]),
        ("SELECT a, a FROM t", [(1, 1)]),
        ("SELECT i FROM range(3) r(i) ORDER BY i DESC", [(2,), (1,), (0,)]),
        ("FROM t", [(1,)]),
        ("SELECT unnest([1, 2])", [(1,), (2,)]),
        ("SELECT TIMESTAMPTZ '2026-01-01 00:00:00+02'", [("2025-12-31 22:00:00+00",)]),
        ("SELECT count(*) FILTER (WHERE a = 1), list(a) FROM t", [(1, [1])]),
    ],
)
def test_a_select_is_answered(con: DuckDBPyConnection, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert run(con, sql, Limits()).rows == rows


def test_a_long_result_is_cut_at_the_cap(con: DuckDBPyConnection) -> None:
    found = run(con, "SELECT * FROM range(1000000000)", Limits(result_rows=7))
    assert (len(found.rows), found.more) == (7, True)


def test_a_result_says_which_tables_it_was_read_from(con: DuckDBPyConnection) -> None:
    assert run(con, "WITH x AS (SELECT a FROM T) SELECT * FROM x", Limits()).reads == ["t", "x"]
    assert run(con, "SELECT 1", Limits()).reads == []


def test_an_error_tells_the_model_what_to_mend(con: DuckDBPyConnection) -> None:
    with pytest.raises(Refused, match='"a"'):
        run(con, "SELECT b FROM t", Limits())
    with pytest.raises(Refused, match="too much memory"):
        run(con, "SELECT list(i) FROM range(400000000) r(i)", Limits())

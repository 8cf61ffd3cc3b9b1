"""The child process: what it may not do, and that it is gone whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.analyst.fakes import SALES
from tests.analyst.test_sql import ATTACKS
from workers import WorkerError
from workers.kit.tables.limits import MB, Limits, Refused
from workers.kit.tables.session import open_tables

OUR_NETWORK = Path("/proc/self/ns/net")
MARK = Path("/tmp/analyst-was-here")
FOREVER = "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r"
HUGE = "SELECT sum(hash(a.i, b.i) % 7) FROM range(10000000) a(i), range(10000000) b(i)"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- another process changes it, and tells nobody
            await asyncio.sleep(0.02)


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("delegate-tables-*"))


async def test_a_child_loads_asks_draws_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = folders()
    (tmp_path / "f").write_text(SALES)
    async with open_tables() as session:
        (table,) = await session.load(str(tmp_path / "f"), "Sales.csv")
        assert [c.type for c in table.columns] == ["VARCHAR", "DOUBLE", "DATE"]
        assert table.columns[0].values == ("Nord", "Süd")
        found = await session.query("SELECT Region, sum(Umsatz_EUR) AS s FROM sales GROUP BY 1 ORDER BY 1")
        assert found.rows == (("Nord", "1234.56"), ("Süd", "12.5"))
        assert (await session.chart("bar", "Region", "nonsense", "$5 and $6")).startswith(
            b"\x89PNG\r\n\x1a\n"
        )
        assert (await session.chart("line", "Region", "s", "")).startswith(b"\x89PNG\r\n\x1a\n")
        await session.query("SELECT '=1+1' AS a, -5 AS \"=b\", '-x' AS c, NULL AS d, 0.1 + 0.2::DOUBLE AS e")
        data, rows = await session.csv()
        assert data.decode("utf-8-sig").splitlines() == ["a,'=b,c,d,e", "'=1+1,-5,'-x,,0.30000000000000004"]
        assert rows == 1
        with pytest.raises(Refused, match="two points"):
            await session.chart("bar", "a", "e", "")
    assert not alive(session.pid)
    assert folders() <= before


async def test_every_attack_is_refused_by_the_real_child_and_it_works_on(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a,b\n1,x\n")
    async with open_tables() as session:
        await session.load(str(tmp_path / "f"), "t.csv")
        for attack in ATTACKS:
            with pytest.raises(Refused):
                await session.query(attack)
        assert (await session.query("SELECT * FROM t")).rows == (("1", "x"),)
    assert not MARK.exists()  # noqa: ASYNC240


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
async def test_the_child_has_no_secrets_no_network_and_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-in-the-environment")
    async with open_tables() as session:
        proc = Path(f"/proc/{session.pid}")
        try:
            environment = (proc / "environ").read_bytes()
        except PermissionError:  # it made itself unreadable, even for us
            environment = b""
        assert b"canary" not in environment
        limits = (proc / "limits").read_text()
        assert str(Limits().memory_bytes) in limits
        status = (proc / "status").read_text()
        assert "NoNewPrivs:\t1" in status
        if session.offline and os.geteuid() == 0:
            assert (proc / "ns/net").readlink() != OUR_NETWORK.readlink()  # noqa: ASYNC240


@pytest.mark.parametrize("sql", [FOREVER, HUGE])
async def test_a_query_without_end_is_killed_in_time(sql: str) -> None:
    async with open_tables(Limits(query_seconds=0.4)) as session:
        began = time.monotonic()
        with pytest.raises(WorkerError, match=r"more than 0\.4 seconds and was stopped"):
            await session.query(sql)
        assert time.monotonic() - began < 3.4
        assert not alive(session.pid)


async def test_the_deadline_of_the_task_counts_too() -> None:
    async with open_tables(seconds_left=1.5) as session:
        began = time.monotonic()
        with pytest.raises(WorkerError, match="was stopped"):
            await session.query(HUGE)
        assert time.monotonic() - began < 4.5


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(i) FROM range(100000000) r(i)",
        "SELECT repeat('x', 2000000000)",
        "SELECT repeat('x', 60000000) AS a FROM range(50)",
        "SELECT a.i, count(*) FROM range(40000000) a(i) GROUP BY 1 ORDER BY 2",
    ],
)
async def test_a_memory_bomb_ends_in_a_sentence(sql: str) -> None:
    tight = Limits(memory_bytes=600 * MB, duckdb_bytes=100 * MB, query_seconds=8)
    async with open_tables(tight) as session:
        with pytest.raises((Refused, WorkerError), match=r"memory|was stopped"):
            await session.query(sql)


async def test_a_child_that_is_killed_is_a_sentence() -> None:
    async with open_tables() as session:
        asking = asyncio.create_task(session.query(HUGE))
        await asyncio.sleep(0.1)
        os.kill(session.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="stopped unexpectedly"):
            await asking
        with pytest.raises(WorkerError, match="stopped unexpectedly"):
            await session.query("SELECT 1")


async def test_a_cancelled_task_takes_its_child_along() -> None:
    pids: list[int] = []

    async def work() -> None:
        async with open_tables() as session:
            pids.append(session.pid)
            await session.query(HUGE)

    task = asyncio.create_task(work())
    await until(lambda: bool(pids))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pids[0])


async def test_a_child_dies_with_its_parent_in_the_middle_of_a_query(tmp_path: Path) -> None:
    script = f"""
import asyncio, tempfile
from workers.kit.tables.session import open_tables
tempfile.tempdir = {str(tmp_path)!r}  # a process that is killed cannot tidy up
async def main():
    async with open_tables() as session:
        asking = asyncio.create_task(session.query({HUGE!r}))
        await asyncio.sleep(0.1)
        print(session.pid, flush=True)
        await asking
asyncio.run(main())"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert alive(pid)
    process.kill()
    await process.wait()
    await until(lambda: not alive(pid) or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])


async def test_an_answer_larger_than_agreed_is_not_read() -> None:
    async with open_tables(Limits(frame_bytes=2_000)) as session:
        with pytest.raises(WorkerError, match="cannot be used"):
            await session.query("SELECT repeat('x', 200) FROM range(100)")
        assert not alive(session.pid)


async def test_what_is_shown_is_capped_and_the_rest_is_in_the_csv() -> None:
    wide = ", ".join(f"i AS c{n}" for n in range(30))
    async with open_tables(Limits(result_rows=400)) as session:
        found = await session.query(f"SELECT {wide} FROM range(1000) r(i)")
        assert (len(found.rows), len(found.columns)) == (100, 20)
        assert (found.row_count, found.column_count, found.more) == (400, 30, True)
        assert (await session.csv())[1] == 400
        found = await session.query("SELECT repeat('long ', 1000) AS t FROM range(50)")
        assert sum(len(c) for row in found.rows for c in row) <= 9_000
        assert found.row_count == 50


async def test_many_children_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    async def one(number: int) -> str:
        path = tmp_path / str(number)
        path.write_text(f"a,b\n{number},x\n")
        async with open_tables() as session:
            await session.load(str(path), "t.csv")
            return (await session.query("SELECT a FROM t")).rows[0][0]

    work: list[Awaitable[str]] = [one(n) for n in range(3)]
    assert await asyncio.gather(*work) == ["0", "1", "2"]

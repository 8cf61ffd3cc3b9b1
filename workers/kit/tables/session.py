"""The worker's side of the child: starts it, asks it, and ends it whatever happens.

A child is not trusted: its answers are validated and capped, it gets a time limit for every request, and
its whole process group is killed on a limit, on cancellation and at the end. It inherits nothing of this
process's environment. Knows no table format and no SQL; imports none of the libraries that do.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import shutil
import signal
import sys
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

import workers
from workers import WorkerError
from workers.kit.tables.limits import MB, Limits, Refused

T = TypeVar("T")


class Column(BaseModel):
    name: str
    type: str
    values: tuple[str, ...] = ()  # all of them, where a column of text has few


class Loaded(BaseModel):
    """One table, as a model may be told about it."""

    name: str
    file: str
    rows: int
    columns: tuple[Column, ...]
    sample: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


class Found(BaseModel):
    """A result, as far as it is shown. The whole of it stays in the child for `chart` and `csv`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_count: int
    column_count: int
    more: bool = False  # there are more than `row_count`, and nobody counted them
    reads: tuple[str, ...] = ()  # the tables that the query names, in lower case


class Session:
    """One child. `offline` says whether the system let it give up the network."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits, seconds_left: float) -> None:
        self._process, self._limits = process, limits
        self._ends = asyncio.get_running_loop().time() + seconds_left
        self.offline = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def load(self, path: str, name: str) -> tuple[Loaded, ...]:
        """Raises `WorkerError` with the reason when the file cannot be read."""
        late = f"Reading {name} took too long and was stopped. Please attach a smaller table."
        found = await self._ask({"do": "load", "path": path, "name": name}, self._limits.load_seconds, late)
        return _valid(TypeAdapter(tuple[Loaded, ...]), found)

    async def query(self, sql: str) -> Found:
        """Raises `Refused` with a text for the model, `WorkerError` when the child had to be ended."""
        seconds = self._limits.query_seconds
        late = (
            f"The query ran for more than {seconds:g} seconds and was stopped. "
            "Please ask for less at once, or attach a smaller table."
        )
        return _valid(TypeAdapter(Found), await self._ask({"do": "query", "sql": sql}, seconds, late))

    async def chart(self, kind: str, x: str, y: str, title: str) -> bytes:
        """A PNG of the last result. Raises `Refused` when there is nothing to draw."""
        wish = {"do": "chart", "kind": kind, "x": x, "y": y, "title": title}
        late = "Drawing the chart took too long and was stopped."
        return b64decode(_valid(TypeAdapter(str), await self._ask(wish, self._limits.chart_seconds, late)))

    async def csv(self) -> tuple[bytes, int]:
        """The last result as a file without live formulas, and how many of its rows are in it."""
        late = "Writing the CSV took too long and was stopped."
        found = await self._ask({"do": "csv"}, self._limits.chart_seconds, late)
        valid = _valid(TypeAdapter(dict[str, str | int]), found)
        return b64decode(str(valid["data"])), int(valid["rows"])

    async def start(self) -> None:
        hello = await self._ask(
            self._limits.model_dump(), self._limits.load_seconds, "The table process did not start in time."
        )
        self.offline = bool(_valid(TypeAdapter(dict[str, bool]), hello).get("offline"))

    async def end(self) -> None:
        """Kills the group and waits until nothing is left of it. Can be called twice."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is not None:
            stdin.close()
        while stdout is not None and await stdout.read(MB):  # so that the pipe, too, is closed
            pass
        await self._process.wait()

    async def _ask(self, request: Mapping[str, Any], seconds: float, late: str) -> Any:
        left = self._ends - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(min(seconds, left), 0)):
                answer = await self._exchange(request)
        except TimeoutError:
            await self.end()
            raise WorkerError(late) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.end()
            raise WorkerError(self._why()) from None
        except (ValueError, RecursionError):
            await self.end()
            raise WorkerError(
                "The table process gave an answer that cannot be used, and was stopped."
            ) from None
        if "ok" in answer:
            return answer["ok"]
        text = str(answer.get("text", ""))
        if answer.get("error") == "query":
            raise Refused(text)
        if answer.get("error") == "file":
            raise WorkerError(text)
        raise WorkerError(f"The tables could not be worked on, through a fault of mine ({text}).")

    async def _exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        body = json.dumps(request).encode()
        stdin.write(len(body).to_bytes(4, "big") + body)
        await stdin.drain()
        size = int.from_bytes(await stdout.readexactly(4), "big")
        if size > self._limits.frame_bytes:
            raise ValueError(size)
        answer = json.loads(await stdout.readexactly(size))
        if not isinstance(answer, dict):
            raise ValueError(type(answer))
        return answer

    def _why(self) -> str:
        if self._process.returncode == -signal.SIGXCPU:
            return "The tables took more computing time than I may use. Please attach a smaller table."
        return (
            "The process that reads tables stopped unexpectedly, most likely because the data needs more "
            "memory than it may use. Please attach a smaller table, or ask for less at once."
        )


def _valid(kind: TypeAdapter[T], value: Any) -> T:
    try:
        return kind.validate_python(value)
    except ValidationError:
        raise WorkerError("The table process gave an answer that cannot be used.") from None


@asynccontextmanager
async def open_tables(
    limits: Limits | None = None, seconds_left: float = float("inf")
) -> AsyncIterator[Session]:
    """A child that is ready, and gone when the block is left. `seconds_left` bounds all of its work."""
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="delegate-tables-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-s", "-m", "workers.kit.tables.child", str(os.getpid())),
            cwd=folder,
            env=_environment(folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        session = Session(process, limits, seconds_left)
        try:
            await session.start()
            yield session
        finally:
            await session.end()


def _environment(folder: str) -> dict[str, str]:
    """All of it: nothing is handed on, so no key of this process can be read there."""
    return {
        "PYTHONPATH": str(Path(workers.__file__).parents[1]),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "HOME": folder,
        "TMPDIR": folder,
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": _font_list(),
        "MPLBACKEND": "agg",
        "OPENPYXL_LXML": "False",  # Python's own XML parser, which knows no external entities
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


@cache
def _font_list() -> str:
    """Where matplotlib keeps its list of fonts, a second's work: once for all children."""
    folder = tempfile.mkdtemp(prefix="delegate-fonts-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder

"""The locked-down process: `python -m workers.kit.tables.child <parent's pid>`, started by `session` only.

Frames of JSON on stdin and stdout, four bytes of length before each; the first carries the limits. One
answer per request: `{"ok": …}` or `{"error": "file" | "query" | "broken", "text": …}`. Dies with its parent.
Whatever a library prints goes nowhere, since stdout is the wire.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.kit.tables.limits import MB, Limits, Refused, Unreadable
from workers.kit.tables.lockdown import lock_down, no_more_processes


class Desk:
    """What the parent may ask for. Files first; the first query locks the door behind them."""

    def __init__(self, limits: Limits) -> None:
        # after the lock-down: the libraries are part of what is locked in
        from workers.kit.tables import sql
        from workers.kit.tables.fill import Tables

        self.limits, self.sql = limits, sql
        self.con = sql.connect(limits)
        self.tables = Tables(self.con, limits)
        self.locked = False
        self.result: sql.Rows | None = None
        self.linked = 0

    def load(self, path: str, name: str) -> list[dict[str, Any]]:
        from workers.kit.tables import read
        from workers.kit.tables.excel import excel_sheets

        if self.locked:
            raise Unreadable("Files are loaded before the first query.")
        with Path(path).open("rb") as file:
            data = file.read(self.limits.file_bytes + 1)
        if len(data) > self.limits.file_bytes:
            raise Unreadable(f"{name} is larger than {self.limits.file_bytes // MB} MB, which is all I take.")
        kind = read.kind_of(name, data)
        if kind == "parquet":
            self.linked += 1
            link = Path(f"{self.linked}.parquet")  # a path that people named could hold wildcards
            link.unlink(missing_ok=True)
            link.symlink_to(Path(path).absolute())
            return [self.tables.add_parquet(name, link)]
        if kind == "excel":
            sheets = excel_sheets(name, data, self.limits)
        elif kind == "json":
            sheets = read.json_sheets(name, data)
        else:
            sheets = [read.delimited(name, data, self.limits)]
        found = [table for sheet in sheets if (table := self.tables.add(name, sheet))]
        if not found:
            raise Unreadable(f"{name} has no rows below its header, so there is nothing to analyse.")
        return found

    def query(self, sql: str) -> dict[str, Any]:
        from workers.kit.tables.cells import one_line, shown

        if not self.locked:
            self.sql.lock(self.con)
            self.locked = True
        self.result = result = self.sql.run(self.con, sql, self.limits)
        width, most = self.limits.shown_columns, self.limits.shown_chars
        columns = [one_line(c, 80) for c in result.columns[:width]]
        rows, room = [], self.limits.shown_table_chars - sum(map(len, columns))
        for values in result.rows[: self.limits.shown_rows]:
            rows.append([shown(v, most) for v in values[:width]])
            room -= sum(map(len, rows[-1]))
            if room < 0 and len(rows) > 1:
                rows.pop()
                break
        return {
            "columns": columns,
            "rows": rows,
            "row_count": len(result.rows),
            "column_count": len(result.columns),
            "more": result.more,
            "reads": result.reads,
        }

    def chart(self, kind: str, x: str, y: str, title: str) -> str:
        from base64 import b64encode

        from workers.kit.tables.chart import draw

        if self.result is None:
            raise Refused("There is no result to draw.")
        return b64encode(draw(self.result, kind, x, y, title)).decode()

    def csv(self) -> dict[str, Any]:
        from base64 import b64encode

        from workers.kit.tables.cells import csv_bytes

        if self.result is None:
            raise Refused("There is no result to write.")
        data, rows = csv_bytes(self.result.columns, self.result.rows, self.limits.csv_bytes)
        return {"data": b64encode(data).decode(), "rows": rows}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        import duckdb

        do = request.pop("do")
        try:
            work: dict[str, Callable[..., Any]] = {
                "load": self.load,
                "query": self.query,
                "chart": self.chart,
                "csv": self.csv,
            }
            return {"ok": work[do](**request)}
        except Unreadable as error:
            return {"error": "file", "text": str(error)}
        except Refused as error:
            return {"error": "query", "text": str(error)}
        except (MemoryError, duckdb.OutOfMemoryException):
            if do == "load":
                return {"error": "file", "text": f"{request['name']} needs more memory than I may use."}
            return {"error": "query", "text": "The query needs too much memory. Aggregate earlier."}
        except Exception as error:  # a bug here must reach the parent as a sentence, not as a dead child
            return _broken(error)


def main() -> None:
    wire = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    first = _read(sys.stdin.buffer)
    if first is None:
        return
    limits = Limits.model_validate(first)
    offline = lock_down(limits, int(sys.argv[1]))
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests,), daemon=True).start()
    try:
        desk = Desk(limits)
    except Exception as error:
        _write(wire, _broken(error))
        os._exit(1)  # not by returning: the thread holds stdin
    no_more_processes()
    _write(wire, {"ok": {"offline": offline}})
    while True:
        _write(wire, desk.answer(requests.get()))


def _broken(error: Exception) -> dict[str, Any]:
    return {"error": "broken", "text": f"{type(error).__name__}: {error}"[:300]}


def _receive(requests: queue.SimpleQueue[dict[str, Any]]) -> None:
    """A thread of its own, so that a closed stdin ends this process in the middle of a query too."""
    while (request := _read(sys.stdin.buffer)) is not None:
        requests.put(request)
    os._exit(0)


def _read(stream: Any) -> dict[str, Any] | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    body: dict[str, Any] = json.loads(stream.read(int.from_bytes(head, "big")))
    return body


def _write(stream: Any, frame: dict[str, Any]) -> None:
    body = json.dumps(frame).encode()
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


if __name__ == "__main__":
    main()

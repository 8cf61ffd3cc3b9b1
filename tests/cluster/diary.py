"""What workers of the crew did, in a file that outlives their process: a line for each thing, in order."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    what: str
    name: str
    pid: int


def write(path: str | Path, what: str, name: str) -> None:
    line = json.dumps({"what": what, "name": name, "pid": os.getpid()}) + "\n"
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(opened, line.encode())
    finally:
        os.close(opened)


def read(path: Path, what: str = "", name: str = "") -> list[Entry]:
    if not path.exists():
        return []
    entries = (Entry(**json.loads(line)) for line in path.read_text().splitlines())
    return [e for e in entries if what in ("", e.what) and name in ("", e.name)]

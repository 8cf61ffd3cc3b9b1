"""`python -m tests.schedules.table`: runs per slot of each scenario, on both databases."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bot import database
from tests.schedules.scenarios import SCENARIOS, played
from tests.services import postgres_database

COLUMNS = ("slots due", "runs", "left out, said", "doubled", "missing", "not due")


@contextmanager
def sqlite_database() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/delegate.db"


def main() -> None:
    write = sys.stdout.write
    write(f"| {'scenario':46} | {'database':8} | {' | '.join(COLUMNS)} |\n")
    write(f"|{'-' * 48}|{'-' * 10}|{'|'.join('-' * (len(c) + 1) + ':' for c in COLUMNS)}|\n")
    with sqlite_database() as sqlite, postgres_database() as postgres:
        for url in (sqlite, postgres):
            database.upgrade(url)
        for scenario in SCENARIOS:
            for name, url in (("sqlite", sqlite), ("postgres", postgres)):
                it = asyncio.run(played(scenario, url))
                figures = (it.due, it.runs, it.said, it.doubled, it.missing, it.wrong)
                cells = " | ".join(f"{n:{len(c)}}" for n, c in zip(figures, COLUMNS, strict=True))
                write(f"| {scenario.name:46} | {name:8} | {cells} |\n")


if __name__ == "__main__":
    main()

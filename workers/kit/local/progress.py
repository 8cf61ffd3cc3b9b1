"""How far a download is, for whoever watches: a bar on a terminal, a line every tenth elsewhere, or nothing.

It does not know what is downloaded, and it is never the reason that something fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Progress = Callable[[int, int, str], None]  # bytes done, bytes in all (0: unknown), what is going on


def quiet(done: int, total: int, what: str) -> None:
    """Watch nothing."""


def size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


@contextmanager
def shown(stream: TextIO = sys.stderr) -> Iterator[Progress]:
    """Show progress on `stream`: a bar where a person looks on, simple lines where it is a log."""
    if not stream.isatty():
        yield _lines(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(file=stream), transient=True) as bar:
        tasks: dict[str, int] = {}

        def report(done: int, total: int, what: str) -> None:
            if not _is_step(what):
                bar.console.print(what, highlight=False, markup=False)
                return
            if what not in tasks:
                for old in tasks.values():
                    bar.update(old, visible=False)  # type: ignore[arg-type]
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        yield report


def _lines(stream: TextIO) -> Progress:
    last: tuple[str, int] | None = None

    def report(done: int, total: int, what: str) -> None:
        nonlocal last
        tenth = done * 10 // total if total else 0
        if last == (what, tenth):
            return
        last = (what, tenth)
        of = f": {size(done)} of {size(total)}" if total and _is_step(what) else ""
        stream.write(f"{what}{of}\n")
        stream.flush()

    return report


def _is_step(what: str) -> bool:
    return what in {"Fetching the local model", "Checking the local model"}

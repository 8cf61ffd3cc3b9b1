"""Named points at which a test kills this process for real (`SIGKILL`), to see that nothing is lost.

Costs a call of an empty function otherwise. It does not know what the points mean; each stands where the
code says why.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

Crash = Callable[[str], None]


def no_crash(point: str) -> None:
    """What every process but a test's runs with."""


def crash_at(wanted: str) -> Crash:
    """Kills at the named point. `"K5:2"`: at the second time that this process passes it. `"K5@FOLDER:2"`:
    whoever passes it, two times in all, over all processes that name this folder, and over their restarts.
    Empty: never."""
    if not wanted:
        return no_crash
    name, shared, where = wanted.partition("@")
    if shared:
        folder, _, times = where.rpartition(":")
        return _among_many(name, Path(folder), int(times))
    name, _, times = wanted.partition(":")
    left = int(times or 1)

    def crash(point: str) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                _die()

    return crash


def _among_many(name: str, folder: Path, times: int) -> Crash:
    def crash(point: str) -> None:
        if point != name:
            return
        for number in range(times):
            try:
                (folder / f"{name}.{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            _die()

    return crash


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

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
    """Kills at the named point, whenever it is passed. `"@FOLDER"`: of many processes and their restarts,
    whoever passes a point takes a file named for it (`K5.1`, `K5.2`) out of that folder, and dies. Empty:
    never."""
    if not wanted:
        return no_crash
    folder = Path(wanted.removeprefix("@")) if wanted.startswith("@") else None

    def crash(point: str) -> None:
        if _taken(point, folder) if folder else point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return crash


def _taken(point: str, folder: Path) -> bool:
    for armed in folder.glob(f"{point}.*"):
        try:
            armed.unlink()
        except FileNotFoundError:  # another process was first
            continue
        return True
    return False

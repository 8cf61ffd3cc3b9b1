"""Named points at which a test kills this process for real (`SIGKILL`), to see that nothing is lost.

Costs a call of an empty function otherwise. It does not know what the points mean; each stands where the
code says why.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

Crash = Callable[[str], None]


def no_crash(point: str) -> None:
    """What every process but a test's runs with."""


def crash_at(wanted: str) -> Crash:
    """Kills at the named point; `"K5:2"` at the second time it is passed. Empty: never."""
    if not wanted:
        return no_crash
    name, _, times = wanted.partition(":")
    left = int(times or 1)

    def crash(point: str) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return crash

"""What every process of ours does around its work: an event loop (uvloop's where there is one), and an end
when it is told to.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

ECHO_SECONDS = 0.5  # a terminal and whoever started us may both pass on the same Ctrl-C


def run(work: Coroutine[Any, Any, None], *, last: bool = False) -> None:
    """`last`: the process is gone when the work ends. Nothing of ours is left to be done then; Python would
    tidy up libraries for seconds, or wait for one that is being imported."""
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)
        if last:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


def told_to_end() -> asyncio.Event:
    """Set by SIGTERM or Ctrl-C. Whoever says it again means now: the process is gone at once."""
    told, loop, first = asyncio.Event(), asyncio.get_running_loop(), 0.0

    def end() -> None:
        nonlocal first
        if not told.is_set():
            first = loop.time()
            told.set()
        elif loop.time() - first > ECHO_SECONDS:
            os._exit(1)

    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, end)
    return told

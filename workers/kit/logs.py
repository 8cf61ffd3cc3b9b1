"""Logging, configured once by whoever starts a process; libraries never do.

Never message text or secrets at INFO: events carry ids and counts only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any

import structlog

NOISY = ("aiohttp", "aio_pika", "aiormq", "httpx", "taskiq")
SAID_BY_US = (
    "aiormq.connection",
)  # a stack for each try to connect; workers/kit/broker/link.py says it once


def configure(level: str, form: str, noisy: Iterable[str] = ()) -> None:
    """`form`: text or json. `noisy`: libraries whose INFO nobody wants, besides the kit's own."""
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    least = logging.getLevelName(level)
    for name in (*NOISY, *noisy):
        logging.getLogger(name).setLevel(max(logging.WARNING, least))
    for name in SAID_BY_US:
        logging.getLogger(name).setLevel(least if least <= logging.DEBUG else logging.CRITICAL)
    render: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )

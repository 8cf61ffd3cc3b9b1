"""The gate in front of Bolt in HTTP mode: an aiohttp middleware that lets through only what Slack signed.

Bolt parses a body before it checks the signature [run: unsigned junk is a 500 there], so this checks first:
at most 1 MB, HMAC-SHA256 over the raw bytes, a timestamp within 300 s, and only then whether it parses.
Source: docs.slack.dev “Verifying requests from Slack”. Nothing of a refused body is ever logged. A signed
request that is sent twice passes twice; the inbox's keys take it once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bot.ports import Clock

log = structlog.get_logger(__name__)

MAX_BYTES = 1024 * 1024
MAX_AGE_SECONDS = 300
PATH = "/slack/events"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return (
        "v0="
        + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    )


def gate(secret: str, clock: Clock) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware for requests to `PATH`; other paths pass."""

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path != PATH:
            return await handler(request)
        try:
            body = await request.read()  # bounded by the application's client_max_size
        except web.HTTPRequestEntityTooLarge:
            return _refuse(413, "too large")
        if why := _forged(request, body, secret, clock()):
            return _refuse(401, why)
        if request.content_type == "application/json" and not _parses(body):
            return _refuse(400, "not JSON")
        return await handler(request)

    return middleware


def _forged(request: web.Request, body: bytes, secret: str, now: float) -> str:
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        return "no timestamp"
    if abs(now - int(timestamp)) > MAX_AGE_SECONDS:
        return "stale timestamp"
    given = request.headers.get("X-Slack-Signature", "")
    expected = signature(secret, timestamp, body)
    return "" if hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()) else "bad signature"


def _parses(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(status: int, why: str) -> web.Response:
    log.warning("refused a request", status=status, why=why)
    return web.Response(status=status, text=why)

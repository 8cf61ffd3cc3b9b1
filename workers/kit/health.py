"""What a worker service tells over HTTP: that it is alive, whether it takes work, its numbers.

Not known here: what makes it ready, or what the numbers mean.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST


def health_app(missing: Callable[[], str], page: Callable[[], bytes]) -> web.Application:
    """`missing`: a sentence about what keeps it from taking work; empty: nothing does."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_: web.Request) -> web.Response:
        if sentence := missing():
            return web.json_response({"ok": False, "says": sentence}, status=503)
        return web.json_response({"ok": True, "says": "Ready to take work."})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Listens; the port, which is another than `port` where that is 0. Raises `OSError`."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()

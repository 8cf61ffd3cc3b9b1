"""The HTTP server, and who may come in at all. Binds to what it is told, and says its port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from playground.errors import SlackError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
MOST_BYTES = 64 * 1024 * 1024


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only this machine, and no foreign web page: the tokens here are well known, so a page elsewhere could
    otherwise drive the workspace (cross-site requests, DNS rebinding)."""
    host = urlsplit(f"//{request.headers.get('host', '')}").netloc.rsplit(":", 1)[0]
    if host not in LOOPBACK:
        raise web.HTTPForbidden(text="the playground answers to loopback names only")
    origin = request.headers.get("origin")
    if origin is not None and origin != f"http://{request.headers.get('host')}":
        raise web.HTTPForbidden(text="the playground is not for other pages")
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _followed_link(request):
        raise web.HTTPForbidden(text="the playground is not for other pages")
    try:
        return await handler(request)
    except SlackError as error:
        return web.json_response({"ok": False, "error": error.code}, status=404)


def _followed_link(request: web.Request) -> bool:
    """A person who clicks a link to here, or is sent to the authorize page, may come from anywhere."""
    headers = request.headers
    navigates = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return navigates and request.method == "GET" and request.path in ("/", "/oauth/v2/authorize")


class Server:
    """One listening socket. Routes are added before `start`."""

    def __init__(self) -> None:
        self.app = web.Application(middlewares=[guard], client_max_size=MOST_BYTES)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._runner = runner
        await web.TCPSite(runner, host, port).start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

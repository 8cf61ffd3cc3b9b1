"""The HTTP side: Slack's events (in HTTP mode), health, readiness, metrics. Served in Socket Mode too.

`/healthz` says that the process is alive, `/readyz` that it can take work or why not, `/metrics` how much of
it there is. It does not know what an event means.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.health import Health
from bot.ports import CannotStart, Clock
from bot.slack.gate import MAX_BYTES, PATH, gate
from bot.watch import UNWATCHED, Watch
from workers.kit.health import serving

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def web_app(
    bolt: AsyncApp | None,
    secret: str,
    clock: Clock,
    *,
    health: Health,
    metrics: Callable[[], Awaitable[bytes]],
    watch: Watch = UNWATCHED,
) -> web.Application:
    """With `bolt` Slack's events come in here, signed with `secret`. `metrics`: the page that Prometheus
    reads."""
    at_the_door = [_timed(watch), gate(secret, clock)] if bolt else []
    app = web.Application(client_max_size=MAX_BYTES, middlewares=at_the_door)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "says": "This process is alive."})

    async def readyz(_: web.Request) -> web.Response:
        said = await health.readiness()
        return web.json_response(said, status=200 if said["ok"] else 503)

    async def numbers(_: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", numbers)
    if bolt:

        async def events(request: web.Request) -> web.Response:
            answer = await bolt.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(answer)

        app.router.add_post(PATH, events)
    return app


def _timed(watch: Watch) -> Callable[..., Awaitable[web.StreamResponse]]:
    """How soon Slack is answered. What the gate refuses is not Slack's, and does not count."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != PATH:
            return await handler(request)
        began, status = time.perf_counter(), 500
        try:
            answer = await handler(request)
            status = answer.status
            return answer
        finally:
            if status < 400 or status >= 500:
                watch.acked("http", time.perf_counter() - began, ok=status < 400)

    return middleware


async def listening(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> int:
    """Until the stack ends; the port, which is another than `port` where that is 0. Raises `CannotStart`."""
    try:
        return await stack.enter_async_context(serving(app, host, port))
    except OSError as error:
        raise CannotStart(f"Port {port} cannot be used ({error.strerror}). Set PORT to another.") from error

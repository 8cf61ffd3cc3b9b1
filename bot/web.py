"""The HTTP side: Slack's events (in HTTP mode), health, readiness, metrics. Served in Socket Mode too.

`/healthz` says that the process is alive, `/readyz` that it can take work (the database answers, Slack is
connected), `/metrics` how much of it there is. It does not know what an event means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.ports import Clock
from bot.slack.gate import MAX_BYTES, PATH, gate
from bot.store import Counts

Ready = Callable[[], Awaitable[str]]

METRICS = {
    "working": "Runs that are being worked on, or wait for a person",
    "queued": "Runs that wait for their turn in a thread",
    "out": "Steps that are with workers",
    "inbox": "Events acknowledged and not handled yet",
}


def web_app(
    bolt: AsyncApp | None, secret: str, clock: Clock, ready: Ready, counts: Callable[[], Awaitable[Counts]]
) -> web.Application:
    """`ready()` says what is missing (empty: nothing). With `bolt` the events come in here."""
    app = web.Application(client_max_size=MAX_BYTES, middlewares=[gate(secret, clock)] if bolt else [])

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_: web.Request) -> web.Response:
        missing = await ready()
        return web.json_response({"ok": not missing, "missing": missing}, status=503 if missing else 200)

    async def metrics(_: web.Request) -> web.Response:
        registry = CollectorRegistry()
        now = await counts()
        for name, meaning in METRICS.items():
            Gauge(f"delegate_{name}", meaning, registry=registry).set(getattr(now, name))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    if bolt:

        async def events(request: web.Request) -> web.Response:
            answer = await bolt.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(answer)

        app.router.add_post(PATH, events)
    return app

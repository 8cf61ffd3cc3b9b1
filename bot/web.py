"""The HTTP side: Slack's events (in HTTP mode), health, readiness, metrics. Served in Socket Mode too.

`/healthz` says that the process is alive, `/readyz` that it can take work (the database answers), `/metrics`
how much of it there is. It does not know what an event means.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.ports import CannotStart, Clock, StoreDown
from bot.slack.gate import MAX_BYTES, PATH, gate
from bot.store import Store

METRICS = {
    "working": "Runs that are being worked on, or wait for a person",
    "queued": "Runs that wait for their turn in a thread",
    "out": "Steps that are with workers",
    "inbox": "Events acknowledged and not handled yet",
}


def web_app(bolt: AsyncApp | None, secret: str, clock: Clock, store: Store) -> web.Application:
    """With `bolt` Slack's events come in here, signed with `secret`."""
    app = web.Application(client_max_size=MAX_BYTES, middlewares=[gate(secret, clock)] if bolt else [])

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_: web.Request) -> web.Response:
        try:
            await store.ping()
        except StoreDown as error:
            return web.json_response({"ok": False, "missing": str(error)}, status=503)
        return web.json_response({"ok": True})

    async def metrics(_: web.Request) -> web.Response:
        registry = CollectorRegistry()
        try:
            now = await store.counts()
        except StoreDown as error:
            return web.Response(status=503, text=str(error))
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


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Listens; the port, which is another than `port` where that is 0. Raises `CannotStart`."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    except OSError as error:
        raise CannotStart(f"Port {port} cannot be used ({error.strerror}). Set PORT to another.") from error
    finally:
        await runner.cleanup()

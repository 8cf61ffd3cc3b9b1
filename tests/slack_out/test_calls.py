"""What is known after a call: done, refused, limited, not sent, or unclear."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import Limited, NotSent, Refused, Unclear, call


@contextlib.asynccontextmanager
async def server(status: int, body: str, kind: str, **headers: str) -> AsyncIterator[AsyncWebClient]:
    async def answer(request: web.Request) -> web.Response:
        if status == 0:
            await asyncio.sleep(5)
        return web.Response(status=status or 200, text=body, content_type=kind, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient("xoxb-x", base_url=url, session=session, retry_handlers=[])
    await runner.cleanup()


CASES: list[tuple[int, str, str, type[Exception]]] = [
    (200, '{"ok": false, "error": "is_archived"}', "application/json", Refused),
    (200, '{"ok": false, "error": "fatal_error"}', "application/json", Unclear),
    (200, "<html>", "text/html", Unclear),
    (200, '{"ok": tr', "application/json", Unclear),
    (200, "", "application/json", Unclear),
    (502, "<html>", "text/html", Unclear),
    (503, '{"ok": false, "error": "is_archived"}', "application/json", Unclear),
    (429, '{"ok": false, "error": "ratelimited"}', "application/json", Limited),
    (429, "", "text/plain", Limited),
    (0, "{}", "application/json", Unclear),
]


@pytest.mark.parametrize(("status", "body", "kind", "known"), CASES)
async def test_every_answer_is_one_of_five(status: int, body: str, kind: str, known: type[Exception]) -> None:
    """Only a plain no is a no; what is not understood may have been done."""
    async with server(status, body, kind, **{"Retry-After": "7"}) as client:
        with pytest.raises(known) as caught:
            await call(client.chat_postMessage(channel="C", text="x"), 0.3)
    told: Any = caught.value
    if known is Limited:
        assert (told.seconds, told.method) == (7.0, "chat.postMessage")


async def test_no_connection_is_certainly_not_sent() -> None:
    """Nobody listens: it can be tried again at once."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("x", base_url="http://127.0.0.1:9/api/", session=session, retry_handlers=[])
        with pytest.raises(NotSent):
            await call(client.chat_postMessage(channel="C", text="x"))

"""Events reach the app until it acknowledges them, over sockets and over HTTP."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web as aioweb
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from playground import Playground
from tests.playground.bench import QUICK, Connect, bolt, client, online


async def test_what_nobody_heard_waits_for_the_app(slack: Playground) -> None:
    """No socket, no attempt: the app finds it when it comes."""
    seen: list[str] = []
    await slack.say("general", "@delegate one")
    await asyncio.sleep(0.05)
    assert not slack.world.delivery.log and slack.world.delivery.pending == 2
    app = bolt(slack)

    @app.middleware
    async def every(body: dict[str, Any], next_: Callable[[], Any]) -> None:
        seen.append(body["event"]["type"])
        await next_()

    @app.event("message")
    @app.event("app_mention")
    async def heard() -> None: ...

    async with online(slack, app):
        await slack.until(lambda: slack.world.delivery.pending == 0)
    assert sorted(seen) == ["app_mention", "message"]


async def test_unacknowledged_events_come_again_three_times_at_most(slack: Playground) -> None:
    await slack.say("support", "hello")
    async with raw_socket(slack) as ws:
        attempts = [await ws.receive_json(timeout=2) for _ in range(4)]
        await slack.until(lambda: slack.world.delivery.pending == 0)
    assert [a["retry_attempt"] for a in attempts] == [0, 1, 2, 3]
    assert [a["retry_reason"] for a in attempts] == ["", "timeout", "timeout", "timeout"]
    assert len({a["payload"]["event_id"] for a in attempts}) == 1
    assert len({a["envelope_id"] for a in attempts}) == 4


async def test_a_socket_that_breaks_gives_its_event_to_the_next(slack: Playground) -> None:
    async with raw_socket(slack) as ws:
        await slack.say("support", "hello")
        first = await ws.receive_json(timeout=2)
    async with raw_socket(slack) as ws:
        again = await ws.receive_json(timeout=2)
        await ws.send_json({"envelope_id": again["envelope_id"]})
        await slack.until(lambda: slack.world.delivery.pending == 0)
    assert again["payload"]["event_id"] == first["payload"]["event_id"] and again["retry_attempt"] == 1


async def test_each_envelope_goes_to_one_socket(slack: Playground) -> None:
    async with raw_socket(slack) as one, raw_socket(slack) as two:
        for n in range(4):
            await slack.say("support", str(n))
        got = [await ws.receive_json(timeout=2) for ws in (one, two, one, two)]
    assert sorted(g["payload"]["event"]["text"] for g in got) == ["0", "1", "2", "3"]


async def test_a_ticket_works_once_and_ten_sockets_are_enough(slack: Playground) -> None:
    url = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(url)]
        async with session.get(url) as response:
            assert response.status == 403
        sockets += [await session.ws_connect(await ticket(slack)) for _ in range(9)]
        last = await session.ws_connect(await ticket(slack))
        assert (await last.receive_json())["reason"] == "too_many_websockets"
        for ws in sockets:
            await ws.close()


async def test_a_deaf_socket_is_noticed_and_replaced(slack: Playground, connect: Connect) -> None:
    """Pings unanswered, the SDK opens another; nothing is lost."""
    app, seen = bolt(slack), []

    @app.event("message")
    async def heard(event: dict[str, Any]) -> None:
        seen.append(event["text"])

    await connect(app)
    slack.faults.deafen()
    deaf = list(slack.world.sockets.connections)
    await slack.say("support", "anyone?")
    await slack.until(lambda: seen, timeout=8)
    assert slack.world.sockets.connections not in ([], deaf)
    assert seen == ["anyone?"]


async def test_a_refresh_moves_the_app_to_a_new_socket(slack: Playground, connect: Connect) -> None:
    app, seen = bolt(slack), []

    @app.event("message")
    async def heard(event: dict[str, Any]) -> None:
        seen.append(event["text"])

    await connect(app)
    old = slack.world.sockets.connections[0]
    await slack.faults.disconnect("refresh_requested")
    await slack.until(lambda: slack.world.sockets.connections not in ([], [old]))
    await slack.say("support", "still there?")
    await slack.until(lambda: seen)


async def test_http_mode_is_signed_and_bolt_accepts_it() -> None:
    """Events, commands and clicks go to the request URL; Bolt checks the signature of each."""
    async with http_app() as (url, use), Playground(retries=QUICK, request_url=url) as slack:
        app, seen = bolt(slack), []
        use(app)

        @app.event("app_mention")
        async def mentioned(event: dict[str, Any], say: Any) -> None:
            seen.append("mention")
            await say("hi", thread_ts=event["ts"])

        @app.event("message")
        async def heard() -> None: ...

        @app.command("/delegate")
        async def command(ack: Any, body: dict[str, Any]) -> None:
            seen.append(body["text"])
            await ack("plain words")

        @app.action("go")
        async def clicked(ack: Any) -> None:
            seen.append("click")
            await ack()

        assert await slack.verify_request_url()
        ts = await slack.say("general", "@delegate hello")
        await slack.until(lambda: len(slack.thread("general", ts)) == 2)
        await slack.command("/delegate", "do & tell", by="ben")
        button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
        blocks = [{"type": "actions", "elements": [button]}]
        posted = await client(slack).chat_postMessage(channel="C0GENERAL", text="x", blocks=blocks)
        await slack.click("general", posted["ts"], "go")
        assert seen == ["mention", "do & tell", "click"]
        assert slack.ephemerals("ben")[0]["text"] == "plain words"


async def test_http_mode_says_why_it_tries_again() -> None:
    requests: list[tuple[dict[str, str], bytes]] = []

    async def refuse(request: aioweb.Request) -> aioweb.Response:
        requests.append((dict(request.headers), await request.read()))
        return aioweb.Response(status=200 if len(requests) == 3 else 500)

    async with http_app(refuse) as (url, _), Playground(retries=QUICK, request_url=url) as slack:
        await slack.say("support", "hello")
        await slack.until(lambda: slack.world.delivery.pending == 0)
    retries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h, _ in requests]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    headers, body = requests[0]
    base = b"v0:" + headers["x-slack-request-timestamp"].encode() + b":" + body
    signed = "v0=" + hmac.new(b"playground-secret", base, hashlib.sha256).hexdigest()
    assert headers["x-slack-signature"] == signed
    assert json.loads(body)["type"] == "event_callback"


async def test_http_mode_without_an_app_gives_up_after_three_retries() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/slack/events"
        async with Playground(retries=QUICK, request_url=url) as slack:
            await slack.say("support", "hello")
            await slack.until(lambda: slack.world.delivery.pending == 0)
            assert [d["attempt"] for d in slack.world.delivery.log] == [0, 1, 2, 3]


async def test_forms_of_http_mode() -> None:
    """Commands are form fields, interactions are one `payload` field [doc]."""
    bodies: list[dict[str, list[str]]] = []

    async def keep(request: aioweb.Request) -> aioweb.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        bodies.append(parse_qs(await request.text()))
        return aioweb.Response()

    async with http_app(keep) as (url, _), Playground(retries=QUICK, request_url=url) as slack:
        await slack.command("/delegate", "x", by="ben")
        await slack.shortcut("this", "support", slack.messages("support")[0]["ts"])
    assert bodies[0]["command"] == ["/delegate"] and bodies[0]["user_name"] == ["ben"]
    assert json.loads(bodies[1]["payload"][0])["type"] == "message_action"


async def ticket(slack: Playground) -> str:
    return f"{slack.base_url.replace('http', 'ws')}/link/?ticket={slack.world.sockets.ticket()}"


@asynccontextmanager
async def raw_socket(slack: Playground) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket with no SDK behind it, which acknowledges nothing by itself."""
    async with aiohttp.ClientSession() as session, session.ws_connect(await ticket(slack)) as ws:
        assert (await ws.receive_json())["type"] == "hello"
        yield ws


@asynccontextmanager
async def http_app(handler: Any = None) -> AsyncIterator[tuple[str, Callable[[Any], None]]]:
    """A request URL, and how to put a Bolt app behind it."""
    apps: list[Any] = []

    async def dispatch(request: aioweb.Request) -> aioweb.Response:
        return await to_aiohttp_response(await apps[0].async_dispatch(await to_bolt_request(request)))

    server = aioweb.Application()
    server.router.add_post("/slack/events", handler or dispatch)
    runner = aioweb.AppRunner(server)
    await runner.setup()
    await aioweb.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events", apps.append
    finally:
        await runner.cleanup()

"""Connections to Slack that go deaf, break, are refreshed or refused: the real SDK over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.ports import CannotStart
from bot.slack.link import Timing
from bot.slack.sockets import Sockets
from playground import Playground
from playground.delivery import Retries

FAST = Timing(
    ping=0.1, deaf=0.6, open=3.0, grace=0.3, short=0.3, pause=0.1, longest=0.4, quiet=1.0, look=0.05
)
RETRIES = Retries(ack_timeout=0.3, delays=(0.0, 0.5, 1.0))


@dataclass
class Taker:
    """An app that takes every message, once."""

    slack: Playground
    sockets: Sockets
    came: Counter[str] = field(default_factory=Counter)

    async def hears(self, text: str, within: float = 5) -> None:
        await self.slack.say("general", text)
        await self.slack.until(lambda: self.came[text], timeout=within)

    async def until(self, seen: Callable[[], object], within: float = 5) -> None:
        await self.slack.until(seen, timeout=within)


@asynccontextmanager
async def taking(slack: Playground, *, count: int = 2, timing: Timing = FAST) -> AsyncIterator[Taker]:
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.url, session=session, retry_handlers=[])
        me = AuthorizeResult.from_auth_test_response(auth_test_response=await client.auth_test())

        async def authorize(**_: Any) -> AuthorizeResult:
            return me

        app = AsyncApp(
            client=client, authorize=authorize, signing_secret="-", request_verification_enabled=False
        )
        sockets = Sockets(app, client, slack.app_token, count=count, timing=timing)
        taker = Taker(slack, sockets)

        async def take(req: AsyncBoltRequest, next: Callable[[], Any]) -> BoltResponse:
            taker.came[str((req.body.get("event") or {}).get("text") or "")] += 1
            return BoltResponse(status=200, body="")

        app.middleware(take)
        stack.push_async_callback(sockets.close)
        await sockets.start()
        yield taker


@pytest.fixture
async def slack() -> AsyncIterator[Playground]:
    async with Playground(retries=RETRIES, limits=False) as playground:
        yield playground


def said(logs: list[MutableMapping[str, Any]], event: str) -> list[str]:
    return [str(entry.get("why")) for entry in logs if entry["event"] == event]


async def test_two_connections_take_what_comes_and_know_when_slack_was_last_heard(slack: Playground) -> None:
    async with taking(slack) as taker:
        assert len(taker.sockets.links) == len(slack.world.sockets.connections) == 2
        for n in range(6):
            await taker.hears(f"message {n}")
        age = taker.sockets.age()
        assert age is not None and age < 2
    assert not slack.world.sockets.connections


async def test_a_quiet_workspace_is_left_alone(slack: Playground) -> None:
    async with taking(slack) as taker:
        links = taker.sockets.links
        heard = [link.heard_at for link in links]
        await taker.until(
            lambda: all(link.heard_at > at + 2 * FAST.deaf for link, at in zip(links, heard, strict=True))
        )
        assert taker.sockets.links == links and not any(link.ended.is_set() for link in links)


@pytest.mark.parametrize("how_many", [1, 2])
async def test_a_deaf_connection_is_replaced(slack: Playground, how_many: int) -> None:
    async with taking(slack) as taker:
        before = taker.sockets.links
        slack.faults.deafen(how_many)
        await taker.until(lambda: len(set(taker.sockets.links) - set(before)) == how_many)
        await taker.hears("after that")
        await taker.until(lambda: len(slack.world.sockets.connections) == 2)


async def test_a_connection_that_answers_pings_and_carries_nothing_shows_in_what_comes_twice(
    slack: Playground,
) -> None:
    async with taking(slack) as taker:
        first, second = taker.sockets.links
        slack.faults.deafen(1, pongs=True)
        deaf = first if slack.world.sockets.connections[0].deaf else second
        await taker.until(lambda: deaf.lived > FAST.quiet)
        for n in range(4):
            await taker.hears(f"message {n}")
        await taker.until(lambda: not {first, second} <= set(taker.sockets.links))
        await taker.until(lambda: not any(c.deaf for c in slack.world.sockets.connections))
        await taker.hears("after that")


async def test_a_network_that_goes_away_is_found_again(slack: Playground) -> None:
    async with taking(slack) as taker:
        before = set(taker.sockets.links)
        slack.faults.cut()
        await taker.until(lambda: len(taker.sockets.links) == 2 and not before & set(taker.sockets.links))
        await taker.hears("after that")


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_refresh_loses_no_event_and_no_acknowledgement(slack: Playground, reason: str) -> None:
    async with taking(slack) as taker:
        before = set(taker.sockets.links)
        stop = asyncio.Event()

        async def talk() -> int:
            n = 0
            while not stop.is_set():
                await slack.say("general", f"message {n}")
                n += 1
                await asyncio.sleep(0.01)
            return n

        talking = asyncio.create_task(talk())
        await taker.until(lambda: taker.came["message 5"])
        await slack.faults.disconnect(reason, grace=0.2)
        await taker.until(lambda: len(taker.sockets.links) == 2 and not before & set(taker.sockets.links))
        stop.set()
        n = await talking
        await taker.until(lambda: all(taker.came[f"message {i}"] for i in range(n)))
        await taker.until(lambda: not slack.world.delivery.pending)
        if reason == "warning":  # nobody ended the old ones but we, after a while
            attempts = Counter(d["attempt"] for d in slack.world.delivery.log)
            assert set(attempts) == {0}, attempts
        await taker.until(lambda: len(slack.world.sockets.connections) == 2)


async def test_too_many_connections_are_said_once_and_tried_again_with_pauses(slack: Playground) -> None:
    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            many = [await stack.enter_async_context(taking(slack)) for _ in range(5)]
            late = await stack.enter_async_context(taking(slack))
            assert late.sockets.links == []
            asked = len(slack.calls("apps.connections.open"))
            began = time.monotonic()
            await late.until(lambda: len(slack.calls("apps.connections.open")) >= asked + 6)
            assert time.monotonic() - began > 3 * 0.8 * FAST.longest / 2, "six tries of two take their time"
            assert said(logs, "no connection to Slack") == ["too_many_websockets"] * 2, "once for each"
            await many[0].sockets.close()
            await late.until(lambda: len(late.sockets.links) == 2)
            await late.until(lambda: len(said(logs, "connected to Slack again")) == 2)


async def test_a_token_that_is_refused_later_on_is_said_once_and_tried_again(slack: Playground) -> None:
    with capture_logs() as logs:
        async with taking(slack) as taker:
            slack.faults.refuse("invalid_auth", "apps.connections.open")
            slack.faults.cut()
            await taker.until(lambda: len(slack.calls("apps.connections.open")) >= 9)
            assert said(logs, "no connection to Slack") == ["invalid_auth"] * 2
            assert any("SLACK_APP_TOKEN" in str(entry.get("hint")) for entry in logs)
            age = taker.sockets.age()
            assert age is not None and age > 0
            slack.faults.clear()
            await taker.hears("after that", within=10)


async def test_socket_mode_that_was_switched_off_is_said_with_what_to_do(slack: Playground) -> None:
    with capture_logs() as logs:
        async with taking(slack) as taker:
            slack.faults.refuse("link_disabled", "apps.connections.open")
            await slack.faults.disconnect("link_disabled")
            await taker.until(lambda: len(said(logs, "no connection to Slack")) == 2)
            assert any("switch it on" in str(entry.get("hint")) for entry in logs)
            slack.faults.clear()
            await taker.hears("after that", within=10)


async def test_slack_that_wants_to_be_asked_later_is_asked_later(slack: Playground) -> None:
    async with taking(slack, count=1) as taker:
        slack.faults.ratelimit(1.5, "apps.connections.open")
        slack.faults.cut()
        await taker.hears("after that", within=15)
        limited = len(slack.calls("apps.connections.open"))
        assert limited <= 5, "no busy loop"


async def test_a_refused_token_keeps_the_bot_from_starting(slack: Playground) -> None:
    slack.faults.refuse("invalid_auth", "apps.connections.open")
    with pytest.raises(CannotStart, match=r"SLACK_APP_TOKEN.*invalid_auth"):
        async with taking(slack):
            pass

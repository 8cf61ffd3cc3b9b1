"""HTTP mode: the same conversations over signed requests, and a gate that lets nothing else in."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.slack.gate import signature
from tests.conversations.world import World, a_world

SECRET, CANARY = "playground-secret", "canary-in-the-body"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[tuple[World, str]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    async with (
        a_world(tmp_path, request_url=url) as world,
        world.bot(port=port, slack_app_token=SecretStr("")),
    ):
        yield world, url


async def send(url: str, body: bytes, at: str | None = None, sign: str | None = None, **headers: str) -> int:
    timestamp = str(int(time.time())) if at is None else at
    signed = signature(SECRET, timestamp, body) if sign is None else sign
    given = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed, **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=BytesIO(body), headers=given) as answer,
    ):
        return answer.status


def mention(event_id: str) -> bytes:
    event = {"type": "app_mention", "user": "U0ADA", "channel": "C1", "ts": "1.0", "text": CANARY}
    body: dict[str, Any] = {"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": event}
    return json.dumps(body).encode()


async def test_a_mention_a_command_and_a_button_work_over_http(http: tuple[World, str]) -> None:
    world, _ = http
    world.stub.plan({"answer": "Over HTTP."})
    ts = await world.says("@delegate are you there?")
    await world.sees(ts, "Over HTTP\\.")
    await world.slack.command("/delegate", "help", by="ben")
    await world.slack.until(lambda: world.slack.ephemerals("ben"))


@pytest.mark.parametrize(
    ("body", "how", "status"),
    [
        (mention("E1"), {"sign": "v0=00"}, 401),
        (mention("E2"), {"sign": ""}, 401),
        (mention("E3"), {"at": str(int(time.time()) - 1000)}, 401),
        (mention("E4"), {"at": "not-a-number"}, 401),
        (mention("E5"), {"at": "9" * 400}, 401),
        (mention("E6"), {"at": "²"}, 401),
        (CANARY.encode() * 60_000, {}, 413),
        (CANARY.encode(), {"Content-Type": "application/json"}, 400),
        (b"[" * 5_000 + b"]" * 5_000, {"Content-Type": "application/json"}, 400),
    ],
    ids=["bad", "none", "stale", "words", "huge", "unicode", "large", "prose", "deep"],
)
async def test_what_slack_did_not_sign_is_refused_before_it_is_parsed_and_never_logged(
    http: tuple[World, str], body: bytes, how: dict[str, str], status: int
) -> None:
    world, url = http
    with capture_logs() as logs:
        assert await send(url, body, **({"Content-Type": "application/json"} | how)) == status
    assert CANARY not in str(logs) and logs
    assert world.stub.count == 0


async def test_health_readiness_and_metrics(http: tuple[World, str]) -> None:
    _, url = http
    base = url.removesuffix("/slack/events")
    async with aiohttp.ClientSession() as session:
        for path, expected in (
            ("/healthz", '"ok": true'),
            ("/readyz", '"ok": true'),
            ("/metrics", 'delegate_runs_open{status="working"} 0.0'),
        ):
            async with session.get(base + path) as answer:
                assert answer.status == 200 and expected in await answer.text()

"""Ready or not, and why: what a balancer and an operator read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr
from sqlalchemy import text

from bot.health import Health
from bot.ports import StoreDown
from tests.conversations.test_http import free_port
from tests.conversations.world import World, a_world
from tests.seeing.numbers import Numbers


class Database:
    def __init__(self) -> None:
        self.trouble = ""

    async def ping(self) -> None:
        if self.trouble:
            raise StoreDown(self.trouble)


async def test_each_part_that_is_missing_says_so_in_a_sentence() -> None:
    database, connected = Database(), True
    health = Health(database.ping, lambda: connected)
    health.socket_age = lambda: age
    age: float | None = 3.0
    assert await health.readiness() == {
        "ok": True,
        "says": "Ready to take work.",
        "parts": {"database": "ready", "broker": "ready", "sockets": "ready", "staying": "ready"},
    }
    database.trouble, connected, age = "The database is locked.", False, 75.0
    health.end()
    said = await health.readiness()
    assert said["ok"] is False
    assert said["parts"] == {
        "database": "The database is locked.",
        "broker": "RabbitMQ cannot be reached: what comes in waits. Look at BROKER_URL.",
        "sockets": "Slack's sockets have been silent for 75 seconds.",
        "staying": "It was told to end.",
    }
    assert all(sentence in said["says"] for sentence in said["parts"].values())


async def test_a_bot_whose_broker_is_away_says_so_and_takes_what_comes() -> None:
    said = await Health(Database().ping, lambda: False).readiness()
    assert said["ok"] is True and "RabbitMQ" in said["says"] and said["parts"]["broker"] == said["says"]


async def test_a_bot_is_not_ready_before_it_is_connected_to_slack(world: World) -> None:
    world.slack.faults.slow(3, "apps.connections.open", times=3)
    port = free_port()

    async def starts() -> None:
        async with world.bot(port=port):
            assert (await asked(f"http://127.0.0.1:{port}/readyz"))[0] == 200

    starting = asyncio.create_task(starts())
    while True:
        try:
            status, said = await asked(f"http://127.0.0.1:{port}/readyz")
            break
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.02)
    assert status == 503 and said["parts"]["sockets"] == "No socket to Slack is open."
    await starting


async def test_parts_that_this_bot_does_not_have_are_not_asked_for() -> None:
    said = await Health(Database().ping).readiness()
    assert set(said["parts"]) == {"database", "staying"}


async def test_a_bot_says_over_http_what_it_lacks(world: World) -> None:
    async with world.bot() as bot:
        base = f"http://127.0.0.1:{bot.port}"
        assert (await asked(f"{base}/readyz"))[0] == 200
        await bot.store.database.write(lambda c: c.execute(text("ALTER TABLE run RENAME TO away")))
        status, said = await asked(f"{base}/readyz")
        await bot.store.database.write(lambda c: c.execute(text("ALTER TABLE away RENAME TO run")))
        assert (status, said["ok"]) == (503, False) and said["parts"]["database"] != "ready"
        assert said["parts"]["sockets"] == "ready"
        assert await asked(f"{base}/healthz") == (200, {"ok": True, "says": "This process is alive."})


async def test_over_http_each_answer_is_timed_and_forgeries_are_not(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with (
        a_world(tmp_path, request_url=f"{base}/slack/events") as world,
        world.bot(port=port, slack_app_token=SecretStr("")),
    ):
        ts = await world.says("@delegate hello")
        await world.sees(ts, "@ada")
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{base}/slack/events", json={"type": "forged"}) as answer:
                assert answer.status == 401
            async with session.get(f"{base}/metrics") as answer:
                now = Numbers(await answer.text())
    events = now.of("delegate_ack_seconds_count", way="http", outcome="acked")
    assert events >= 1 and now.of("delegate_ack_seconds_count") == events


async def asked(url: str) -> tuple[int, Any]:
    async with asyncio.timeout(10), aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()

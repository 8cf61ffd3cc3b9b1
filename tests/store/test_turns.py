"""Many at once at one database: everybody gets a turn."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, text

from bot.database import open_database
from tests.services import postgres_database

READERS_AT_ONCE, SECONDS = 160, 0.03  # on four connections: longer than anybody waits for one


def _slowly(connection: Connection) -> int:
    return int(connection.execute(text(f"SELECT 1 FROM pg_sleep({SECONDS})")).scalar_one())


def test_a_crowd_of_readers_waits_in_turn_and_nobody_is_told_that_postgresql_is_down() -> None:
    async def crowd(url: str) -> list[int]:
        database = open_database(url, wait_seconds=1.0)
        try:
            return list(await asyncio.gather(*(database.read(_slowly) for _ in range(READERS_AT_ONCE))))
        finally:
            await database.close()

    with postgres_database() as url:
        assert asyncio.run(crowd(url)) == [1] * READERS_AT_ONCE

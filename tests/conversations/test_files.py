"""A file in, a chart and a table out; and the files that cannot be read, each with its sentence."""

from __future__ import annotations

import json

import pytest

from tests.conversations.world import World, steps

SALES = "month,region,revenue\n" + "\n".join(
    f"2026-{m:02},{r},{100 * m + (7 if r == 'North' else 0)}" for m in range(1, 7) for r in ("North", "South")
)
PLAN = steps(("analyse", "analyst", "Total revenue by region, as a bar chart"), title="Sales by region")
SQL = {
    "sql": "SELECT region, SUM(revenue) AS total FROM sales GROUP BY region ORDER BY region",
    "chart": {"kind": "bar", "x": "region", "y": "total", "title": "Revenue by region"},
}


async def test_a_file_in_a_table_and_a_chart_out(world: World) -> None:
    world.stub.plan(PLAN)
    world.stub.reply(json.dumps(SQL))
    world.stub.reply("North leads with 2,142.")
    async with world.bot():
        file = world.slack.upload("sales.csv", SALES.encode(), by="ada")
        ts = await world.says("@delegate chart the revenue by region", files=[file])
        thread = await world.sees(ts, "analyst: .*@ada", "North leads", within=30)
        await world.slack.until(
            lambda: any(b["type"] == "image" for b in world.posts(ts)[-1]["blocks"]), timeout=10
        )
    assert "2142" in thread and "2100" in thread, thread
    assert len(world.posts(ts)) == 2  # the plan, and the analyst's reply with everything in it


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "empty"),
        ("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not"),
        ("../../etc/passwd.csv", b"a,b\n", "no rows|header"),
    ],
)
async def test_a_file_that_cannot_be_read_has_its_sentence(
    world: World, name: str, content: bytes, sentence: str
) -> None:
    world.stub.plan(PLAN)
    async with world.bot():
        file = world.slack.upload(name, content, by="ada")
        ts = await world.says("@delegate total this", files=[file])
        await world.sees(ts, "This did not work", f"({sentence})", within=30)


async def test_a_file_of_two_gigabytes_is_refused_by_its_size_before_anything_is_fetched(
    world: World,
) -> None:
    async with world.bot():
        file = world.slack.upload("huge.csv", b"a,b\n1,2\n", by="ben")
        world.slack.world.state.files.rows[file]["size"] = 2 * 1024**3
        ts = await world.says("@delegate total this", by="ben", files=[file])
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        assert "2,048 MB" in world.slack.ephemerals("ben")[-1]["text"]
        assert not world.posts(ts)
    assert world.stub.count == 0

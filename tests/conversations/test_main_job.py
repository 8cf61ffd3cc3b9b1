"""A mention becomes a plan in the thread, workers reply inline, an answer closes it."""

from __future__ import annotations

from tests.conversations.world import World, steps


async def test_a_mention_becomes_a_plan_replies_and_an_answer(world: World) -> None:
    world.stub.plan(
        steps(
            ("draft", "writer", "Write a first draft"),
            ("refine", "writer", "Refine the draft", ["draft"]),
            title="A blog post about AI",
        )
    )
    async with world.bot():
        ts = await world.says("@delegate Draft a short blog post about AI automation, then refine it")
        await world.sees(ts, "writer: .*", "writer: .*@ada")
        thread = world.thread(ts)
        await world.sees(ts, "Done", "A blog post about AI", "✓ Draft", "✓ Refine")
    assert len(world.posts(ts)) == 3, (
        thread
    )  # the plan, and a reply for each step: the last one is the answer

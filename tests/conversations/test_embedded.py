"""The real embedded model, end to end: a mention, a plan by llama.cpp, a reply of a worker."""

from __future__ import annotations

import pytest

from tests.conversations.world import World
from tests.services import embedded_model


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_a_mention_is_served_by_the_embedded_model(world: World) -> None:
    """What it writes is its own affair; that it plans, that a worker writes and the thread ends, is ours."""
    file = embedded_model()
    async with world.bot(model="", model_api_base="", model_file=file, cache_dir=file.parent):
        ts = await world.says("@delegate Write a one-line notice that the lift is out of order")
        thread = await world.sees(ts, "delegate: Done", "writer: @ada .+", "feedback", within=240)
    assert len(world.posts(ts)) == 2, thread

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations.world import World, a_world
from workers.kit.model import Model


@pytest.fixture(scope="session", autouse=True)
def _litellm_is_imported() -> None:
    """Seconds, once for all tests: none of them is about that."""
    asyncio.run(Model("hosted_vllm/stub", "http://127.0.0.1:9", "key").warm())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        yield it

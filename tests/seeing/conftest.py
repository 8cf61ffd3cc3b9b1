from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conversations.conftest import _litellm_is_imported, world
from tests.seeing.collector import Collector

__all__ = ["_litellm_is_imported", "world"]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as it:
        yield it

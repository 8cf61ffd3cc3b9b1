"""`make chaos`: at least 2,000 steps in the storm. It prints its figures (`pytest -s` shows them)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.storm import storm


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_nothing_is_unfinished_nothing_is_wrong_and_nothing_is_visible_twice(tmp_path: Path) -> None:
    figures = await storm(tmp_path, steps=2000, seed=7)
    print(f"\n{figures}")  # noqa: T201
    assert not figures.wrong

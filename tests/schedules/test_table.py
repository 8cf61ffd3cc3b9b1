"""One run per slot: on the nights when clocks change, when one is set, with two bots, after kills."""

from __future__ import annotations

import pytest

from tests.schedules.scenarios import SCENARIOS, Scenario, played


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_no_slot_is_lost_and_none_comes_twice(scenario: Scenario, url: str) -> None:
    it = await played(scenario, url)
    assert (it.doubled, it.missing, it.wrong) == (0, 0, 0), it
    assert it.runs + it.said == it.due
    assert it.due >= 40  # the scenario itself is not empty
    quiet = not (scenario.down[1] or scenario.away[1] or any(by > 0 for _, by in scenario.jumps))
    assert not (quiet and it.said), it

"""What a person does beside the thread: commands that answer them alone, the Home tab, forms."""

from __future__ import annotations

import re
from typing import Any

from tests.conversations.world import World


async def whispered(world: World, by: str, command: str, channel: str = "general") -> str:
    """What `/delegate …` says to that person alone."""
    before = len(world.slack.ephemerals(by))
    await world.slack.command("/delegate", command, by=by, channel=channel)
    await world.slack.until(lambda: len(world.slack.ephemerals(by)) > before)
    return str(world.slack.ephemerals(by)[-1])


def seen(view: Any) -> str:
    return str(view)


async def at_home(world: World, by: str, *patterns: str) -> str:
    """Opens the Home tab and waits until all of it is there."""
    world.slack.open_home(by)
    wanted = re.compile(".*".join(patterns), re.DOTALL)
    await world.slack.until(lambda: wanted.search(seen(world.slack.home(by))))
    return seen(world.slack.home(by))


async def press(world: World, by: str, action: str, value: str) -> None:
    """A button of the Home tab."""
    home = world.slack.home(by)
    assert home
    block = next(
        b["block_id"]
        for b in home["blocks"]
        for e in [*b.get("elements", []), b.get("accessory") or {}]
        if e.get("action_id") == action and e.get("value") == value
    )
    await world.slack.people.action(by, block, action, {}, view_id=home["id"])


async def open_modal(world: World, by: str, action: str, value: str) -> dict[str, Any]:
    await press(world, by, action, value)
    await world.slack.until(lambda: world.slack.view(by))
    view = world.slack.view(by)
    assert view
    return view


def filled(**values: Any) -> dict[str, Any]:
    return {name: {name: value} for name, value in values.items()}

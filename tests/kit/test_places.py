"""Places are given in the order of asking, and whoever wants to be alone is."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.kit.places import NoPlace, Places


class Floor:
    """Who is in, and who was."""

    def __init__(self, many: int) -> None:
        self.places = Places(many)
        self.inside: set[str] = set()
        self.order: list[str] = []
        self.leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, name: str, *, alone: bool = False) -> None:
        self.leave[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stays(name, alone))
        await settled()

    async def _stays(self, name: str, alone: bool) -> None:
        async with self.places.place(alone=alone):
            self.inside.add(name)
            self.order.append(name)
            await self.leave[name].wait()
            self.inside.discard(name)

    async def goes(self, name: str) -> None:
        self.leave[name].set()
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_so_many_at_once_and_the_others_in_their_order() -> None:
    floor = Floor(2)
    for name in "abcd":
        await floor.comes(name)
    assert floor.inside == {"a", "b"}
    await floor.goes("b")
    await floor.goes("a")
    assert floor.order == ["a", "b", "c", "d"]


async def test_one_that_runs_alone_waits_for_all_and_lets_nobody_pass() -> None:
    floor = Floor(2)
    await floor.comes("a")
    await floor.comes("alone", alone=True)
    await floor.comes("b")
    assert floor.inside == {"a"}, "b came later, though there was room for it"
    await floor.goes("a")
    assert floor.inside == {"alone"}
    await floor.goes("alone")
    assert floor.inside == {"b"}


async def test_two_that_run_alone_run_after_each_other() -> None:
    floor = Floor(8)
    await floor.comes("one", alone=True)
    await floor.comes("two", alone=True)
    assert floor.inside == {"one"}
    await floor.goes("one")
    assert floor.inside == {"two"}


async def test_one_that_gives_up_waiting_holds_up_nobody() -> None:
    floor = Floor(1)
    await floor.comes("a")
    await floor.comes("alone", alone=True)
    await floor.comes("b")
    floor.tasks["alone"].cancel()
    await settled()
    await floor.goes("a")
    assert floor.inside == {"b"}


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=12), st.integers(1, 3))
def test_whatever_comes_and_gives_up_every_place_is_given_back(
    visits: list[tuple[bool, bool, int]], many: int
) -> None:
    async def play() -> None:
        places, now = Places(many), Counter[str]()

        async def visit(alone: bool, turns: int) -> None:
            async with places.place(alone=alone):
                now["alone" if alone else "beside"] += 1
                assert (now["alone"], now["beside"]) == (1, 0) if now["alone"] else now["beside"] <= many
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    now["alone" if alone else "beside"] -= 1

        tasks = []
        for alone, cancelled, turns in visits:
            tasks.append(asyncio.create_task(visit(alone, turns)))
            await asyncio.sleep(0)
            if cancelled:
                tasks[turns % len(tasks)].cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)
        async with asyncio.timeout(5), places.place(alone=True):
            pass

    asyncio.run(play())


async def test_who_waits_too_long_is_told_and_nobody_loses_a_place() -> None:
    places = Places(1)
    async with places.place():
        with pytest.raises(NoPlace):
            async with places.place(seconds=0.01):
                pass
    async with asyncio.timeout(5), places.place(alone=True):
        pass

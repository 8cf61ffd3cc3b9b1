"""Places with workers: never more than there are, and fair to workspaces, people and schedules."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from bot.decide import decide, tasks
from bot.ports import Conflict
from bot.run import Event, InLine, LeaseLost, PlanMade, Request, Run, StopAsked, TurnCame, new_run
from bot.store import Store
from bot.store.line import AGED
from tests.core.plans import chain, fan
from tests.store.conftest import Now, emptied
from tests.store.stories import finished, happen, started
from workers.kit.wire import Address, Failed


@pytest.fixture
async def two(url: str, now: Now):  # type: ignore[no-untyped-def]
    """A store with two places for each worker."""
    if url.startswith("postgres"):
        await emptied(url)
    store = Store(url, now, lease_seconds=60, dispatch_seconds=180, window=2)
    yield store
    await store.close()


async def asks(
    store: Store, run_id: str, workspace: str = "T1", *, at: float, schedule: str = "", worker: str = "writer"
) -> Run:
    """A request for one worker, which nobody has to plan."""
    asked = Request("Write", by="UADA", channel="C1", worker=worker, schedule=schedule)
    run = await store.runs.save(None, new_run(run_id, workspace, asked, at))
    return await happen(store, run, TurnCame(), at)


async def now_of(store: Store, run: Run) -> Run:
    found = await store.runs.load(run.workspace, run.id, fresh=True)
    assert found is not None
    return found


async def ends(store: Store, run: Run, step: str = "writer") -> Run:
    run = await now_of(store, run)
    state = run.find(step)
    assert state is not None
    return await happen(store, run, finished(run, step, attempt=state.attempt))


def names(given: Sequence[Address]) -> list[str]:
    return [at.run for at in given]


def is_out(run: Run, step: str = "writer") -> bool:
    return step in {s.id for s in tasks(run)}


async def test_who_finds_room_is_out_with_the_save_and_the_next_stands_in_line(two: Store) -> None:
    first, second = await asks(two, "r1", at=1), await asks(two, "r2", at=2)
    assert is_out(first) and is_out(second) and not two.runs.crowded
    third = await asks(two, "r3", at=3)
    assert not is_out(third) and two.runs.crowded
    assert third == await now_of(two, third) and is_out(
        await asks(two, "r4", at=4, worker="analyst"), "analyst"
    )
    assert not await two.runs.admit(), "no place is free"
    await ends(two, first)
    assert names(await two.runs.admit()) == ["r3"] and not two.runs.crowded
    third = await now_of(two, third)
    assert is_out(third) and third.version == 3
    assert (await two.runs.load("T1", "r3")) == third, "what was remembered of it is forgotten"


async def test_who_stands_in_line_is_before_who_comes(two: Store) -> None:
    first, *_ = [await asks(two, f"r{n}", at=n) for n in range(3)]
    await ends(two, first)
    late = await asks(two, "late", at=9)
    assert not is_out(late), "the place that is free is another's"
    assert names(await two.runs.admit()) == ["r2"]


async def test_a_step_that_follows_another_has_its_place_back_where_nobody_waits(two: Store) -> None:
    run = await asks(two, "r1", at=1, worker="")
    run = await happen(two, run, PlanMade(1, chain("a", "b")))
    await asks(two, "r2", at=2)
    assert is_out(run, "a")
    run = await happen(two, run, finished(run, "a"))
    assert is_out(run, "b")


async def test_more_than_there_is_room_for_are_chosen_among_fairly(two: Store) -> None:
    run = await asks(two, "r1", at=1, worker="")
    run = await happen(two, run, PlanMade(1, fan("a", "b", "c")))
    assert not tasks(run)
    assert [at.step for at in await two.runs.admit()] == ["a", "b"]
    assert two.runs.crowded


async def test_workspaces_take_turns(two: Store) -> None:
    busy = [await asks(two, f"a{n}", "T1", at=n) for n in range(6)]
    await asks(two, "b0", "T2", at=10)
    await asks(two, "b1", "T2", at=11)
    await asks(two, "c0", "T3", at=12)
    order = []
    out = [run.id for run in busy[:2]]
    while out:
        workspace = {"a": "T1", "b": "T2", "c": "T3"}[out[0][0]]
        await ends(two, replace(busy[0], workspace=workspace, id=out.pop(0)))
        came = names(await two.runs.admit())
        order += came
        out += came
    assert order == ["b0", "a2", "c0", "b1", "a3", "a4", "a5"]


async def test_where_there_is_one_place_workspaces_take_turns_too(two: Store, url: str, now: Now) -> None:
    """Each has as many as the other then: none."""
    one = Store(url, now, window=1)
    out = [(await asks(one, f"a{n}", "T1", at=n)) for n in range(5)][:1]
    later = [await asks(one, f"b{n}", "T2", at=10 + n) for n in range(2)]
    order = []
    while out:
        await ends(one, out.pop())
        for at in await one.runs.admit():
            order.append(at.run)
            out.append(replace(later[0], workspace=at.workspace, id=at.run))
    assert order == ["a1", "b0", "a2", "b1", "a3", "a4"]
    await one.close()


async def test_people_are_before_schedules_but_not_for_ever(two: Store, now: Now) -> None:
    out = [await asks(two, f"r{n}", at=n) for n in range(2)]
    await asks(two, "nightly", at=3, schedule="s1")
    person = await asks(two, "person", at=4)
    await ends(two, out[0])
    assert names(await two.runs.admit()) == ["person"]
    now.at += AGED
    another = await asks(two, "another", at=now.at)
    await ends(two, out[1])
    assert names(await two.runs.admit()) == ["nightly"]
    await ends(two, person)
    assert names(await two.runs.admit()) == [another.id]


async def test_a_stop_leaves_the_line(two: Store) -> None:
    out = [await asks(two, f"r{n}", at=n) for n in range(2)]
    waiting = await asks(two, "r2", at=3)
    stopped = await happen(two, waiting, StopAsked("UADA"))
    assert stopped == await now_of(two, stopped) and not any(s.in_line for s in stopped.steps)
    await ends(two, out[0])
    assert not await two.runs.admit() and not two.runs.crowded


async def test_in_line_there_is_no_lease_to_lose(two: Store, now: Now) -> None:
    out = [await asks(two, f"r{n}", at=n) for n in range(2)]
    await asks(two, "r2", at=3)
    now.at += 1_000
    assert sorted(names(await two.runs.lost_leases())) == ["r0", "r1"]
    assert await two.runs.expire_leases() == 2
    lost = await happen(two, out[0], LeaseLost("writer", 1))
    assert not is_out(lost), "it has stood in line as long as any"
    assert names(await two.runs.admit()) == ["r0"], "and asked before them"


async def test_a_task_that_has_not_begun_may_wait_for_longer_than_a_silent_one(two: Store, now: Now) -> None:
    run = await asks(two, "r1", at=1)
    now.at += 179
    assert await two.runs.lost_leases() == []
    at = Address(workspace="T1", run="r1", step="writer", attempt=1)
    await two.runs.renew(at)
    now.at += 179
    assert await two.runs.lost_leases() == []
    run = await happen(two, run, started(run, "writer"))
    now.at += 61
    assert await two.runs.lost_leases() == [at]
    await two.runs.renew(at)
    now.at += 59
    assert await two.runs.lost_leases() == []
    now.at += 2
    assert await two.runs.lost_leases() == [at]


async def test_who_waits_for_long_is_told_once_and_again_when_it_changed(two: Store, now: Now) -> None:
    out = [await asks(two, f"r{n}", at=n) for n in range(2)]
    third, fourth = await asks(two, "r2", at=3), await asks(two, "r3", at=4)
    assert await two.runs.waiting_long(15) == []
    now.at += 15
    long = await two.runs.waiting_long(15)
    assert [(at.run, ahead) for at, ahead in long] == [("r2", 0), ("r3", 1)]
    assert await two.runs.waiting_long(15) == [], "another bot tells them"
    third = await happen(two, third, InLine("writer", 1, 0))
    fourth = await happen(two, fourth, InLine("writer", 1, 1))
    now.at += 20
    assert await two.runs.waiting_long(15) == [], "nothing changed"
    await ends(two, out[0])
    await two.runs.admit()
    assert [(at.run, ahead) for at, ahead in await two.runs.waiting_long(15)] == [("r3", 0)]
    third = await now_of(two, third)
    assert third.steps[0].ahead is None


class Crowd:
    """Workspaces that ask for more than there are places, through as many bots as there are stores."""

    def __init__(self, stores: Sequence[Store], now: Now, window: int, seed: int) -> None:
        self.stores, self.now, self.window = stores, now, window
        self.chance = random.Random(seed)
        self.open: set[tuple[str, str]] = set()
        self.asked = 0

    async def ask(self) -> None:
        store, n = self.chance.choice(self.stores), self.asked
        self.asked += 1
        workspace = self.chance.choice(("T1", "T1", "T1", "T2", "T3"))
        worker = self.chance.choice(("writer", "writer", "analyst", ""))
        schedule = self.chance.choice(("", "", "s1"))
        run = await asks(store, f"r{n}", workspace, at=self.now.at, schedule=schedule, worker=worker)
        self.open.add((workspace, run.id))

    async def work(self) -> None:
        """Something happens to a run, through any bot."""
        store = self.chance.choice(self.stores)
        workspace, run_id = self.chance.choice(sorted(self.open))
        while True:
            run = await store.runs.load(workspace, run_id, fresh=True)
            assert run is not None
            if run.ended:
                self.open.discard((workspace, run_id))
                return
            after = decide(run, self.event(run), self.now.at)
            try:
                if after is not run:
                    after = await store.runs.save(run, after)
            except Conflict:
                continue
            if after.ended:
                self.open.discard((workspace, run_id))
            return

    def event(self, run: Run) -> Event:
        out = tasks(run)
        if not out or self.chance.random() < 0.05:
            return StopAsked("UADA") if self.chance.random() < 0.2 else InLine("writer", 1, 3)
        state = self.chance.choice(out)
        at = {"workspace": run.workspace, "run": run.id, "step": state.id, "attempt": state.attempt}
        match self.chance.randrange(8):
            case 0:
                return LeaseLost(state.id, state.attempt)
            case 1:
                return started(run, state.id, state.attempt)
            case 2:
                return Failed(**at, error="It broke.")
        if state.kind == "plan":
            return PlanMade(state.attempt, self.chance.choice((chain("a", "b"), fan("a", "b", "c", "d"))))
        return finished(run, state.id, attempt=state.attempt)

    async def never_more_than_there_are(self) -> None:
        held = "SELECT worker, count(*) FROM step WHERE lease_until IS NOT NULL GROUP BY worker"
        for worker, places in await self.stores[0].database.read(lambda c: c.execute(text(held)).all()):
            assert places <= self.window, f"{worker or 'the model'} has {places} at once"


HELD = "SELECT worker, workspace FROM step WHERE lease_until IS NOT NULL"
LINE = "SELECT worker, workspace, priority = 0 OR line_since <= :aged FROM step WHERE in_line"


async def is_fair(crowd: Crowd, given: Sequence[Address]) -> None:
    """Of what was just given: nobody waits who had less, or came first by its kind; and no place is left."""
    store = crowd.stores[0]
    aged = {"aged": crowd.now.at - AGED}
    held = Counter(await store.database.read(lambda c: [tuple(r) for r in c.execute(text(HELD))]))
    line = await store.database.read(lambda c: c.execute(text(LINE), aged).all())
    for worker, _, _ in line:
        assert sum(n for (w, _), n in held.items() if w == worker) == crowd.window, "a place stays empty"
    for at in given:
        run = await store.runs.load(at.workspace, at.run, fresh=True)
        state = run and run.find(at.step)
        assert run and state and is_out(run, at.step)
        for worker, workspace, first in line:
            if worker == state.step.worker and (first or run.request.schedule):
                assert held[worker, at.workspace] <= held[worker, workspace] + 1
            if worker == state.step.worker and first and run.request.schedule:
                assert state.attempt > 1 or crowd.now.at - run.created_at >= AGED


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_crowd_places_are_given_fairly_and_everybody_ends(url: str, now: Now, seed: int) -> None:
    if url.startswith("postgres"):
        await emptied(url)
    store = Store(url, now, window=3)
    crowd = Crowd([store], now, 3, seed)
    for turn in range(2_000):
        if turn < 250 and crowd.chance.random() < 0.3:
            await crowd.ask()
        if not crowd.open and turn >= 250:
            break
        if crowd.open:
            await crowd.work()
        now.at += crowd.chance.choice((0.0, 1.0, 30.0))
        await crowd.never_more_than_there_are()
        if crowd.chance.random() < 0.5:
            await is_fair(crowd, await store.runs.admit())
    assert not crowd.open and crowd.asked > 30
    await store.close()


async def test_two_bots_at_once_never_give_one_place_twice(url: str, now: Now) -> None:
    if url.startswith("postgres"):
        await emptied(url)
    stores = [Store(url, now, window=3) for _ in range(2)]
    crowd = Crowd(stores, now, 3, seed=7)
    await asyncio.gather(*(crowd.ask() for _ in range(60)))

    async def busy() -> None:
        while crowd.open:
            await crowd.work()
            await crowd.never_more_than_there_are()

    async def giving(store: Store) -> None:
        while crowd.open:
            await store.runs.admit()
            await store.runs.waiting_long(15)

    await asyncio.gather(*(busy() for _ in range(8)), *(giving(store) for store in stores))
    assert (await stores[0].counts()).out == 0
    for store in stores:
        await store.close()


async def test_who_ended_in_line_under_the_version_before_takes_no_place(two: Store) -> None:
    first = await asks(two, "r1", at=1)
    for n in (2, 3, 4):
        await asks(two, f"r{n}", at=n)
    unaware = "UPDATE step SET status = 'stopped', lease_until = NULL WHERE run_id = 'r3'"
    await two.database.write(lambda c: c.execute(text(unaware)))
    await ends(two, first)
    assert names(await two.runs.admit()) == ["r4"] and not two.runs.crowded
    assert (await two.counts()).out == 2

"""The rows of schedules: claims, locks, the log, and what is forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.ports import BY_HAND, Entry, Fire, Schedule
from bot.recurrence import Unusable
from bot.store import Store
from tests.store.conftest import Now

ONE = Schedule(
    id="s1",
    workspace="T1",
    by="UADA",
    channel="C1",
    text="Summarise #support",
    rule="0 9 * * 1",
    zone="Europe/Berlin",
    next_at=2_000.0,
    next_slot="a",
    revision="r1",
    created_at=1_000.0,
)
FIRE = Fire("T1", "s1", "a", at=2_000.0, claimed_at=2_001.0)
AFTER = replace(ONE, next_at=3_000.0, next_slot="b")


async def test_what_is_put_comes_back(store: Store) -> None:
    odd = replace(ONE, text="naïve 🎉 “x”", note="n", about="C2", counted_from=5.5)
    assert await store.schedules.put(odd, "UADA", 20) == odd
    assert await store.schedules.get("T1", "s1") == odd
    assert await store.schedules.get("T2", "s1") is None


async def test_lists_are_active_first_and_soonest_first(store: Store) -> None:
    for id, by, next_at in (("late", "UADA", 9.0), ("off", "UADA", None), ("soon", "UBOB", 2.0)):
        status = "active" if next_at else "paused"
        one = replace(ONE, id=id, by=by, next_at=next_at, status=status)  # type: ignore[arg-type]
        await store.schedules.put(one, by, 20)
    assert [s.id for s in await store.schedules.of("T1")] == ["soon", "late", "off"]
    assert [s.id for s in await store.schedules.of("T1", "UADA")] == ["late", "off"]
    assert await store.schedules.of("T2") == []


async def test_only_what_has_come_is_due(store: Store, now: Now) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    assert await store.schedules.due() == []
    now.at = 2_000.0
    assert await store.schedules.due() == [ONE]
    await store.schedules.change("T1", "s1", "", lambda s: replace(s, status="paused", next_at=None))
    assert await store.schedules.due() == []


async def test_of_many_claims_of_two_bots_one_wins(store: Store, url: str, now: Now) -> None:
    now.at = 2_001.0
    other = Store(url, now)
    await store.schedules.put(ONE, "UADA", 20)
    claims = [bot.schedules.claim(ONE, FIRE, AFTER) for bot in (store, other) for _ in range(10)]
    assert sorted(await asyncio.gather(*claims)) == [False] * 19 + [True]
    assert await store.schedules.get("T1", "s1") == AFTER
    assert await other.schedules.open_fires() == [FIRE]
    await other.close()


@pytest.mark.parametrize("changes", [{"status": "paused"}, {"next_at": 2_500.0}, {"revision": "r2"}])
async def test_a_claim_on_what_changed_meanwhile_is_none(store: Store, changes: dict[str, object]) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    await store.schedules.change("T1", "s1", "", lambda s: replace(s, **changes))  # type: ignore[arg-type]
    assert not await store.schedules.claim(ONE, FIRE, AFTER)
    assert await store.schedules.open_fires() == []


async def test_a_slot_that_was_fired_never_is_again(store: Store, now: Now) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    assert await store.schedules.claim(ONE, FIRE, AFTER)
    await store.schedules.fired(FIRE)
    await store.schedules.change("T1", "s1", "", lambda _: ONE)  # as it was, by whatever way
    assert not await store.schedules.claim(ONE, FIRE, AFTER)
    now.at = 10_000.0
    assert await store.schedules.open_fires() == []
    assert await store.schedules.get("T1", "s1") == AFTER  # it is not due over and over


async def test_a_fire_waits_until_it_is_time_and_is_done_once(store: Store, now: Now) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    await store.schedules.claim(ONE, FIRE, AFTER)
    now.at = 2_001.0
    assert await store.schedules.open_fires() == [FIRE]
    await store.schedules.postpone(FIRE, 2_050.0)
    assert await store.schedules.open_fires() == []
    now.at = 2_050.0
    assert await store.schedules.open_fires() == [FIRE]
    await store.schedules.fired(FIRE)
    await store.schedules.postpone(FIRE, 0.0)
    assert await store.schedules.open_fires() == []


async def test_a_slot_gives_way_to_the_next_but_not_what_somebody_asked_for(store: Store, now: Now) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    await store.schedules.claim(ONE, replace(FIRE, missed=2), AFTER)
    by_hand = replace(FIRE, slot=BY_HAND + "click")
    await store.schedules.ask(by_hand, "UADA")
    later = replace(FIRE, slot="b", at=3_000.0, missed=1)
    assert await store.schedules.claim(AFTER, later, replace(AFTER, next_at=4_000.0))
    now.at = 5_000.0
    there = await store.schedules.open_fires()
    assert sorted(there, key=lambda f: f.slot) == [replace(later, missed=4), by_hand]


async def test_changes_are_logged_in_sentences_and_nothing_else_is(store: Store, now: Now) -> None:
    put, change = store.schedules.put, store.schedules.change
    await put(ONE, "UADA", 20)
    await put(ONE, "UADA", 20)
    edited = replace(ONE, text="Count tickets", rule="30 7 * * *", revision="r2")
    await put(edited, "UADM", 20)
    await change("T1", "s1", "UADM", lambda s: s)
    await change("T1", "s1", "", lambda s: replace(s, note="left out"))
    await change("T1", "s1", "UBOB", lambda s: replace(s, status="paused", next_at=None))
    await change("T1", "s1", "UBOB", lambda s: None)
    place = "(Europe/Berlin) in <#C1>, for <@UADA>"
    first, second = f"Every Monday at 09:00 {place}", f"Every day at 07:30 {place}"
    expected = [
        ("UADA", "Summarise #support", "", f"{first}, active"),
        (
            "UADM",
            "Count tickets",
            f"“Summarise #support”, {first}, active",
            f"“Count tickets”, {second}, active",
        ),
        ("UBOB", "Count tickets", f"{second}, active", f"{second}, paused"),
        ("UBOB", "Count tickets", f"{second}, paused", "deleted"),
    ]
    log = list(reversed(await store.audit.recent("T1", 10)))
    assert log == [Entry("T1", now.at, by, "schedule", *rest) for by, *rest in expected]


async def test_what_cannot_be_changes_nothing_and_logs_nothing(store: Store) -> None:
    await store.schedules.put(ONE, "UADA", 20)

    def refuse(_: Schedule) -> Schedule:
        raise Unusable("It has passed.")

    with pytest.raises(Unusable):
        await store.schedules.change("T1", "s1", "UADA", refuse)
    assert await store.schedules.get("T1", "s1") == ONE
    assert len(await store.audit.recent("T1", 10)) == 1
    assert await store.schedules.change("T1", "none", "UADA", refuse) is None


async def test_changes_of_two_bots_at_once_lose_nothing(store: Store, url: str, now: Now) -> None:
    other = Store(url, now)
    await store.schedules.put(ONE, "UADA", 20)
    await asyncio.gather(
        *(
            bot.schedules.change("T1", "s1", "", lambda s: replace(s, note=s.note + "x"))
            for bot in (store, other)
            for _ in range(10)
        )
    )
    there = await store.schedules.get("T1", "s1")
    assert there
    assert there.note == "x" * 20
    await other.close()


async def test_a_date_that_passed_is_forgotten_with_its_last_slot(store: Store, now: Now) -> None:
    once = replace(ONE, rule="2026-11-23 09:00", status="ended", next_at=None, next_slot="")
    await store.schedules.put(once, "UADA", 20)
    await store.schedules.ask(FIRE, "UADA")
    assert await store.schedules.forget(50.0) == 0
    await store.schedules.fired(FIRE)
    now.at += 100.0
    await store.schedules.forget(50.0)
    assert await store.schedules.get("T1", "s1") is None


async def test_old_slots_are_forgotten_and_open_ones_are_not(store: Store, now: Now) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    await store.schedules.claim(ONE, FIRE, AFTER)
    await store.schedules.ask(replace(FIRE, slot=BY_HAND + "click"), "UADA")
    await store.schedules.fired(FIRE)
    now.at += 100.0
    assert await store.schedules.forget(200.0) == 0
    assert await store.schedules.forget(50.0) == 1  # the slot; that it was confirmed is known for good
    now.at = 5_000.0
    assert [fire.slot for fire in await store.schedules.open_fires()] == [BY_HAND + "click"]


async def test_a_workspace_that_is_forgotten_leaves_no_schedule(store: Store, now: Now) -> None:
    await store.schedules.put(ONE, "UADA", 20)
    await store.schedules.claim(ONE, FIRE, AFTER)
    await store.forget_workspace("T1")
    now.at = 9_000.0
    assert await store.schedules.of("T1") == []
    assert await store.schedules.open_fires() == []

"""Schedules confirmed, edited, paused, resumed, run now, deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.ports import BY_HAND, Away, Fire
from bot.recurrence import Unusable
from bot.store import Store
from tests.schedules.fakes import DAY, NINE, Desk, confirmed, tick, ticked
from tests.store.conftest import Now

# Confirmed


async def test_what_was_confirmed_fires_as_its_owner_and_where_it_belongs(desk: Desk, now: Now) -> None:
    run = confirmed("0 9 * * 1", "s1", zone="Europe/Berlin")
    assert run.proposal
    run = replace(run, proposal=replace(run.proposal, about="C5"))
    schedule = await desk.confirm(run)
    assert (schedule.status, schedule.next_at) == ("active", NINE - 3600 + 7 * DAY)  # 9 in Berlin is now
    assert schedule == await desk.there() == await desk.service.get("T1", "s1")
    await ticked(desk, now, NINE - 3600 + 7 * DAY)
    [fired] = await desk.runs()
    asked = fired.request
    assert (asked.text, asked.by, asked.channel, asked.about) == ("Summarise #support", "UADA", "C1", "C5")
    assert (asked.source, asked.zone, asked.schedule) == ("schedule", "Europe/Berlin", "s1")
    assert asked.remark == ""


async def test_a_confirmation_counts_once_whatever_became_of_the_schedule(desk: Desk, now: Now) -> None:
    first, edit = confirmed("0 9 * * *", "s1"), confirmed("0 10 * * *", "e1", replaces="s1/s1", by="UBOB")
    made = await desk.confirm(first)
    now.at += 5
    assert await desk.confirm(first) == made
    edited = await desk.confirm(edit)
    assert (edited.id, edited.rule, edited.by, edited.revision) == ("s1", "0 10 * * *", "UBOB", "e1")
    assert edited.created_at == made.created_at
    assert edited.counted_from == now.at
    assert await desk.confirm(first) == edited  # a late echo of the first yes
    await desk.service.delete("T1", "s1", "UBOB")
    for echo in (first, edit):
        assert (await desk.confirm(echo)).note == "This schedule was deleted."
    assert await desk.service.get("T1", "s1") is None


async def test_an_edit_takes_the_place_of_what_was_due_and_did_not_happen_yet(desk: Desk, now: Now) -> None:
    await desk.made()
    desk.authority.away = True
    await ticked(desk, now, NINE)
    await desk.confirm(confirmed("0 11 * * *", "e1", replaces="s1/s1", task="Count tickets"))
    desk.authority.away = False
    await ticked(desk, now, NINE + 600)
    assert await desk.runs() == []
    await ticked(desk, now, NINE + 7200)
    assert [run.request.text for run in await desk.runs()] == ["Count tickets"]


async def test_nine_in_another_zone_is_another_slot_on_the_same_day(desk: Desk, now: Now) -> None:
    await desk.made()
    await ticked(desk, now, NINE)
    await desk.end_last()
    await desk.confirm(confirmed("0 9 * * *", "e1", replaces="s1/s1", zone="America/New_York"))
    await ticked(desk, now, NINE + 5 * 3600)
    assert len(await desk.runs()) == 2


async def test_one_date_fires_once_and_ends(desk: Desk, now: Now) -> None:
    await desk.made("2026-11-23 09:00")
    await ticked(desk, now, NINE)
    assert (await desk.there()).status == "ended"
    assert len(await desk.runs()) == 1
    with pytest.raises(Unusable, match="has passed"):
        await desk.service.resume("T1", "s1", "UADA")
    late = await desk.made("2026-11-23 09:00", "s2")
    assert (late.status, late.note) == ("ended", "Its time had passed when it was confirmed.")


async def test_twenty_are_the_most_of_one_person(desk: Desk) -> None:
    desk.most = 3
    made = await asyncio.gather(*(desk.made(id=f"s{n}") for n in range(5)))
    assert sorted(s.status for s in made) == ["active"] * 3 + ["paused"] * 2
    over = next(s for s in made if s.status == "paused")
    assert (over.note, over.next_at) == ("You have 3 schedules, the most at once.", None)
    on = next(s for s in made if s.status == "active")
    service = desk.service
    assert "the most at once" in await service.refusal("T1", "UADA", "C1")
    assert await service.refusal("T1", "UADA", "C1", replaces=on.id) == ""
    assert await service.refusal("T1", "UBOB", "C1") == ""
    with pytest.raises(Unusable, match="the most at once"):
        await service.resume("T1", over.id, "UADA")
    assert (await desk.made(id="b1", by="UBOB")).status == "active"
    await service.pause("T1", on.id, "UADA")
    assert await service.refusal("T1", "UADA", "C1") == ""
    resumed = await service.resume("T1", over.id, "UADA")
    assert resumed
    assert (resumed.status, resumed.note) == ("active", "")


async def test_two_bots_together_keep_to_the_most(desk: Desk, url: str, now: Now) -> None:
    desk.most = 3
    other = Store(url, now)
    both = [desk, replace(desk, store=other)]
    made = await asyncio.gather(*(both[n % 2].made(id=f"s{n}") for n in range(8)))
    assert len([s for s in made if s.status == "active"]) == 3
    await other.close()


async def test_who_may_not_is_told_before_they_confirm(desk: Desk) -> None:
    desk.authority.says = "You are not in this channel."
    assert await desk.service.refusal("T1", "UADA", "C1") == "You are not in this channel."
    desk.authority.away = True
    with pytest.raises(Away):
        await desk.service.refusal("T1", "UADA", "C1")


# Paused, resumed, run now, deleted


async def test_paused_it_misses_what_comes_and_catches_nothing_up(desk: Desk, now: Now) -> None:
    await desk.made()
    await desk.service.pause("T1", "s1", "UADA")
    await ticked(desk, now, NINE + 2 * DAY + 60)
    resumed = await desk.service.resume("T1", "s1", "UADA")
    assert resumed
    assert (resumed.next_at, resumed.note, resumed.counted_from) == (NINE + 3 * DAY, "", now.at)
    await tick(desk.service)
    assert await desk.runs() == []


async def test_paused_while_a_slot_waits_for_slack_that_slot_is_over(desk: Desk, now: Now) -> None:
    await desk.made()
    desk.authority.away = True
    await ticked(desk, now, NINE)
    await desk.service.pause("T1", "s1", "UADA")
    await desk.service.resume("T1", "s1", "UADA")
    desk.authority.away = False
    await ticked(desk, now, NINE + 60)
    assert await desk.runs() == []


async def test_run_now_is_one_run_under_one_key(desk: Desk, now: Now) -> None:
    await desk.made()
    first = await desk.service.run_now("T1", "s1", "UADA", "click-1")
    again = await desk.service.run_now("T1", "s1", "UADA", "click-1")
    assert first and again
    assert first.id == again.id
    with pytest.raises(Unusable, match="still on"):
        await desk.service.run_now("T1", "s1", "UADA", "click-2")
    await desk.end_last()
    await desk.service.run_now("T1", "s1", "UADA", "click-2")
    await tick(desk.service)
    runs = await desk.runs()
    assert [run.request.remark for run in runs] == ["Run now, outside its schedule."] * 2
    assert (await desk.there()).next_at == NINE
    log = await desk.store.audit.recent("T1", 10)
    assert [line.after for line in log] == ["run now", "run now", log[2].after]


async def test_run_now_also_while_it_is_paused_and_says_why_it_cannot(desk: Desk) -> None:
    await desk.made()
    await desk.service.pause("T1", "s1", "UADA")
    assert await desk.service.run_now("T1", "s1", "UADA", "click-1")
    desk.authority.says = "You are not in this channel."
    with pytest.raises(Unusable, match="not in this channel"):
        await desk.service.run_now("T1", "s1", "UADA", "click-2")
    assert len(await desk.runs()) == 1
    assert await desk.service.run_now("T1", "none", "UADA", "click-3") is None


async def test_run_now_that_was_killed_half_way_is_finished_by_the_next_tick(desk: Desk, now: Now) -> None:
    await desk.made()
    await desk.service.pause("T1", "s1", "UADA")
    assert await desk.store.schedules.ask(Fire("T1", "s1", BY_HAND + "click-1", now.at, 0, now.at), "UADA")
    await tick(desk.service)
    assert len(await desk.runs()) == 1
    await desk.service.run_now("T1", "s1", "UADA", "click-1")
    assert len(await desk.runs()) == 1


async def test_deleted_it_is_gone(desk: Desk, now: Now) -> None:
    made = await desk.made()
    assert await desk.service.delete("T1", "s1", "UADA") == made
    assert await desk.service.delete("T1", "s1", "UADA") is None
    for change in (desk.service.pause, desk.service.resume):
        assert await change("T1", "s1", "UADA") is None
    await ticked(desk, now, NINE)
    assert await desk.runs() == []


async def test_a_run_that_no_schedule_made_is_judged_by_nobody(desk: Desk) -> None:
    await desk.service.judge(confirmed("0 9 * * *", "s1"))
    with pytest.raises(ValueError, match="Nobody said yes"):
        undecided = confirmed("0 9 * * *", "s1")
        assert undecided.proposal
        await desk.confirm(replace(undecided, proposal=replace(undecided.proposal, decided="")))

"""Confirmed, paused, resumed, deleted, run now; and what keeps a slot from its run."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.fires import Fires, slot_name
from bot.ports import BY_HAND, Away, Fire
from bot.recurrence import Slot, Unusable
from bot.store import Store
from tests.schedules.fakes import Desk, Killed, StoredRunner, confirmed
from tests.schedules.scenarios import utc
from tests.store.conftest import Now

NINE, DAY = utc("2026-11-23T09:00"), 86_400.0  # a Monday


@pytest.fixture
def desk(store: Store, now: Now) -> Desk:
    now.at = NINE - 3600
    return Desk(store, now)


async def ticked(desk: Desk, now: Now, at: float) -> None:
    now.at = at
    await desk.service.tick()


# Confirmed


async def test_what_was_confirmed_fires_as_its_owner_and_where_it_belongs(desk: Desk, now: Now) -> None:
    run = confirmed("0 9 * * 1", "s1", zone="Europe/Berlin")
    assert run.proposal
    run = replace(run, proposal=replace(run.proposal, about="C5"))
    schedule = await desk.service.confirm(run)
    assert (schedule.status, schedule.next_at) == ("active", NINE - 3600 + 7 * DAY)  # 9 in Berlin is now
    assert schedule == await desk.there() == await desk.service.get("T1", "s1")
    await ticked(desk, now, NINE - 3600 + 7 * DAY)
    [fired] = await desk.runs()
    asked = fired.request
    assert (asked.text, asked.by, asked.channel, asked.about) == ("Summarise #support", "UADA", "C1", "C5")
    assert (asked.source, asked.zone, asked.schedule) == ("schedule", "Europe/Berlin", "s1")
    assert asked.remark == ""


async def test_a_confirmation_counts_once_whatever_became_of_the_schedule(desk: Desk, now: Now) -> None:
    first, edit = confirmed("0 9 * * *", "s1"), confirmed("0 10 * * *", "e1", replaces="s1", by="UBOB")
    made = await desk.service.confirm(first)
    now.at += 5
    assert await desk.service.confirm(first) == made
    edited = await desk.service.confirm(edit)
    assert (edited.id, edited.rule, edited.by, edited.revision) == ("s1", "0 10 * * *", "UBOB", "e1")
    assert edited.created_at == made.created_at
    assert edited.counted_from == now.at
    assert await desk.service.confirm(first) == edited  # a late echo of the first yes
    await desk.service.delete("T1", "s1", "UBOB")
    for echo in (first, edit):
        assert (await desk.service.confirm(echo)).note == "This schedule was deleted."
    assert await desk.service.get("T1", "s1") is None


async def test_an_edit_takes_the_place_of_what_was_due_and_did_not_happen_yet(desk: Desk, now: Now) -> None:
    await desk.made()
    desk.authority.away = True
    await ticked(desk, now, NINE)
    await desk.service.confirm(confirmed("0 11 * * *", "e1", replaces="s1", task="Count tickets"))
    desk.authority.away = False
    await ticked(desk, now, NINE + 600)
    assert await desk.runs() == []
    await ticked(desk, now, NINE + 7200)
    assert [run.request.text for run in await desk.runs()] == ["Count tickets"]


async def test_nine_in_another_zone_is_another_slot_on_the_same_day(desk: Desk, now: Now) -> None:
    await desk.made()
    await ticked(desk, now, NINE)
    await desk.end_last()
    await desk.service.confirm(confirmed("0 9 * * *", "e1", replaces="s1", zone="America/New_York"))
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


# Late, missed, killed


async def test_one_that_was_missed_is_caught_up_and_says_so(desk: Desk, now: Now) -> None:
    await desk.made(zone="Europe/Berlin")
    await ticked(desk, now, NINE - 3600 + DAY + 600)
    [run] = await desk.runs()
    assert run.request.remark == "This was due Tue 24 Nov 2026, 09:00; I was not running then."


@pytest.mark.parametrize(
    ("days", "words"), [(2, "1 earlier time is left out."), (3, "2 earlier times are left out.")]
)
async def test_of_several_that_were_missed_the_last_is_caught_up(
    desk: Desk, now: Now, days: int, words: str
) -> None:
    await desk.made()
    await ticked(desk, now, NINE + (days - 1) * DAY + 7200)
    [run] = await desk.runs()
    assert run.request.remark.endswith(f"; I was not running then. {words}")
    await desk.end_last()
    await ticked(desk, now, NINE + days * DAY)
    assert [run.request.remark for run in await desk.runs()][1:] == [""]


async def test_killed_between_claim_and_run_loses_nothing(desk: Desk, now: Now) -> None:
    await desk.made()

    def die(point: str) -> None:
        raise Killed(point)

    desk.crash = die
    with pytest.raises(Killed):
        await ticked(desk, now, NINE)
    assert await desk.runs() == []
    desk.crash = lambda _: None
    await ticked(desk, now, NINE + 40)
    await ticked(desk, now, NINE + 41)
    assert [run.request.remark for run in await desk.runs()] == [""]


async def test_killed_before_the_fire_is_done_with_makes_no_second_run(desk: Desk, now: Now) -> None:
    await desk.made()
    await ticked(desk, now, NINE)
    reopen = "UPDATE fire SET done_at = NULL WHERE slot LIKE '2026-%'"
    await desk.store.database.write(lambda c: c.exec_driver_sql(reopen).rowcount)
    await ticked(desk, now, NINE + 1)
    assert len(await desk.runs()) == 1
    assert (await desk.there()).note == ""  # its own run, still open, is no earlier one
    assert await desk.store.schedules.open_fires() == []


async def test_a_clock_set_back_between_looking_and_claiming_does_not_make_it_due_again(
    desk: Desk, now: Now
) -> None:
    seen = await desk.made()
    now.at = NINE - 300
    fires = Fires(desk.store.schedules, desk.authority, StoredRunner(desk.store, now), now, desk.crash)
    await fires.claim(seen)
    assert (await desk.there()).next_at == NINE + DAY
    await ticked(desk, now, NINE)
    assert len(await desk.runs()) == 1


# Kept from it


async def test_a_channel_that_is_gone_makes_a_lost_run_and_pauses(desk: Desk, now: Now) -> None:
    await desk.made()
    desk.authority.says = "The channel was archived."
    await ticked(desk, now, NINE)
    [run] = await desk.runs()
    assert (run.status, run.note) == ("lost", "The channel was archived.")
    there = await desk.there()
    assert (there.status, there.note, there.next_at) == ("paused", "The channel was archived.", None)
    await ticked(desk, now, NINE + DAY)
    assert len(await desk.runs()) == 1


async def test_when_slack_is_away_it_is_tried_again_and_the_run_says_why_it_is_late(
    desk: Desk, now: Now
) -> None:
    await desk.made()
    desk.authority.away = True
    for second in range(0, 3600, 5):
        await ticked(desk, now, NINE + second)
    assert 10 < desk.authority.asked < 25  # 15 s, then rarer
    assert await desk.runs() == []
    desk.authority.away = False
    await ticked(desk, now, NINE + 3900)
    [run] = await desk.runs()
    assert run.request.remark == "This was due Mon 23 Nov 2026, 09:00; I could not begin it then."


async def test_a_day_without_slack_leaves_the_slot_out(desk: Desk, now: Now) -> None:
    await desk.made("0 9 * * 1")
    desk.authority.away = True
    for hours in range(25):
        await ticked(desk, now, NINE + hours * 3600)
    there = await desk.there()
    assert there.note == "Mon 23 Nov 2026, 09:00 is left out: I could not reach Slack for a day."
    assert there.status == "active"
    desk.authority.away = False
    await ticked(desk, now, NINE + 26 * 3600)
    assert await desk.runs() == []
    await ticked(desk, now, NINE + 7 * DAY)
    assert len(await desk.runs()) == 1
    assert (await desk.there()).note == ""


async def test_what_waits_gives_way_to_the_next_slot(desk: Desk, now: Now) -> None:
    await desk.made("*/15 * * * *")
    desk.authority.away = True
    for minutes in range(0, 61, 5):
        await ticked(desk, now, NINE + minutes * 60)
    desk.authority.away = False
    await ticked(desk, now, NINE + 3660)
    [run] = await desk.runs()
    assert run.request.remark == "7 earlier times are left out."  # three of them before nine


async def test_one_slot_that_fails_does_not_hold_up_the_others(desk: Desk, now: Now) -> None:
    await desk.made(id="s1", channel="CBAD")
    await desk.made(id="s2")
    desk.authority.broken = "CBAD"
    await ticked(desk, now, NINE)
    assert len(await desk.runs("s2")) == 1
    assert await desk.runs("s1") == []
    desk.authority.broken = ""
    await ticked(desk, now, NINE + 20)
    assert len(await desk.runs("s1")) == 1


async def test_a_rule_that_cannot_be_read_any_more_pauses_its_schedule_alone(desk: Desk, now: Now) -> None:
    await desk.made(id="s1")
    await desk.made(id="s2")
    await desk.store.schedules.change("T1", "s1", "", lambda s: replace(s, zone="Atlantis/Middle"))
    await ticked(desk, now, NINE)
    assert (await desk.there()).status == "paused"
    assert (await desk.there()).note.startswith("I cannot read its time any more: ")
    assert len(await desk.runs("s2")) == 1
    assert await desk.service.delete("T1", "s1", "UADA")


async def test_the_run_before_it_still_open_leaves_it_out(desk: Desk, now: Now) -> None:
    await desk.made()
    await ticked(desk, now, NINE)
    await ticked(desk, now, NINE + DAY)
    assert len(await desk.runs()) == 1
    note = "Tue 24 Nov 2026, 09:00 is left out: the run before it was still open."
    assert (await desk.there()).note == note
    await desk.end_last()
    await ticked(desk, now, NINE + 2 * DAY)
    assert len(await desk.runs()) == 2
    assert (await desk.there()).note == ""


# Failures


async def test_three_failures_in_a_row_pause_it_and_tell_its_owner(desk: Desk, now: Now) -> None:
    await desk.made()
    for day, status in enumerate(("failed", "lost", "failed")):
        await ticked(desk, now, NINE + day * DAY)
        run = await desk.end_last(status)  # type: ignore[arg-type]
        assert (await desk.there()).status == "active"
        await desk.service.judge(run)
    there = await desk.there()
    assert (there.status, there.note) == ("paused", "It failed 3 times in a row.")
    last = (await desk.runs())[-1]
    assert last.notice.startswith("“Summarise #support” failed 3 times in a row, so I paused it.")
    await desk.service.judge(last)
    await ticked(desk, now, NINE + 3 * DAY)
    assert [run.notice for run in await desk.runs()] == ["", "", last.notice]


async def test_nobody_judged_the_third_failure_so_the_next_slot_does(desk: Desk, now: Now) -> None:
    await desk.made()
    for day in range(3):
        await ticked(desk, now, NINE + day * DAY)
        await desk.end_last("failed")
    await ticked(desk, now, NINE + 3 * DAY)
    assert len(await desk.runs()) == 3
    assert (await desk.there()).status == "paused"
    assert (await desk.runs())[-1].notice


async def test_a_success_between_failures_and_a_resume_count_anew(desk: Desk, now: Now) -> None:
    await desk.made()
    for day, status in enumerate(("failed", "failed", "partial", "failed", "stopped", "failed", "failed")):
        await ticked(desk, now, NINE + day * DAY)
        await desk.service.judge(await desk.end_last(status))  # type: ignore[arg-type]
        assert (await desk.there()).status == "active"
    now.at += 60
    await desk.service.pause("T1", "s1", "UADA")
    await desk.service.resume("T1", "s1", "UADA")
    for day in range(7, 9):
        await ticked(desk, now, NINE + day * DAY)
        await desk.service.judge(await desk.end_last("failed"))
    assert (await desk.there()).status == "active"
    await ticked(desk, now, NINE + 9 * DAY)
    await desk.service.judge(await desk.end_last("failed"))
    assert (await desk.there()).status == "paused"


# Paused, resumed, run now, deleted


async def test_paused_it_misses_what_comes_and_catches_nothing_up(desk: Desk, now: Now) -> None:
    await desk.made()
    await desk.service.pause("T1", "s1", "UADA", "On holiday.")
    assert (await desk.there()).note == "On holiday."
    await ticked(desk, now, NINE + 2 * DAY + 60)
    resumed = await desk.service.resume("T1", "s1", "UADA")
    assert resumed
    assert (resumed.next_at, resumed.note, resumed.counted_from) == (NINE + 3 * DAY, "", now.at)
    await desk.service.tick()
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
    await desk.service.run_now("T1", "s1", "UADA", "click-2")
    await desk.service.tick()
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
    await desk.service.tick()
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


def test_a_slot_in_utc_needs_no_zone() -> None:
    assert slot_name(Slot("2026-10-25T00:30Z", 0.0), "Europe/Berlin") == "2026-10-25T00:30Z"
    assert slot_name(Slot("2026-10-25T02:30", 0.0), "Europe/Berlin") == "2026-10-25T02:30 Europe/Berlin"
    assert slot_name(Slot("2026-10-25T02:30", 0.0), "") == "2026-10-25T02:30"


async def test_a_run_that_no_schedule_made_is_judged_by_nobody(desk: Desk) -> None:
    await desk.service.judge(confirmed("0 9 * * *", "s1"))
    with pytest.raises(ValueError, match="Nobody said yes"):
        undecided = confirmed("0 9 * * *", "s1")
        assert undecided.proposal
        await desk.service.confirm(replace(undecided, proposal=replace(undecided.proposal, decided="")))

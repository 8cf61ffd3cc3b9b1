"""Slots late, missed, killed half way, held back; and what comes of failures in a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.fires import Fires, slot_name
from bot.recurrence import Slot
from tests.schedules.fakes import DAY, NINE, Desk, Killed, StoredRunner, ticked
from tests.store.conftest import Now

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


@pytest.mark.parametrize("rule", ["0 9 * * 1", "2026-11-23 09:00"])
async def test_after_a_day_without_slack_the_slot_is_given_up_and_its_owner_told(
    desk: Desk, now: Now, rule: str
) -> None:
    await desk.made(rule)
    desk.authority.away = True
    for hours in range(25):
        await ticked(desk, now, NINE + hours * 3600)
    (given_up,) = await desk.runs()
    assert (given_up.status, given_up.note) == ("lost", "I could not reach Slack for a day.")
    desk.authority.away = False
    await ticked(desk, now, NINE + 26 * 3600)
    assert len(await desk.runs()) == 1
    await ticked(desk, now, NINE + 7 * DAY)
    assert len(await desk.runs()) == (2 if rule == "0 9 * * 1" else 1)


async def test_what_only_the_operator_can_mend_is_said_in_the_list_and_once_a_day_to_the_owner(
    desk: Desk, now: Now
) -> None:
    await desk.made("0 * * * *")
    desk.authority.unsure = "I lack the scope `users:read`."
    for minutes in range(0, 25 * 60, 5):
        await ticked(desk, now, NINE + minutes * 60)
    assert (await desk.there()).note == "I cannot begin it now: I lack the scope `users:read`."
    (given_up,) = await desk.runs()
    assert given_up.status == "lost" and "users:read" in given_up.note
    assert (await desk.there()).status == "active"


async def test_what_waits_gives_way_to_the_next_slot(desk: Desk, now: Now) -> None:
    await desk.made("*/15 * * * *")
    desk.authority.away = True
    for minutes in range(0, 61, 5):
        await ticked(desk, now, NINE + minutes * 60)
    desk.authority.away = False
    await ticked(desk, now, NINE + 3600 + 310)
    [run] = await desk.runs()
    assert run.request.remark.endswith("7 earlier times are left out.")  # three of them before nine


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


def test_a_slot_in_utc_needs_no_zone() -> None:
    assert slot_name(Slot("2026-10-25T00:30Z", 0.0), "Europe/Berlin") == "2026-10-25T00:30Z"
    assert slot_name(Slot("2026-10-25T02:30", 0.0), "Europe/Berlin") == "2026-10-25T02:30 Europe/Berlin"
    assert slot_name(Slot("2026-10-25T02:30", 0.0), "") == "2026-10-25T02:30"

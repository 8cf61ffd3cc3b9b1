"""Runs: saved, loaded, fenced by their version, and found again when time has passed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from bot.decide import ASK_DAYS, decide
from bot.ports import Conflict, Shown
from bot.run import PLAN, LeaseLost, PlanMade, Run, StopAsked, ThreadOpened, TurnCame, new_run
from bot.store import Counts, Store
from bot.tables import RATING
from tests.core.plans import chain, fan
from tests.store.conftest import Now
from tests.store.stories import address, begun, finished, happen, planned, request, started
from workers.kit.wire import Asked, Said


async def reloaded(store: Store, run: Run) -> Run | None:
    return await store.runs.load(run.workspace, run.id, fresh=True)


async def test_what_was_saved_is_what_is_loaded(store: Store) -> None:
    run = await planned(store, chain("a", "b"))
    run = await happen(store, run, started(run, "a"))
    run = await happen(store, run, finished(run, "a", "Tea\nis 茶."))
    assert run.version == 5
    assert await reloaded(store, run) == run
    assert await store.runs.load("T1", "r1") is run  # from the cache
    assert await store.runs.load("T2", "r1") is None  # the workspace is part of the key
    assert await store.runs.load("T1", "nobody") is None


async def test_who_does_not_build_on_the_newest_version_gets_a_conflict(store: Store) -> None:
    first = await begun(store)
    second = await happen(store, first, PlanMade(1, chain("a")))
    with pytest.raises(Conflict):
        await store.runs.save(first, replace(first, title="Late"))
    assert await store.runs.load("T1", "r1") == second


async def test_a_run_is_made_once(store: Store) -> None:
    run = await begun(store)
    with pytest.raises(Conflict):
        await store.runs.save(None, new_run("r1", "T1", request(by="UEVE"), 1.0))
    assert await store.runs.load("T1", "r1") == run


async def test_of_many_at_once_exactly_one_wins(store: Store) -> None:
    """Also where they come into one batch: then the second meets the version that the first left."""
    run = await begun(store)
    changes = [store.runs.save(run, replace(run, title=f"Title {n}")) for n in range(10)]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    won = [outcome for outcome in outcomes if isinstance(outcome, Run)]
    assert len(won) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 9
    assert await reloaded(store, run) == won[0]


async def test_another_bots_change_is_a_conflict_and_then_what_is_loaded(store: Store, url: str) -> None:
    run = await begun(store)
    other = Store(url, Now())
    theirs = await other.runs.load("T1", "r1")
    assert theirs is not None
    theirs = await happen(other, theirs, PlanMade(1, chain("a")))
    assert await store.runs.load("T1", "r1") is run  # stale, as the port says
    with pytest.raises(Conflict):
        await happen(store, run, StopAsked("UADA"))
    assert await store.runs.load("T1", "r1") == theirs
    theirs = await happen(other, theirs, finished(theirs, "a"))
    assert await store.runs.load("T1", "r1", fresh=True) == theirs
    assert await store.runs.load("T1", "r1") == theirs
    await other.close()


async def test_a_deleted_run_does_not_come_back(store: Store) -> None:
    """A worker's late result must not bring an uninstalled workspace back."""
    run = await begun(store)
    await store.inbox.put("T1", ["e1"], "{}")
    await store.messages.claim("T1", "r1", "plan", "C1")
    await store.runs.rate("T1", "r1", "UADA", "good")
    elsewhere = await store.runs.save(None, new_run("r1", "T2", request(), 1.0))
    await store.forget_workspace("T1")
    with pytest.raises(Conflict):
        await happen(store, run, PlanMade(1, chain("a")))
    assert await store.runs.load("T1", "r1") is None
    assert await store.inbox.take() == []
    assert await store.messages.shown("T1", "r1") == {}
    assert await reloaded(store, elsewhere) == elsewhere


async def test_only_what_changed_is_written(store: Store) -> None:
    """A heartbeat of another step, and its lease, survive the change of its sibling."""
    run = await planned(store, fan("a", "b"))
    await store.runs.renew(address(run, "b"))
    await happen(store, run, finished(run, "a"))
    assert await store.runs.lost_leases() == []


async def test_a_run_of_the_same_name_elsewhere_is_another_run(store: Store) -> None:
    theirs = await store.runs.save(None, new_run("r1", "T2", request(), 1.0))
    theirs = await happen(store, theirs, TurnCame())
    ours = await begun(store)
    ours = await happen(store, ours, started(ours))
    await happen(store, ours, StopAsked("UADA"))
    assert await reloaded(store, theirs) == theirs


async def test_the_cache_is_bounded(url: str) -> None:
    small = Store(url, Now(), cached_runs=3)
    for n in range(5):
        await small.runs.save(None, new_run(f"cached{n}", "T1", request(), 1.0))
    assert len(small.runs._cache) == 3
    assert await small.runs.load("T1", "cached0") is not None
    await small.close()


async def test_an_attempt_that_is_silent_too_long_is_lost(store: Store, now: Now) -> None:
    run = await planned(store, chain("a", "b"))
    now.at += 61
    assert [(lost.step, lost.attempt) for lost in await store.runs.lost_leases()] == [("a", 1)]
    run = await happen(store, run, LeaseLost("a", 1))  # out again: a new attempt has a fresh lease
    assert await store.runs.lost_leases() == []
    now.at += 40
    run = await happen(store, run, started(run, "a", 2))  # a beginning renews it
    now.at += 40
    assert await store.runs.lost_leases() == []
    now.at += 21
    assert await store.runs.lost_leases() == [address(run, "a", 2)]
    run = await happen(store, run, finished(run, "a", attempt=2))
    assert await store.runs.lost_leases() == []
    run = await happen(store, run, finished(run, "b"))
    assert (await store.counts()).out == 0


async def test_a_heartbeat_renews_the_current_attempt_alone(store: Store, now: Now) -> None:
    run = await begun(store)
    now.at += 50
    beats = [address(run), address(run, attempt=2), address(run, "nobody"), address(run)]
    await asyncio.gather(*(store.runs.renew(beat) for beat in beats))
    now.at += 50
    assert await store.runs.lost_leases() == []
    await store.runs.renew(address(run, attempt=2))
    now.at += 11
    assert await store.runs.lost_leases() == [address(run)]
    stopped = await happen(store, run, StopAsked("UADA"))
    await store.runs.renew(address(stopped))
    assert await store.runs.lost_leases() == []


async def test_a_process_that_is_alone_takes_up_what_was_out(store: Store) -> None:
    run = await begun(store)
    assert await store.runs.expire_leases() == 1
    assert await store.runs.lost_leases() == [address(run)]


async def test_what_is_with_a_worker_elsewhere_is_not_lost_with_this_process(store: Store) -> None:
    await begun(store, asked=replace(request(), worker="translate"))
    assert await store.runs.expire_leases(["translate"]) == 0
    assert await store.runs.expire_leases(["other"]) == 1


async def test_a_request_waits_for_its_turn_in_its_thread(store: Store, now: Now) -> None:
    first = await begun(store, "r1")
    second = await store.runs.save(None, new_run("r2", "T1", request(), 1_001.0))
    await store.runs.save(None, new_run("r3", "T1", request(), 1_002.0))
    await store.runs.save(None, new_run("r4", "T1", request(thread_ts="200.1"), 1_003.0))
    await store.runs.save(None, new_run("r5", "T1", request(thread_ts=""), 1_004.0))
    await store.runs.save(None, new_run("r6", "T1", request(thread_ts=""), 1_005.0))
    await store.runs.save(None, new_run("r7", "T2", request(), 1_006.0))
    for run_id in ("r1", "r2", "r3", "r4", "r5", "r6"):
        await store.messages.all_shown("T1", run_id, 99)
    await store.messages.all_shown("T2", "r7", 99)
    assert await store.runs.due() == [("T1", "r4"), ("T1", "r5"), ("T1", "r6"), ("T2", "r7")]
    await happen(store, first, StopAsked("UADA"))
    assert ("T1", "r2") in await store.runs.due()
    assert ("T1", "r3") not in await store.runs.due()
    await happen(store, second, TurnCame())
    assert ("T1", "r3") not in await store.runs.due()


async def test_a_thread_that_is_behind_is_due_until_it_shows_the_newest(store: Store, now: Now) -> None:
    run = await begun(store)
    assert await store.runs.due() == [("T1", "r1")]
    await store.messages.all_shown("T1", "r1", run.version)
    assert await store.runs.due() == []
    run = await happen(store, run, PlanMade(1, chain("a")))
    await store.messages.all_shown("T1", "r1", 1)  # an older view says nothing about the newest
    assert await store.runs.due() == [("T1", "r1")]
    await store.messages.all_shown("T1", "r1", run.version)
    await store.messages.all_shown("T1", "r1", 1)
    assert await store.runs.due() == []
    run = await happen(store, run, started(run, "a"))
    await store.messages.postpone("T1", "r1", now.at + 120)  # a rate limit: no busy loop
    await store.messages.postpone("T1", "r1", now.at + 10)
    assert await store.runs.due() == []
    now.at += 121
    assert await store.runs.due() == [("T1", "r1")]


async def test_a_question_nobody_answers_wakes_the_run(store: Store, now: Now) -> None:
    run = await planned(store, chain("a"))
    asked = Asked(**address(run, "a").model_dump(), question="Which tea?", options=("Green", "Black"))
    run = await happen(store, run, asked, now.at)
    await store.messages.all_shown("T1", "r1", run.version)
    assert await reloaded(store, run) == run
    assert await store.runs.due() == []
    now.at += ASK_DAYS * 86_400
    assert await store.runs.due() == [("T1", "r1")]


async def test_runs_are_found_by_thread_person_and_message(store: Store) -> None:
    ended = await happen(store, await begun(store, "r1"), StopAsked("UADA"))
    second = await store.runs.save(None, new_run("r2", "T1", request(by="UEVE"), 1_001.0))
    other = await store.runs.save(None, new_run("r3", "T1", request(thread_ts=""), 1_002.0))
    await store.runs.save(None, new_run("r4", "T2", request(by="UTWO"), 1_003.0))
    assert await store.runs.thread_runs("T1", "C1", "100.1") == [ended, second]
    assert await store.runs.owners("T1", "C1", "100.1") == {"UADA", "UEVE"}
    assert await store.runs.owners("T1", "C2", "100.1") == set()
    assert await store.runs.open_runs("T1") == [second, other]
    assert await store.runs.recent_runs("T1", "UADA", 1) == [other]
    assert await store.runs.recent_runs("T1", "UADA") == [other, ended]
    assert await store.runs.open_of("T1", "UADA") == {"r3"}
    await store.messages.posted("T1", "r2", Shown("plan", "C1", "101.5", "d", 1))
    assert await store.runs.run_of_message("T1", "C1", "101.5") == second
    assert await store.runs.run_of_message("T2", "C1", "101.5") is None


async def test_a_thread_opens_later_for_a_command(store: Store) -> None:
    run = await begun(store, asked=request(thread_ts=""))
    run = await happen(store, run, ThreadOpened("300.1"))
    assert await reloaded(store, run) == run
    assert await store.runs.thread_runs("T1", "C1", "300.1") == [run]


async def test_counts_are_for_health(store: Store, now: Now) -> None:
    await begun(store)
    await store.runs.save(None, new_run("r2", "T1", request(), 1_001.0))
    await store.inbox.put("T1", ["e1"], "{}")
    assert await store.counts() == Counts(
        working=1, queued=1, inbox=1, oldest=now.at, out_by_worker={"model": 1}
    )
    await store.ping()


async def test_the_last_rating_counts(store: Store) -> None:
    await store.runs.rate("T1", "r1", "UADA", "good")
    await store.runs.rate("T1", "r1", "UADA", "bad")
    ratings = await store.database.read(lambda c: c.execute(select(RATING.c.value)).scalars().all())
    assert list(ratings) == ["bad"]


async def test_what_a_database_cannot_hold_is_left_out_before_it_is_believed(store: Store) -> None:
    """NUL and lone surrogates come from models and files. Ids and needs must go on matching."""
    plan = chain("a\x00", "b\ud800")
    run = await planned(store, plan)
    assert [s.id for s in run.work] == ["a", "b?"]
    assert run.work[1].step.needs == ("a",)
    run = await happen(store, run, Said(**address(run, "a").model_dump(), line="half\x00way \ud83d"))
    run = await happen(store, run, finished(run, "a", 'NUL \x00, \ud83d, the words \\u0000 and "\\\\u0000"'))
    result = run.work[0].result
    assert result is not None
    assert result.text == 'NUL , ?, the words \\u0000 and "\\\\u0000"'
    assert decide(run, finished(run, "b?"), 1.0).ended
    assert await reloaded(store, run) == run
    assert run.find(PLAN) is not None

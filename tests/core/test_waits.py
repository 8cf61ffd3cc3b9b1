"""Steps that wait for a time, schedules that wait for a yes, workers that are asked by name."""

from __future__ import annotations

from typing import Any

import pytest

from bot.decide import ASK_DAYS, tasks, wakes
from bot.messages import Notice, PlanMessage, ScheduleCard
from bot.plan import Plan, Step
from bot.render import render
from bot.run import (
    Noted,
    PlanMade,
    Proposal,
    ProposalDecided,
    Proposed,
    Request,
    Run,
    StopAsked,
    ThreadLost,
    Tick,
    TurnCame,
    new_run,
)
from tests.core.plans import fresh_run, with_room
from workers import Result
from workers.kit.wire import Finished

NINE = 1_770_000_000.0  # some morning
PROPOSAL = Proposal("Summarise #support", "0 9 * * 1", "Europe/Berlin", "C1")


def planned(*steps: Step) -> Run:
    run = with_room(fresh_run(), TurnCame(), 1)
    return with_room(run, PlanMade(1, Plan(title="t", steps=steps)), 2)


def step(id: str, **more: Any) -> Step:
    return Step(id=id, title=id, worker="writer", instruction="x", **more)


def finish(run: Run, id: str, now: float) -> Run:
    state = run.find(id)
    assert state
    at = {"workspace": "T1", "run": "run1", "step": id, "attempt": state.attempt}
    return with_room(run, Finished(**at, result=Result(text="done")), now)


def test_a_step_that_waits_is_out_with_nobody_until_its_time_has_come() -> None:
    run = planned(step("a", not_before=NINE))
    assert not tasks(run) and run.resting and wakes(run) == NINE
    assert with_room(run, Tick(), NINE - 1) is run
    woken = with_room(run, Tick(), NINE)
    assert [s.id for s in tasks(woken)] == ["a"] and not woken.resting and wakes(woken) is None


def test_a_delay_counts_from_the_moment_that_what_it_needs_is_done() -> None:
    run = planned(step("a"), step("b", needs=("a",), delay=600))
    assert [s.id for s in tasks(run)] == ["a"] and not run.resting
    run = finish(run, "a", now=1_000)
    assert run.resting and wakes(run) == 1_600
    assert [s.id for s in tasks(with_room(run, Tick(), 1_600))] == ["b"]


def test_a_time_that_has_passed_is_no_wait() -> None:
    assert [s.id for s in tasks(planned(step("a", not_before=1.0)))] == ["a"]


def test_a_wait_is_told_in_the_persons_own_time_and_can_be_stopped() -> None:
    run = new_run("run1", "T1", Request("x", "UADA", "C1", thread_ts="1.0", zone="Asia/Tokyo"), 0)
    run = with_room(
        with_room(run, TurnCame(), 1), PlanMade(1, Plan(title="t", steps=(step("a", not_before=NINE),))), 2
    )
    plan = render(run)["plan"]
    assert isinstance(plan, PlanMessage)
    assert plan.line == "Waiting until Mon 2 Feb 2026, 11:40." == plan.cards[0].line + "."
    stopped = with_room(run, StopAsked("UADA"), 3)
    assert stopped.status == "stopped" and wakes(stopped) is None


def proposed(proposal: Proposal = PROPOSAL) -> Run:
    return with_room(with_room(fresh_run(), TurnCame(), 1), Proposed(1, proposal), 2)


def test_a_proposal_waits_for_a_person_at_no_cost_and_in_nobodys_way() -> None:
    run = proposed()
    assert not tasks(run) and run.resting and not run.ended
    card = render(run)["plan"]
    assert isinstance(card, ScheduleCard)
    assert (card.when, len(card.dates), card.decided) == ("Every Monday at 09:00", 3, "")
    assert set(render(run)) == {"plan"}


@pytest.mark.parametrize(("yes", "status"), [(True, "done"), (False, "stopped")])
def test_it_is_decided_once(yes: bool, status: str) -> None:
    run = with_room(proposed(), ProposalDecided("UADA", yes), 5)
    assert run.status == status and run.proposal and run.proposal.by == "UADA"
    assert with_room(run, ProposalDecided("UEVE", not yes), 6) is run
    assert set(render(run)) == {"plan"}, "the card says it all"


def test_nobody_decides_for_two_weeks_and_nothing_is_scheduled() -> None:
    run = proposed()
    assert wakes(run) == ASK_DAYS * 86_400
    run = with_room(run, Tick(), ASK_DAYS * 86_400)
    card = render(run)["plan"]
    assert run.ended and isinstance(card, ScheduleCard)
    assert card.decided == "no" and "not confirmed" in card.note


def test_what_was_understood_without_a_model_is_not_planned() -> None:
    run = with_room(new_run("run1", "T1", Request("x", "UADA", "C1"), 0, proposal=PROPOSAL), TurnCame(), 1)
    assert run.steps == () and run.resting


def test_a_worker_that_is_asked_by_name_needs_no_plan() -> None:
    request = Request("Two lines", "UADA", "D1", source="try", worker="writer")
    run = with_room(new_run("run1", "T1", request, 0), TurnCame(), 1)
    assert [(s.step.worker, s.step.instruction) for s in tasks(run)] == [("writer", "Two lines")]


def test_a_note_reaches_its_owner_after_the_end_once() -> None:
    run = with_room(planned(step("a")), StopAsked("UADA"), 3)
    noted = with_room(run, Noted("It is paused."), 4)
    assert render(noted)["notice"] == Notice("UADA", "It is paused.")
    assert with_room(noted, Noted("It is paused, again."), 5) is noted


def test_what_could_not_begin_says_so_to_its_owner_alone() -> None:
    request = Request("Write", "UADA", "C1", source="schedule", schedule="s1")
    run = with_room(new_run("run1", "T1", request, 0), ThreadLost("That channel is archived."), 1)
    notice = render(run)["notice"]
    assert isinstance(notice, Notice) and "archived" in notice.text and "“Write”" in notice.text

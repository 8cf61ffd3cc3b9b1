"""The words for the model, and what its reply is taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.planner import forms_for, plan_call, read_plan
from bot.registry import Team
from bot.run import AnsweredDirectly, PlanMade, PlanRefused, Proposed, Request, Run, TurnCame, new_run
from bot.team import Member
from tests.core.plans import with_room
from workers import Result, Task, Worker, discover
from workers.kit.wire import Finished

NOW = 1_763_740_800.0  # Friday 2025-11-21 16:00 UTC
BUILT_IN = discover().workers


async def nothing(task: Task) -> str:
    return ""


WORKERS = {**BUILT_IN, "zylophonist": Worker("zylophonist", "Plays.", nothing)}
CHANNELS = ("C1", "C2", "C3")
members = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(
            Member,
            worker=st.just(name),
            on=st.booleans(),
            reach=st.sampled_from(["everywhere", "except", "only"]),
            channels=st.lists(st.sampled_from(CHANNELS), max_size=3, unique=True).map(tuple),
        )
        for name in WORKERS
    },
)


def asked(text: str = "Do it", **more: Any) -> Run:
    request = Request(text, "UADA", "C1", zone="Europe/Berlin", **more)
    return with_room(new_run("run1", "T1", request, 0), TurnCame(), 1)


def read(reply: object, run: Run | None = None) -> object:
    text = reply if isinstance(reply, str) else json.dumps(reply)
    report = Finished(workspace="T1", run="run1", step="~plan", attempt=1, result=Result(text=text))
    return read_plan(report, run or asked(), BUILT_IN, now=NOW)


@given(members, st.sampled_from(CHANNELS))
def test_who_is_off_is_in_no_prompt_no_schema_and_no_plan(table: dict[str, Member], channel: str) -> None:
    here = Team(WORKERS, table).here(channel)
    call = plan_call(asked(), here, now=NOW)
    said = json.dumps([call.messages, call.response_schema])
    for name in WORKERS:
        plan = {"title": "t", "steps": [{"id": "s1", "title": "t", "worker": name, "instruction": "x"}]}
        report = Finished(
            workspace="T1", run="run1", step="~plan", attempt=1, result=Result(text=json.dumps(plan))
        )
        outcome = read_plan(report, asked(), here, now=NOW)
        if name in here:
            assert name in said and isinstance(outcome, PlanMade)
        else:
            assert name not in said, f"{name} is off, and named"
            assert isinstance(outcome, PlanRefused)


def test_the_request_says_what_time_it_is_where_the_person_is() -> None:
    assert "Now: Friday 2025-11-21 17:00" in plan_call(asked(), BUILT_IN, now=NOW).messages[-1]["content"]


def test_a_schedule_makes_no_schedules_and_a_wish_for_one_nothing_else() -> None:
    assert forms_for(asked(schedule="s1").request) == ("answer", "plan")
    assert forms_for(asked(scheduling="new").request) == ("answer", "schedule")
    daily = {"schedule": {"task": "Write", "when": {"every": "day", "time": "09:00"}}}
    assert isinstance(read(daily, asked(schedule="s1")), PlanRefused)
    plan = {"title": "t", "steps": [{"id": "s1", "title": "t", "worker": "writer", "instruction": "x"}]}
    assert isinstance(read(plan, asked(scheduling="new")), PlanRefused)


def test_a_schedule_is_read_into_a_rule_in_the_persons_zone() -> None:
    reply = {"schedule": {"task": "Sum up", "when": {"every": "week", "days": ["mon"], "time": "09:00"}}}
    outcome = read(reply, asked(about="C2", target="C3", scheduling="old1"))
    assert isinstance(outcome, Proposed)
    proposal = outcome.proposal
    assert (proposal.rule, proposal.zone) == ("0 9 * * 1", "Europe/Berlin")
    assert (proposal.channel, proposal.about, proposal.replaces) == ("C3", "C2", "old1")


def test_what_cannot_be_scheduled_is_answered_and_what_was_misread_is_asked_again() -> None:
    often = read({"schedule": {"task": "Write", "when": {"every": "minutes", "n": 1}}})
    assert isinstance(often, AnsweredDirectly) and "15 minutes" in often.text
    assert isinstance(read({"schedule": {"task": "", "when": {}}}), PlanRefused)
    assert isinstance(read({"schedule": "every Monday"}), PlanRefused)


def step(**more: Any) -> dict[str, Any]:
    return {
        "title": "t",
        "steps": [{"id": "s1", "title": "t", "worker": "writer", "instruction": "x", **more}],
    }


def test_times_of_steps_are_the_persons_local_ones() -> None:
    outcome = read(step(wait_until="2025-11-22T09:00", wait_minutes=5))
    assert isinstance(outcome, PlanMade)
    made = outcome.plan.steps[0]
    assert made.not_before == 1_763_798_400.0 and made.delay == 300.0  # 08:00 UTC


@pytest.mark.parametrize("until", ["2025-11-01T09:00", "tomorrow", "2025-13-41T99:00"])
def test_a_time_that_is_none_or_has_passed_is_asked_again(until: str) -> None:
    assert isinstance(read(step(wait_until=until)), PlanRefused)


def test_a_model_cannot_set_what_is_ours() -> None:
    outcome = read(step(not_before=1.0, delay=5.0))
    assert isinstance(outcome, PlanMade)
    assert (outcome.plan.steps[0].not_before, outcome.plan.steps[0].delay) == (0.0, 0.0)


def test_waits_have_an_end() -> None:
    outcome = read(step(wait_until="2026-11-22T09:00"))
    assert isinstance(outcome, AnsweredDirectly) and "90 days" in outcome.text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "answer",
                        "title",
                        "steps",
                        "schedule",
                        "task",
                        "when",
                        "every",
                        "wait_until",
                        "wait_minutes",
                        "id",
                        "worker",
                        "needs",
                        "x",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_reply_raises(reply: object) -> None:
    assert isinstance(read(reply), AnsweredDirectly | PlanRefused | PlanMade | Proposed)

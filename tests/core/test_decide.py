"""Any plan, any order of events, duplicates and stale results: the run ends, no step is done twice, and
the rendered thread never loses a message."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot import decide as core
from bot.decide import tasks, wakes
from bot.messages import AnswerMessage, PlanMessage, Reply
from bot.plan import Plan
from bot.render import render
from bot.run import (
    ANSWER,
    PLAN,
    AnsweredDirectly,
    Event,
    LeaseLost,
    PersonAnswered,
    PlanMade,
    PlanRefused,
    Run,
    StepState,
    StopAsked,
    ThreadLost,
    Tick,
    TurnCame,
)
from tests.core.plans import chain, fan, fresh_run, plans, with_room
from workers import Result
from workers.kit.wire import Asked, Failed, Finished, Released, Said, Started


def at(state: StepState) -> dict[str, Any]:
    return {"workspace": "T1", "run": "run1", "step": state.id, "attempt": state.attempt}


def begun(plan: Plan | None = None, external: frozenset[str] = frozenset()) -> Run:
    run = with_room(fresh_run(), TurnCame(), 1)
    return with_room(run, PlanMade(1, plan, external), 2) if plan else run


def finish(run: Run, id: str, text: str = "text", now: float = 3) -> Run:
    state = run.find(id)
    assert state is not None
    return with_room(run, Finished(**at(state), result=Result(text=text)), now)


def fail(run: Run, id: str, error: str = "It broke.") -> Run:
    state = run.find(id)
    assert state is not None
    return with_room(run, Failed(**at(state), error=error), 3)


def out(run: Run) -> set[str]:
    return {s.id for s in tasks(run)}


def outcomes(draw: random.Random, state: StepState) -> list[Event]:
    """What may come of one attempt, with repetitions."""
    done: Event = Finished(**at(state), result=Result(text=f"{state.id}.{state.attempt}"))
    choice = draw.random()
    if state.kind == "plan":
        return [Started(**at(state))]
    events: list[Event] = [Started(**at(state)), Said(**at(state), line="half")]
    if choice < 0.6:
        return [*events, done, done]
    if choice < 0.75:
        return [*events, Failed(**at(state), error="It broke.")]
    if choice < 0.85:
        return [
            *events,
            Asked(**at(state), question="Which?"),
            PersonAnswered(state.id, len(state.answers), "A", "UADA"),
        ]
    return [*events, LeaseLost(state.id, state.attempt), done]


def just_done(before: Run, after: Run) -> list[str]:
    """Which steps this event finished; a step that has ended must never change again."""
    done = []
    for state in after.work:
        old = before.find(state.id)
        assert old is not None
        if old.status in ("done", "failed", "skipped", "stopped"):
            assert state == old
        elif state.status == "done":
            done.append(state.id)
    return done


@given(plans(), st.randoms(use_true_random=False))
def test_any_order_of_events_ends_the_run_with_no_step_done_twice(plan: Plan, draw: random.Random) -> None:
    run = begun(plan)
    pending: list[Event] = []
    finished_by: dict[str, int] = {}
    seen: set[str] = set()
    sent: set[tuple[str, int]] = set()
    for now in range(3, 3000):
        for state in tasks(run):
            if (state.id, state.attempt) not in sent:
                sent.add((state.id, state.attempt))
                pending += outcomes(draw, state)
        if run.ended:
            break
        event: Event
        if pending and draw.random() < 0.95:
            event = pending.pop(draw.randrange(len(pending)))
            if draw.random() < 0.1:
                pending.append(event)  # delivered again later
        elif open_ := list(tasks(run)):
            event = LeaseLost(open_[0].id, open_[0].attempt)
        elif asking := [s for s in run.steps if s.status == "asking"]:
            event = PersonAnswered(asking[0].id, len(asking[0].answers), "A", "UADA")
        else:
            event = Tick()
        after = with_room(run, event, now)
        for id in just_done(run, after):
            finished_by[id] = finished_by.get(id, 0) + 1
        keys = set(render(after))
        assert seen <= keys, "render never loses a message"
        seen = keys
        assert len([k for k in keys if not k.startswith("ask:")]) <= len(after.work) + 2
        run = after
    assert run.ended
    assert all(n == 1 for n in finished_by.values())
    assert not tasks(run)
    for state in run.work:  # nothing ran before its inputs were there
        if state.status == "done":
            assert all(run.find(n).status == "done" for n in state.step.needs)  # type: ignore[union-attr]
    assert [e for e in pending if with_room(run, e, 9999) is not run] == [], "late events change nothing"


def test_a_step_starts_the_moment_its_own_inputs_are_there() -> None:
    plan = Plan.model_validate(
        {
            "title": "t",
            "steps": [
                {"id": i, "title": i, "worker": "writer", "instruction": "x", "needs": needs}
                for i, needs in (("a", []), ("b", []), ("c", ["a"]), ("d", ["b", "c"]))
            ],
        }
    )
    run = begun(plan)
    assert out(run) == {"a", "b"}
    run = finish(run, "a")
    assert out(run) == {"b", "c"}
    run = finish(finish(run, "b"), "c")
    assert out(run) == {"d"}


def test_one_end_is_the_answer_and_no_post_repeats_it() -> None:
    run = finish(finish(begun(chain("draft", "refine")), "draft"), "refine", "the final text")
    assert run.status == "done"
    shown = render(run)
    assert list(shown) == ["plan", "step:draft", "step:refine"]
    last = shown["step:refine"]
    assert isinstance(last, Reply) and last.to == "UADA"


def test_several_ends_are_joined_by_one_answer() -> None:
    run = finish(finish(begun(fan("a", "b")), "a"), "b")
    assert out(run) == {ANSWER} and not run.ended
    run = finish(run, ANSWER, "together")
    assert run.status == "done" and run.answer == "together"
    assert list(render(run)) == ["plan", "step:a", "step:b", "answer"]


def test_a_failed_step_leaves_the_others_running_and_the_answer_says_what_is_missing() -> None:
    plan = Plan.model_validate(
        {
            "title": "t",
            "steps": [
                {"id": i, "title": f"Title {i}", "worker": "writer", "instruction": "x", "needs": needs}
                for i, needs in (("a", []), ("b", []), ("c", ["a"]))
            ],
        }
    )
    run = fail(begun(plan), "a", "The file is empty.")
    assert out(run) == {"b"}
    run = finish(run, "b")
    assert run.status == "partial"
    answer = render(run)["answer"]
    assert isinstance(answer, AnswerMessage)
    assert "Title a" in answer.text and "The file is empty." in answer.text and "“Title c”" in answer.text


def test_nothing_done_is_a_failure_with_its_reason() -> None:
    run = fail(begun(chain("only")), "only", "There is no table attached.")
    assert run.status == "failed"
    answer = render(run)["answer"]
    assert isinstance(answer, AnswerMessage) and "There is no table attached." in answer.text


def test_a_direct_answer_needs_no_worker() -> None:
    run = with_room(begun(), AnsweredDirectly(1, "4"), 2)
    assert run.status == "done" and list(render(run)) == ["plan", "answer"]


def test_a_refused_plan_is_mended_once_and_then_said_plainly() -> None:
    run = with_room(begun(), PlanRefused(1, "{", ("It is not one JSON object.",)), 2)
    planning = run.find(PLAN)
    assert planning and planning.attempt == 2 and "not one JSON" in planning.repair
    assert with_room(run, PlanRefused(1, "{", ("again",)), 3) is run, "a repeat of the first reply is stale"
    run = with_room(run, PlanRefused(2, "{", ("still",)), 3)
    answer = render(run)["answer"]
    assert (
        run.status == "failed"
        and isinstance(answer, AnswerMessage)
        and "could not make a plan" in answer.text
    )


def test_stop_moves_the_fence_at_once() -> None:
    run = finish(begun(chain("a", "b")), "a")
    stopped = with_room(run, StopAsked("UADA"), 5)
    assert stopped.status == "stopped" and not tasks(stopped)
    assert finish(stopped, "b") is stopped
    answer = render(stopped)["answer"]
    assert isinstance(answer, AnswerMessage) and "“A”" in answer.text


def test_a_lost_attempt_that_never_began_is_sent_again_for_ever() -> None:
    run = begun(chain("a"))
    for attempt in range(1, 50):
        run = with_room(run, LeaseLost("a", attempt), 5)
    assert out(run) == {"a"}


def test_a_step_that_loses_its_process_three_times_is_set_aside() -> None:
    run = begun(chain("a"))
    for attempt in range(1, core.MAX_LOSSES + 1):
        state = run.find("a")
        assert state
        run = with_room(run, Started(**at(state)), 4)
        run = with_room(run, LeaseLost("a", attempt), 5)
    assert run.status == "failed"


def test_a_lost_step_with_effects_outside_asks_the_person() -> None:
    run = begun(chain("a"), external=frozenset({"writer"}))
    state = run.find("a")
    assert state
    run = with_room(run, Started(**at(state)), 4)
    run = with_room(run, LeaseLost("a", 1), 5)
    assert not tasks(run) and wakes(run) is not None
    again = with_room(run, PersonAnswered("a", 0, core.AGAIN, "UADA"), 6)
    assert out(again) == {"a"}
    left = with_room(run, PersonAnswered("a", 0, core.LEAVE, "UADA"), 6)
    assert left.status == "failed"
    assert core.decide(run, PersonAnswered("a", 0, "no, please do not", "UADA"), 6) is run


def test_who_was_given_up_for_lost_and_comes_back_with_the_result_leaves_nothing_to_ask() -> None:
    run = begun(chain("a"), external=frozenset({"writer"}))
    state = run.find("a")
    assert state
    run = with_room(with_room(run, Started(**at(state)), 4), LeaseLost("a", 1), 5)
    done = with_room(run, Finished(**at(state), result=Result(text="Paid.")), 6)
    assert done.status == "done"
    known = done.find("a")
    assert known and known.result and known.result.text == "Paid."
    assert [a.answer for a in known.answers] == [core.AFTER_ALL], "the question stays, with how it ended"
    assert core.decide(done, PersonAnswered("a", 0, core.AGAIN, "UADA"), 7) is done
    again = with_room(run, PersonAnswered("a", 0, core.AGAIN, "UADA"), 6)
    late = core.decide(again, Finished(**at(state), result=Result(text="Paid.")), 7)
    assert late is again, "once a person decided, another attempt is out, and this one is stale"


def test_what_was_handed_back_unbegun_goes_out_again_unasked_and_only_by_its_holder() -> None:
    """A process that was not let, as another has the same attempt, cannot take it from that one."""
    run = begun(chain("a"), external=frozenset({"writer"}))
    state = run.find("a")
    assert state
    run = with_room(run, Started(**at(state), holder="H1"), 4)
    assert with_room(run, Released(**at(state), holder="H2", begun=False), 5) is run
    assert with_room(run, Released(**at(state), holder="H2"), 5) is run
    back = with_room(run, Released(**at(state), holder="H1", begun=False), 5).find("a")
    assert back and (back.status, back.attempt, back.losses) == ("out", 2, 0)
    begun_there = with_room(run, Released(**at(state), holder="H1"), 5).find("a")
    assert begun_there and begun_there.status == "asking"


def test_an_unanswered_question_ends_after_its_days() -> None:
    run = begun(chain("a"))
    state = run.find("a")
    assert state
    run = with_room(run, Asked(**at(state), question="Which colour?", options=("red",)), 10)
    wake = wakes(run)
    assert wake is not None and with_room(run, Tick(), wake - 1) is run
    assert with_room(run, Tick(), wake).status == "failed"


def test_an_old_card_cannot_answer_a_new_question() -> None:
    run = begun(chain("a"))
    for number in range(2):
        state = run.find("a")
        assert state
        run = with_room(run, Asked(**at(state), question=f"Question {number}"), 10)
        if number == 0:
            run = with_room(run, PersonAnswered("a", 0, "yes", "UADA"), 11)
    assert with_room(run, PersonAnswered("a", 0, "yes", "UADA"), 12) is run


def test_a_lost_thread_stops_the_work_and_tells_the_requester_elsewhere() -> None:
    run = with_room(begun(chain("a")), ThreadLost("The channel was archived."), 5)
    assert run.status == "lost" and "archived" in render(run)["notice"].text  # type: ignore[union-attr]


def test_a_waiting_request_says_that_it_waits() -> None:
    shown = render(fresh_run())["plan"]
    assert isinstance(shown, PlanMessage) and "On the list" in shown.line and shown.stop

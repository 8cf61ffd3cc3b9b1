"""Members read who works here; admins have a switch for each, and a form whose answers become a change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.ports import Used
from bot.slack.team_view import (
    read_try_modal,
    read_worker_modal,
    said_modal,
    team_blocks,
    try_modal,
    worker_modal,
)
from bot.team import Member
from playground.block_rules import check_message_blocks, check_view
from tests.slack_out import made

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def state(view: dict[str, Any], **filled_in: Any) -> dict[str, Any]:
    """What Slack sends when the form is submitted as it was opened, but for what is filled in."""
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element, name = block["element"], block["block_id"]
        assert element["action_id"] == name
        match element["type"]:
            case "radio_buttons" | "static_select":
                value = filled_in.get(name, element["initial_option"]["value"])
                options = {o["value"]: o for o in element["options"]}
                given = {"selected_option": options[value]}
            case "multi_conversations_select":
                ids = filled_in.get(name, element.get("initial_conversations", []))
                given = {"selected_conversations": ids}
            case _:
                given = {"value": filled_in.get(name, element.get("initial_value"))}
        values[name] = {name: {"type": element["type"], **given}}
    return values


@SLOW
@given(st.lists(made.seats, max_size=6), st.booleans(), st.integers(1, 12))
def test_slack_takes_every_team(seats: Any, admin: bool, times: int) -> None:
    """As a message only one person sees."""
    blocks = team_blocks(seats * times, admin)
    check_message_blocks(blocks, set())
    made.safe(blocks)


@SLOW
@given(made.seats, st.lists(made.texts, max_size=150))
def test_slack_takes_every_form(seat: Any, models: list[str]) -> None:
    """Both forms, and they come back as what they were opened with."""
    view = worker_modal(seat, models)
    check_view(view, "modal")
    check_view(try_modal(seat), "modal")
    made.safe([view["blocks"], try_modal(seat)["blocks"]])
    change = read_worker_modal(state(view))
    assert callable(change) or change.keys() == {"channels"}
    read_try_modal(state(try_modal(seat)))


@SLOW
@given(made.texts, made.texts)
def test_slack_takes_every_sentence(title: str, sentence: str) -> None:
    """In a modal that has nothing to fill in."""
    check_view(said_modal(title, sentence), "modal")
    made.safe(said_modal(title, sentence)["blocks"])


def test_members_see_who_is_on_and_nothing_to_press() -> None:
    """With its limits; who is off is nobody to them."""
    seats = [
        made.a_seat("analyst", reach="only", channels=("C1", "C2")),
        made.a_seat("translator", on=False),
        made.a_seat("writer"),
    ]
    blocks = team_blocks(seats, admin=False)
    said = made.said(blocks)
    assert "*analyst*\nWrites and rewrites texts.\nOnly in <#C1>, <#C2>." in said
    assert "*writer*\nWrites and rewrites texts." in said
    assert "translator" not in said
    assert not made.buttons(blocks)


NAMES = ("zither", "yodel", "xylophone")


@given(st.tuples(*(st.booleans() for _ in NAMES)), st.sampled_from(["everywhere", "except", "only"]))
def test_members_never_read_of_whoever_is_off_everywhere(on: tuple[bool, ...], reach: Any) -> None:
    seats = [
        made.a_seat(name, on=is_on_here, reach=reach, channels=("C1",))
        for name, is_on_here in zip(NAMES, on, strict=True)
    ]
    shown = made.said(team_blocks(seats, admin=False))
    assert [name in shown for name in NAMES] == list(on)


def test_admins_see_everybody_with_a_switch() -> None:
    """Where it runs, how it did lately, its model; a worker that is off is not tried."""
    seats = [
        made.a_seat("writer", Used(1_795_420_800.0, 12, 2), model="openai/gpt-x"),
        made.a_seat("translator", on=False, reach="only", channels=("C1",)),
    ]
    blocks = team_blocks(seats, admin=True, zone="Europe/Berlin")
    said = made.said(blocks)
    assert "on, everywhere" in said
    assert "Runs in the bot's process · model openai/gpt-x · last used Mon 23 Nov 2026, 09:00 · " in said
    assert "in the last 30 days 12 done, 2 failed" in said
    assert "off; when on, only in <#C1>" in said
    assert "not used in the last 30 days" in said
    assert [(b["action_id"], b["value"], b["accessibility_label"]) for b in made.buttons(blocks)] == [
        ("worker:off", "writer", "Switch off writer"),
        ("worker:edit", "writer", "Settings of writer"),
        ("worker:try", "writer", "Try it with writer"),
        ("worker:on", "translator", "Switch on translator"),
        ("worker:edit", "translator", "Settings of translator"),
    ]


def test_a_model_that_is_gone_is_called_so() -> None:
    """It is kept, and does not count."""
    said = made.said(team_blocks([made.a_seat(model="gone/model")], admin=True, models=["m1"]))
    assert "model gone/model (not offered any more: it works with the bot's own)" in said


def test_who_finds_no_room_is_named() -> None:
    """Nobody is switched on by a name that cannot be found."""
    blocks = team_blocks([made.a_seat(f"worker{n}") for n in range(40)], admin=True)
    assert len(blocks) <= 50
    assert "and 26 more: worker14, " in made.said(blocks)


def test_an_empty_team_says_what_to_do() -> None:
    """To members and to admins."""
    assert "An admin" in made.said(team_blocks([made.a_seat(on=False)], admin=False))
    assert "Nobody is switched on" in made.said(team_blocks([made.a_seat(on=False)], admin=True))
    assert "No worker is installed" in made.said(team_blocks([], admin=True))


@pytest.mark.parametrize(
    ("filled_in", "after"),
    [
        ({}, Member(worker="writer", reach="only", channels=("C1",), model="m1")),
        ({"on": "off"}, Member(worker="writer", on=False, reach="only", channels=("C1",), model="m1")),
        ({"reach": "everywhere"}, Member(worker="writer", model="m1")),
        (
            {"reach": "except", "channels": ["C9", "C2", "<!here>", "C2"], "model": "m2"},
            Member(worker="writer", reach="except", channels=("C2", "C9"), model="m2"),
        ),
        ({"model": "~own"}, Member(worker="writer", reach="only", channels=("C1",))),
    ],
)
def test_what_was_filled_in_becomes_a_change(filled_in: dict[str, Any], after: Member) -> None:
    """Of a member as it is by then."""
    seat = made.a_seat(reach="only", channels=("C1",), model="m1")
    view = worker_modal(seat, ["m1", "m2"])
    assert (view["callback_id"], view["private_metadata"]) == ("worker_edit", "writer")
    change = read_worker_modal(json.loads(json.dumps(state(view, **filled_in))))
    assert callable(change)
    assert change(seat.member) == after


def test_a_choice_without_channels_is_sent_back() -> None:
    """The sentence stands beside the field that lacks them."""
    view = worker_modal(made.a_seat(), [])
    errors = read_worker_modal(state(view, reach="only"))
    assert errors == {"channels": "Choose at least one channel, or “In every channel” above."}
    assert read_worker_modal({}) == {"reach": "Choose where it works."}


def test_a_form_without_models_keeps_the_model() -> None:
    """The operator offers none now: that is no reason to forget what an admin chose."""
    seat = made.a_seat(model="gone/model")
    view = worker_modal(seat, [])
    assert "gone/model, which is not offered any more" in made.said(view)
    change = read_worker_modal(state(view))
    assert callable(change)
    assert change(seat.member).model == "gone/model"


def test_trying_begins_with_the_worker_s_own_sample() -> None:
    """And reads what became of it."""
    view = try_modal(made.a_seat())
    assert (view["callback_id"], view["private_metadata"]) == ("worker_try", "writer")
    assert read_try_modal(state(view)) == "Write a haiku."
    assert read_try_modal(state(view, text="  Write two. \n")) == "Write two."
    assert read_try_modal({}) == ""

"""A schedule is shown as it was understood, asked about before it exists, listed with what can be done."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.messages import ScheduleCard
from bot.run import RunStatus
from bot.slack.schedule_view import read_schedule_modal, schedule_card, schedule_modal, schedules_blocks
from bot.slack.wording import size
from playground.block_rules import check_message_blocks, check_view
from tests.slack_out import made

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

CARD = ScheduleCard(
    status="working",
    person="U1",
    task="summarise #support",
    channel="C1",
    when="Every Monday at 09:00",
    zone="Europe/Berlin",
    dates=("Mon 23 Nov 2026, 09:00", "Mon 30 Nov 2026, 09:00", "Mon 7 Dec 2026, 09:00"),
    decided="",
    by="",
    replaces=False,
    note="",
)
cards = st.builds(
    ScheduleCard,
    status=st.sampled_from(get_args(RunStatus)),
    person=made.people,
    task=made.texts,
    channel=made.channels,
    when=made.texts,
    zone=made.texts,
    dates=st.lists(made.texts, max_size=8).map(tuple),
    decided=st.sampled_from(["", "yes", "no"]),
    by=made.people,
    replaces=st.booleans(),
    note=made.texts,
)


@SLOW
@given(cards)
def test_slack_takes_every_card(card: ScheduleCard) -> None:
    """And it mentions the requester or who decided, nobody else."""
    text, blocks = schedule_card(card, "run1")
    check_message_blocks(blocks, set())
    made.safe(blocks, {card.person, card.by})
    assert 0 < size(text) <= 4_000
    assert "<!" not in text
    assert text.count("<@") <= 1
    json.dumps([text, blocks]).encode()


@SLOW
@given(st.lists(made.schedules, max_size=6), st.booleans(), st.integers(1, 12))
def test_slack_takes_every_list(schedules: Any, admin: bool, times: int) -> None:
    """As a message only one person sees."""
    blocks = schedules_blocks(schedules * times, "U024BE7LH", admin, made.NOW)
    check_message_blocks(blocks, set())
    made.safe(blocks, {"U024BE7LH", "W1"})


@SLOW
@given(made.schedules)
def test_slack_takes_every_form(schedule: Any) -> None:
    """And sent back as it is, it is never an error but where nothing can be done."""
    view = schedule_modal(schedule)
    check_view(view, "modal")
    made.safe(view["blocks"])


def test_a_card_asks_before_anything_is_scheduled() -> None:
    """What, when, where and the next dates; and two ways to answer."""
    text, blocks = schedule_card(CARD, "run1")
    said = made.said(blocks)
    assert text.startswith("<@U1> This is what I understood:\nsummarise #support")
    for part in ("This is what I understood:", "summarise #support", "Every Monday at 09:00", "<#C1>"):
        assert part in said
    assert "The next 3 dates\nMon 23 Nov 2026, 09:00\nMon 30 Nov 2026, 09:00" in said
    assert "Nothing is scheduled until you confirm. Reply here to change it." in said
    assert [(b["action_id"], b["value"], b.get("style")) for b in made.buttons(blocks)] == [
        ("proposal:yes", "run1", "primary"),
        ("proposal:no", "run1", None),
    ]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"decided": "yes", "by": "U2", "status": "done"}, "Scheduled by <@U2>:"),
        ({"decided": "yes", "by": "U2", "status": "done", "replaces": True}, "Changed by <@U2>:"),
        ({"decided": "no", "by": "U2", "status": "done"}, "Cancelled by <@U2>:"),
        ({"decided": "no", "status": "stopped"}, "Not scheduled:"),
        ({"decided": "no", "status": "stopped", "replaces": True}, "Not changed:"),
        ({"decided": "yes", "by": "U2", "status": "failed"}, "Not scheduled by <@U2>:"),
        ({"status": "lost"}, "Not scheduled:"),
    ],
)
def test_a_decided_card_says_who_decided(more: dict[str, Any], says: str) -> None:
    """And has no buttons any more."""
    text, blocks = schedule_card(replace(CARD, **more), "run1")
    assert text.startswith(says)
    assert not made.buttons(blocks)
    assert "until you confirm" not in made.said(blocks)


def test_a_change_is_asked_about_as_one() -> None:
    """Until then the schedule stays as it was."""
    said = made.said(schedule_card(replace(CARD, replaces=True, note="It was at 8."), "r")[1])
    assert "This is the change as I understood it:" in said
    assert "Confirm the change" in said
    assert "It was at 8. Nothing changes until you confirm." in said


def test_the_list_says_when_each_comes_or_why_not() -> None:
    """One's own first; an admin sees whose the others are; members see their own alone."""
    schedules = [
        made.a_schedule(id="s3", by="U2", text="report", channel="D1"),
        made.a_schedule(note="The last one was left out: the one before was still running."),
        made.a_schedule(id="s2", text="chart", status="paused", note="It failed three times in a row."),
        made.a_schedule(id="s4", text="send it", status="ended", rule="2026-11-20 15:00", next_at=None),
    ]
    blocks = schedules_blocks(schedules, "U1", True, made.NOW)
    said = made.said(blocks)
    assert "*summarise #support*\nEvery Monday at 09:00 (Europe/Berlin) · <#C1>\n" in said
    assert ":alarm_clock: Next: Mon 23 Nov 2026, 09:00\nThe last one was left out" in said
    assert ":double_vertical_bar: Paused. It failed three times in a row." in said
    assert ":checkered_flag: Its date has passed." in said
    assert "direct messages with me · for <@U2>" in said
    assert said.index("send it") < said.index("Other people's schedules") < said.index("report")
    assert "U2" not in made.said(schedules_blocks(schedules, "U1", False, made.NOW))


def test_a_schedule_stays_where_it_is_when_its_next_time_changes() -> None:
    """Else a second click would hit another one's button. Those that come soonest are shown first of all."""
    old = made.a_schedule(id="b", text="older", created_at=1.0, next_at=made.NOW + 9)
    new = made.a_schedule(id="a", text="newer", created_at=2.0, next_at=made.NOW + 5)
    late = made.a_schedule(id="c", text="latest", created_at=0.0, next_at=made.NOW + 99)
    for order in ([new, old, late], [old, new, late]):
        said = made.said(schedules_blocks(order, "U1", False, made.NOW, most=4))
        assert said.index("older") < said.index("newer") and "latest" not in said
        assert "… and 1 more" in said


def test_the_buttons_fit_how_a_schedule_stands() -> None:
    """And say of which schedule they are."""

    def of(**more: Any) -> list[str]:
        blocks = schedules_blocks([made.a_schedule(**more)], "U1", False, made.NOW)
        return [b["action_id"].removeprefix("schedule:") for b in made.buttons(blocks)]

    assert of() == ["pause", "run", "edit", "delete"]
    assert of(status="paused") == ["resume", "run", "edit", "delete"]
    assert of(status="ended") == ["run", "edit", "delete"]
    blocks = schedules_blocks([made.a_schedule()], "U1", False, made.NOW)
    pause, *_, delete = made.buttons(blocks)
    assert (pause["value"], pause["accessibility_label"]) == ("s1", "Pause summarise #support")
    assert "“summarise #support” will not run again." in delete["confirm"]["text"]["text"]


def test_what_is_due_says_so() -> None:
    """No date that has passed is called the next."""
    assert "Due now." in made.said(
        schedules_blocks([made.a_schedule(next_at=made.NOW - 5)], "U1", False, made.NOW)
    )


def test_no_schedules_say_how_to_make_one() -> None:
    """The command as it can be typed."""
    assert "/delegate schedule every Monday at 9" in made.said(schedules_blocks([], "U1", False, made.NOW))


def values(**filled_in: Any) -> dict[str, Any]:
    fields = {"task": "value", "when": "value", "channel": "selected_conversation"}
    return {name: {name: {"type": "x", fields[name]: value}} for name, value in filled_in.items()}


def test_the_form_is_read() -> None:
    """It opens with the schedule as it is, and comes back as three words."""
    view = schedule_modal(made.a_schedule())
    assert (view["callback_id"], view["private_metadata"]) == ("schedule_edit", "s1/")
    inputs = {b["block_id"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
    assert inputs["task"]["initial_value"] == "summarise #support"
    assert inputs["when"]["initial_value"] == "0 9 * * 1"
    assert inputs["channel"]["initial_conversation"] == "C1"
    given = values(task=" report ", when="every day at 8", channel="C2")
    assert read_schedule_modal(given) == ("report", "every day at 8", "C2")


def test_the_form_says_what_is_missing() -> None:
    """Beside each field."""
    errors = read_schedule_modal(values(task=" ?! ", when=None, channel="<!here>"))
    assert isinstance(errors, dict)
    assert errors.keys() == {"task", "when", "channel"}


def test_a_schedule_of_a_direct_message_stays_there() -> None:
    """No menu of channels offers it, so an empty one means: as it is."""
    view = schedule_modal(made.a_schedule(channel="D1"))
    (channel,) = [b for b in view["blocks"] if b.get("block_id") == "channel"]
    assert channel["optional"]
    assert read_schedule_modal(values(task="a", when="b", channel=None)) == ("a", "b", "")

"""Home shows what is one's own, never more than Slack takes, and says where the rest is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.plan import Step
from bot.ports import Entry
from bot.run import Proposal, StepState
from bot.slack.home_view import HomeData, home
from bot.slack.surfaces import request_row
from playground.block_rules import check_view
from tests.slack_out import made

LONG = "&" * 9_000


def data(**more: Any) -> HomeData:
    given: dict[str, Any] = {"person": "U1", "admin": False, "now": made.NOW, "zone": "Europe/Berlin"}
    given |= {"runs": [], "schedules": [], "seats": [], "log": [], "models": [], "url": ""}
    return HomeData(**given | more)


several = st.integers(1, 8)
homes = st.builds(
    data,
    admin=st.booleans(),
    runs=st.lists(made.runs, max_size=5).flatmap(lambda some: several.map(lambda n: some * n)),
    schedules=st.lists(made.schedules, max_size=5).flatmap(lambda some: several.map(lambda n: some * n)),
    seats=st.lists(made.seats, max_size=5).flatmap(lambda some: several.map(lambda n: some * n)),
    log=st.lists(made.entries, max_size=12),
    notice=made.texts,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(homes)
def test_slack_takes_every_home(given_data: HomeData) -> None:
    """However much there is, and whatever people and models wrote."""
    view = home(given_data)
    check_view(view, "home")
    made.safe(view["blocks"], {"U024BE7LH", "W1"})
    assert len(json.dumps(view)) < 200_000


def test_the_fullest_home_fits() -> None:
    """Each part has its share of the 100 blocks, and names what lists the rest."""
    entry = Entry("T1", made.NOW, "U1", "worker", LONG, LONG, LONG)
    view = home(
        data(
            admin=True,
            runs=[made.a_run(text=LONG, title=LONG)] * 60,
            schedules=[made.a_schedule(text=LONG, note=LONG)] * 60,
            seats=[made.a_seat()] * 60,
            log=[entry] * 60,
            url="https://team.slack.com/",
            notice=LONG,
        )
    )
    check_view(view, "home")
    said = made.said(view)
    for more in ("/delegate status", "/delegate schedules", "/delegate workers"):
        assert f"more: `{more}`" in said


def test_an_empty_home_says_what_to_do() -> None:
    """Nothing is there yet: each part says how something comes to be."""
    said = made.said(home(data()))
    assert "No requests yet." in said
    assert "No schedules yet. Try: `/delegate schedule every Monday at 9 summarise #support`" in said
    assert "An admin of this workspace can switch workers on" in said
    assert "Latest changes" not in said
    assert "Nobody has changed the team" in made.said(home(data(admin=True)))


def test_open_requests_come_first_and_can_be_stopped() -> None:
    """With the same dialog as in the thread."""
    runs = [made.a_run("done", "Old"), made.a_run("working", "Now"), made.a_run("failed", "Bad", note="Why.")]
    view = home(data(runs=runs, url="https://team.slack.com/"))
    said = made.said(view)
    assert said.index("Now") < said.index("Old") < said.index("Bad")
    assert "<https://team.slack.com/archives/C1/p1795280000000100|Now>" in said
    (stop,) = [b for b in made.buttons(view) if b["action_id"] == "stop"]
    assert (stop["value"], stop["accessibility_label"]) == ("r", "Stop Now")
    assert stop["confirm"]["title"]["text"] == "Stop this?"


def test_a_request_that_rests_says_what_for() -> None:
    """“Working” would be no answer to why nothing happens."""
    step = Step(id="a", title="A", worker="w", instruction="")
    waiting = (StepState(step, status="waiting", due_at=1_795_420_800.0),)
    run = replace(made.a_run(), steps=waiting)
    run = replace(run, request=replace(run.request, zone="Europe/Berlin"))
    assert "waits until Mon 23 Nov 2026, 09:00" in request_row(run)
    proposed = replace(made.a_run(), steps=(), proposal=Proposal("x", "0 9 * * 1", "UTC", "C1"))
    assert "waits for your confirmation" in request_row(proposed)


def test_admins_see_what_changed() -> None:
    """Who, what, before and after; channels by name, and nothing that was written as a mention."""
    entry = Entry(
        "T1",
        1_795_420_800.0,
        "U2",
        "worker",
        "writer <@U3>",
        "on, everywhere",
        "on, only in <#C1> <!here>",
    )
    said = made.said(home(data(admin=True, log=[entry])))
    assert (
        "Mon 23 Nov 2026, 09:00 · <@U2> · *writer &lt;@U3&gt;*: "
        "on, everywhere → on, only in <#C1> &lt;!here&gt;" in said
    )
    assert "U2" not in made.said(home(data(log=[entry])))


MONDAYS = "Every Monday at 09:00 (Europe/Berlin) in <#C1>, for <@U2>, active"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", MONDAYS, "new: Every Monday at 09:00 (Europe/Berlin) in <#C1>"),
        (MONDAYS, MONDAYS.replace("active", "paused"), "active → paused"),
        (MONDAYS, MONDAYS.replace("U2", "U3"), "for <@U2> → for <@U3>"),
        (
            MONDAYS,
            MONDAYS.replace("09:00", "08:00"),
            "Every Monday at 09:00 (Europe/Berlin) in <#C1> → Every Monday at 08:00 (Europe/Berlin) in <#C1>",
        ),
        (MONDAYS, "deleted", "deleted"),
        (MONDAYS, MONDAYS, "active → active"),
    ],
)
def test_of_a_schedule_is_told_what_is_different(before: str, after: str, told: str) -> None:
    """All of it twice would fill the tab."""
    entry = Entry("T1", 1_795_420_800.0, "U2", "schedule", "0 9 * * 1", before, after)
    said = made.said(home(data(admin=True, log=[entry])))
    assert f"09:00 · <@U2> · 0 9 * * 1: {told}\n" in f"{said}\n"


def test_a_name_that_is_cut_in_two_is_no_name() -> None:
    entry = Entry("T1", made.NOW, "U2", "worker", "writer", "off", "on, only in" + " <#C0123456789>," * 9)
    said = made.said(home(data(admin=True, log=[entry])))
    assert "<#C0123456789>, …" in said and "&lt;#C" not in said


def test_the_request_for_a_schedule_says_what_became_of_it() -> None:
    """Its title is what will be done; stars in it would end the bold part. Until it is confirmed it can be
    cancelled; there is nothing that could be stopped."""
    asked = Proposal("Say *hello*", "0 9 * * 1", "UTC", "C1")
    run = replace(made.a_run(title=""), steps=(), proposal=asked)
    (cancel,) = [b for b in made.buttons(home(data(runs=[run]))) if b["action_id"] == "stop"]
    assert (cancel["text"]["text"], cancel["accessibility_label"]) == ("Cancel", "Cancel Say *hello*")
    assert "nothing is scheduled" in cancel["confirm"]["text"]["text"]
    assert request_row(run).startswith("Say *hello* in <#C1>\n")
    yes = replace(run, status="done", proposal=replace(asked, decided="yes"))
    assert request_row(yes).endswith("\n:calendar: scheduled")
    changed = replace(yes, proposal=replace(asked, decided="yes", replaces="s1"))
    assert request_row(changed).endswith("\n:calendar: schedule changed")
    no = replace(run, status="stopped", proposal=replace(asked, decided="no"))
    assert "cancelled, nothing was scheduled" in request_row(no)


def test_a_notice_stands_on_top() -> None:
    """What was just done, or could not be."""
    view = home(data(notice="Only an admin can do that."))
    assert view["blocks"][0]["text"]["text"] == ":information_source: Only an admin can do that."

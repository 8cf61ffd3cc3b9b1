"""Where a small model may think of times: it must not miss one, in whatever language."""

import json

import pytest

from bot.planner import plan_call
from bot.recurrence import may_name_a_time, schema, unlikely
from bot.recurrence.form import EVERY
from bot.run import Request, TurnCame, new_run
from tests.core.plans import with_room
from workers import Task, Worker


async def nothing(task: Task) -> str:
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "every morning sum up #support",
        "Sum this up tomorrow",
        "on Mondays, a joke",
        "write it, and an hour later shorten it",
        "at 9 tell us the news",
        "täglich die Zahlen",
        "immer dienstags ein Gedicht",
        "chaque lundi un résumé",
        "cada semana un resumen",
        "ogni giorno un riassunto",
        "todo dia um resumo",
        "elke maandag een samenvatting",
        "varje måndag en dikt",
        "codziennie streszczenie",
        "毎週月曜日に要約して",
        "каждый понедельник сводка",
    ],
)
def test_what_names_a_time_is_seen(text: str) -> None:
    assert may_name_a_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "reserve a table for four",
        "Could you come up with a slogan for our bike shop?",
        "Write a message for the team about the announcement here, and then shorten it",
        "Schreibe einen Slogan für unsere Bäckerei",
        "",
    ],
)
def test_what_names_none_is_left_in_peace(text: str) -> None:
    assert not may_name_a_time(text)


def test_a_small_model_is_offered_times_only_then() -> None:
    def offered(text: str, scheduling: str = "") -> str:
        request = Request(text, "UADA", "C1", scheduling=scheduling)
        run = with_room(new_run("run1", "T1", request, 0), TurnCame(), 1)
        return json.dumps(plan_call(run, {"w": Worker("w", "Works.", nothing)}, small=True).response_schema)

    assert "cron" in offered("every day, a joke") and "wait_until" in offered("every day, a joke")
    assert "cron" not in offered("a joke") and "wait_until" not in offered("a joke")
    assert "cron" in offered("a joke", scheduling="new")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Mondays and Wednesdays at 7, a greeting", {"once", "week"}),
        ("jeden zweiten Freitag um 10", {"week"}),
        ("the first Monday of each month", {"week", "month", "year"}),
        ("every day, but on Friday twice", {"week", "day", "workday"}),
        ("every two hours on Mondays", {"week", "hours", "minutes"}),
        ("remind everyone tomorrow at 9 to bring cake", {"once", "day", "workday", "week", "month", "year"}),
        ("tomorrow at 8: a note to each of the leads", {"once", "day", "workday", "week", "month", "year"}),
        ("every morning at 9 list what is due on Friday", {"week", "day", "workday"}),
        ("every quarter, the first Monday, the numbers", {"week", "month", "year"}),
        ("on the first of each month", {"day", "workday", "week", "month", "year"}),
        ("毎週月曜日に要約して", set(EVERY)),
    ],
)
def test_a_rhythm_of_which_there_is_no_sign_is_not_offered(text: str, left: set[str]) -> None:
    assert set(EVERY) - unlikely(text) == left
    offered = {
        every for shape in schema(unlikely(text))["anyOf"] for every in shape["properties"]["every"]["enum"]
    }
    assert offered == left

"""Where a small model may think of times: it must not miss one, in whatever language."""

import pytest

from bot.recurrence import may_name_a_time


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

"""When something shall happen, as people type it and as models reply it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recurrence import FIELDS, Misread, Unusable, check, typed, understood, upcoming, words

NOW = datetime(2026, 11, 21, 17, tzinfo=UTC).timestamp()  # a Saturday, 18:00 in Berlin
BERLIN = "Europe/Berlin"
FORTNIGHT = "0 9 * * 1 every 2 weeks from 2026-11-23"


@pytest.mark.parametrize(
    ("text", "rule", "zone", "task"),
    [
        ("0 9 * * 1 summarise #support", "0 9 * * 1", BERLIN, "summarise #support"),
        ("  0  9 * *  mon-fri  sum up", "0 9 * * mon-fri", BERLIN, "sum up"),
        ("`0 9 * * 1` sum up", "0 9 * * 1", BERLIN, "sum up"),
        ("0 9 * * 1\nfirst line\nsecond", "0 9 * * 1", BERLIN, "first line\nsecond"),
        ("0 9 * * 1 America/New_York sum up", "0 9 * * 1", "America/New_York", "sum up"),
        ("0 9 * * 1 (america/new_york) sum up", "0 9 * * 1", "America/New_York", "sum up"),
        ("0 9 * * 1 UTC sum up", "0 9 * * 1", "UTC", "sum up"),
        ("0 9 * * 1 CET: sum up", "0 9 * * 1", BERLIN, "sum up"),
        ("0 9 * * 1 UTC+2 sum up", "0 9 * * 1", "Etc/GMT-2", "sum up"),
        ("0 9 * * 1 west coast figures", "0 9 * * 1", BERLIN, "west coast figures"),
        ("0 9 * * 1 sales/marketing report", "0 9 * * 1", BERLIN, "sales/marketing report"),
        ("0 9 * * 1 3 bullets of #support", "0 9 * * 1", BERLIN, "3 bullets of #support"),
        ("0 9 L * * 5#1 is no weekday here", "0 9 L * *", BERLIN, "5#1 is no weekday here"),
        (f"{FORTNIGHT} sum up", FORTNIGHT, BERLIN, "sum up"),
        ("0 9 * * 1 every week is a new week", "0 9 * * 1", BERLIN, "every week is a new week"),
        ("2026-12-01 15:00 send it", "2026-12-01 15:00", BERLIN, "send it"),
        ("2026-12-01T9:00 Asia/Kathmandu send it", "2026-12-01 09:00", "Asia/Kathmandu", "send it"),
        ("@daily clean up", "0 0 * * *", BERLIN, "clean up"),
        ("@Weekly UTC clean up", "0 0 * * 0", "UTC", "clean up"),
        ("0 9 * * 1", "0 9 * * 1", BERLIN, ""),
    ],
)  # fmt: skip
def test_what_is_exact_needs_no_model(text: str, rule: str, zone: str, task: str) -> None:
    assert typed(text, BERLIN, NOW) == (rule, zone, task)


@pytest.mark.parametrize(
    "text",
    ["", "every Monday at 9 sum up", "tomorrow at 8", "2026-12-01 is when we meet", "5 pages about * dogs",
     "10 ideas for 5 mondays", "3 2 1 go", "2026-12-01", "@writer hello", "1 2 3 marching 5 x", "0 9 * *"],
)  # fmt: skip
def test_everything_else_a_model_reads(text: str) -> None:
    assert typed(text, BERLIN, NOW) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 9 * * 1 Europe/Berln sum up", "Did you mean Europe/Berlin"),
        ("0 9 * * 1 Euorpe/Berlin sum up", "Did you mean Europe/Berlin"),
        ("0 9 * * 1 IST sum up", "Say which"),
        ("0 0 9 * * 1 sum up", "six fields"),
        ("0 9 * * * * sum up", "six fields"),
        ("61 9 * * 1 sum up", "bad minute"),
        ("0 9 * * 8 sum up", "bad day-of-week"),
        ("*/5 * * * * sum up", "15 minutes"),
        ("0 9 31 2 * sum up", "never fires"),
        ("2020-01-01 15:00 send it", "has passed"),
        ("2026-13-01 15:00 send it", "no date and time"),
    ],
)
def test_what_was_typed_and_cannot_be_is_said(text: str, sentence: str) -> None:
    with pytest.raises(Unusable, match=sentence):
        typed(text, BERLIN, NOW)


@pytest.mark.parametrize("rule", ["0 9 * * 1", "*/30 9-17 * * 1-5", "0 9 L * *", "2026-12-01 15:00"])
def test_what_is_typed_says_the_same_in_words(rule: str) -> None:
    read = typed(f"{rule} Asia/Kathmandu do it", BERLIN, NOW)
    assert read == (rule, "Asia/Kathmandu", "do it") and words(read[0]) == words(rule) != rule


def when(every: str, **more: Any) -> dict[str, Any]:
    return {"every": every, **more}


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        (when("once", date="2026-12-01", time="15:00"), "2026-12-01 15:00"),
        (when("once", date="2026-12-01", days=["tue"]), "2026-12-01 09:00"),
        (when("once", date="today", time="18:30"), "2026-11-21 18:30"),
        (when("once", date="tomorrow"), "2026-11-22 09:00"),
        (when("once", date="Friday", time="08:00"), "2026-11-27 08:00"),
        (when("once", date="sat", time="19:00"), "2026-11-21 19:00"),
        (when("once", date="sat", time="17:00"), "2026-11-28 17:00"),
        (when("minutes", n=30), "*/30 * * * *"),
        (when("minutes", n=20, time="09:10"), "10,30,50 * * * *"),
        (when("minutes", n=120), "0 */2 * * *"),
        (when("minutes", n=15, days=["mon", "tue"]), "*/15 * * * 1,2"),
        (when("hours"), "0 * * * *"),
        (when("hours", n=6, time="01:30"), "30 1-23/6 * * *"),
        (when("hours", n=24, time="07:00"), "0 7 * * *"),
        (when("day"), "0 9 * * *"),
        (when("day", time="7:05", n=None, days=[], zone=""), "5 7 * * *"),
        (when("day", days=["sat", "sun"]), "0 9 * * 6,7"),
        (when("day", n=7), "0 9 * * 6"),
        (when("day", n=14, date="2026-12-01"), "0 9 * * 2 every 2 weeks from 2026-12-01"),
        (when("weekday", time="08:30"), "30 8 * * 1-5"),
        (when("week", days=["mon"], time="09:00"), "0 9 * * 1"),
        (when("week", days=["Sunday", "monday"]), "0 9 * * 1,7"),
        (when("week"), "0 9 * * 6"),
        (when("week", days=["mon"], month=12), "0 9 * 12 1"),
        (when("week", n=2, days=["sat"], time="19:00"), "0 19 * * 6 every 2 weeks from 2026-11-21"),
        (when("week", n=2, days=["sat"], time="17:00"), "0 17 * * 6 every 2 weeks from 2026-11-28"),
        (when("week", n=3, days=["mon", "fri"]), "0 9 * * 1,5 every 3 weeks from 2026-11-23"),
        (when("week", days=["mon"], date="2026-11-23"), "0 9 * * 1"),
        (when("week", days=["mon"], date="2020-01-01"), "0 9 * * 1"),
        (when("week", days=["mon"], date="2026-12-10"), "0 9 * * 1 every 1 weeks from 2026-12-10"),
        (when("month"), "0 9 1 * *"),
        (when("month", day=-1, time="18:00"), "0 18 L * *"),
        (when("month", n=3), "0 9 1 1,4,7,10 *"),
        (when("month", n=3, month=2, day=15), "0 9 15 2,5,8,11 *"),
        (when("year", month=12, day=24), "0 9 24 12 *"),
        (when("year", date="2026-12-24", time="10:00"), "0 10 24 12 *"),
        (when("month", cron="0 9 * * 1#1"), "0 9 * * 1#1"),
        (when("week", cron="0 9 * * mon", days=["mon"], time="09:00"), "0 9 * * mon"),
    ],
)
def test_what_a_model_says_becomes_a_rule(asked: dict[str, Any], rule: str) -> None:
    assert understood(asked, BERLIN, NOW) == (rule, BERLIN)


def test_a_zone_that_was_named_counts() -> None:
    assert understood(when("day", zone="new york"), BERLIN, NOW) == ("0 9 * * *", "America/New_York")
    # 18:00 in Berlin is Sunday 04:00 on Lord Howe: today is read there
    assert understood(when("week", zone="Australia/Lord_Howe"), BERLIN, NOW)[0] == "0 9 * * 7"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (when("minutes", n=5), "15 minutes"),
        (when("minutes", n=40), "Possible are every 15, 20 or 30 minutes"),
        (when("hours", n=7), "Possible are every 1, 2, 3, 4, 6, 8 or 12 hours"),
        (when("day", n=2), "Possible are every day, named days"),
        (when("weekday", n=2), "Name the days"),
        (when("week", n=60), "52 weeks is the most"),
        (when("month", n=5), "Possible are every 1, 2, 3, 4 or 6 months"),
        (when("year", n=2, month=1), "not possible"),
        (when("year", month=2, day=31), "never fires"),
        (when("week", cron="0 9 31 2 *"), "never fires"),
        (when("week", cron="*/5 * * * *"), "15 minutes"),
        (when("once", date="2020-01-01"), "has passed"),
        (when("once", date="2033-01-01"), "five years"),
        (when("once", date="9999-01-01"), "out of reach"),
        (when("day", zone="Berln"), "Did you mean Europe/Berlin"),
    ],
)
def test_what_was_asked_and_cannot_be(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unusable, match=sentence):
        understood(asked, BERLIN, NOW)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (when("weekly"), "every"),
        ({}, "every"),
        (when("day", hour=3), "hour"),
        (when("day", n=0), "n:"),
        (when("day", time="9 am"), "time"),
        (when("month", day=0), "-1 for the last"),
        (when("week", days=["mo"]), "days"),
        (when("once"), "needs “date”"),
        (when("once", date="2026-02-30"), "date"),
        (when("once", date="2026-12-01", days=["wed"]), "a Tuesday"),
        (when("once", date="2026-12-01", n=2), "something else"),
        (when("day", day=3), "day of the month"),
        (when("weekday", days=["mon"]), "go with “week”"),
        (when("month", days=["mon"]), "1#1"),
        (when("month", month=3), "“year”"),
        (when("year", day=3), "needs “month”"),
        (when("week", cron="61 9 * * 1"), "bad minute"),
        (when("once", cron="2026-12-01 15:00"), "five fields"),
        (when("week", cron="0 9 * * 1", days=["tue"]), "different things"),
    ],
)
def test_a_models_mistake_is_for_its_repair(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misread, match=sentence):
        understood(asked, BERLIN, NOW)


fitting = st.fixed_dictionaries(
    {"every": st.sampled_from(FIELDS["every"]["enum"])},
    optional={
        "n": st.integers(1, 1000) | st.integers(1, 4),
        "days": st.lists(st.sampled_from(FIELDS["days"]["items"]["enum"]), max_size=7),
        "day": st.sampled_from(FIELDS["day"]["enum"]),
        "month": st.integers(1, 12),
        "time": st.from_regex(r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"),
        "date": st.dates().map(str)
        | st.dates(date(2026, 11, 1), date(2027, 12, 31)).map(str)
        | st.from_regex(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"),
        "zone": st.text(max_size=40) | st.sampled_from([BERLIN, "Asia/Kathmandu", "CET"]),
        "cron": st.text(max_size=60) | st.sampled_from(["0 9 * * 1#1", "0 9 * * 1", "0 0 30 2 *"]),
    },
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
unfitting = st.fixed_dictionaries({}, optional=dict.fromkeys([*FIELDS, ""], json))


@settings(max_examples=400, deadline=None)
@given(st.one_of(fitting, unfitting, st.builds(lambda a, b: {**a, **b}, fitting, unfitting)))
def test_any_reply_is_a_rule_that_holds_or_one_of_two_refusals(reply: dict[str, Any]) -> None:
    try:
        rule, zone = understood(reply, BERLIN, NOW)
    except (Misread, Unusable) as error:
        assert 0 < len(str(error)) < 1000
    else:
        check(rule, zone, NOW)
        assert upcoming(rule, zone, NOW, 1) and words(rule) != rule
        assert typed(f"{rule} do it", zone, NOW) == (rule, zone, "do it") or "cron" in reply


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["0", "9", "*", "1", "UTC", "2026-12-01", "15:00", "@daily", "x"])).map(
        " ".join
    )
)
def test_anything_typed_is_read_or_left_or_refused(text: str) -> None:
    try:
        read = typed(text, BERLIN, NOW)
    except Unusable as error:
        assert str(error)
    else:
        assert read is None or upcoming(read[0], read[1], NOW, 1)

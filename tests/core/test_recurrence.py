"""When a schedule is due: slots, what is left out, checks and words, in every kind of zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recurrence import (
    MIN_GAP,
    Slot,
    Unusable,
    check,
    local,
    missed,
    said,
    slots,
    upcoming,
    words,
    zone_of,
)

NOW = datetime(2026, 11, 21, 17, tzinfo=UTC).timestamp()  # a Saturday, 18:00 in Berlin
BERLIN = "Europe/Berlin"
ZONES = ["UTC", BERLIN, "America/New_York", "America/Santiago", "Africa/Casablanca", "Africa/Cairo",
         "Asia/Kathmandu", "America/Nuuk", "Australia/Lord_Howe", "Pacific/Chatham"]  # fmt: skip
YEAR = 366 * 86_400.0


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).timestamp()


def keys(rule: str, zone: str, after: str, n: int) -> list[str]:
    return [slot.key for slot in upcoming(rule, zone, at(after, zone), n)]


def wrong_with(rule: str, zone: str = BERLIN) -> str:
    with pytest.raises(Unusable) as raised:
        check(rule, zone, NOW)
    return str(raised.value)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    spans = st.tuples(numbers, numbers).map(lambda two: f"{min(two)}-{max(two)}")
    steps = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, 30)).map(
        lambda two: f"{two[0]}/{two[1]}"
    )
    lists = st.lists(st.one_of(numbers.map(str), spans), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), lists, steps)


def fires(cron: str) -> bool:
    """A date there is: not the 30th of February."""
    try:
        return next(slots(cron, "UTC", NOW), None) is not None
    except Unusable:
        return False


any_cron = st.tuples(
    field(0, 59),
    field(0, 23),
    st.one_of(st.just("*"), field(1, 31), st.sampled_from(["L", "LW"])),
    st.one_of(st.just("*"), field(1, 12)),
    st.one_of(st.just("*"), field(0, 7), st.sampled_from(["MON-FRI", "1#1", "5L", "SUN"])),
).map(" ".join)
crons = any_cron.filter(fires)
starts = st.dates(date(2025, 1, 1), date(2027, 12, 31))
rules = st.one_of(
    crons,
    st.builds(lambda cron, n, day: f"{cron} every {n} weeks from {day}", crons, st.integers(1, 9), starts),
)
moments = st.floats(at("2025-01-01"), at("2028-01-01")).map(float)


def test_sunday_is_both_0_and_7_and_names_count() -> None:
    sundays = ["2026-11-22T09:00", "2026-11-29T09:00", "2026-12-06T09:00"]
    for weekday in ("0", "7", "SUN", "sun"):
        assert keys(f"0 9 * * {weekday}", BERLIN, "2026-11-21 18:00", 3) == sundays
    assert keys("0 9 * * FRI-SUN", BERLIN, "2026-11-21 18:00", 2) == ["2026-11-22T09:00", "2026-11-27T09:00"]
    assert keys("0 9 * mar 1#1", BERLIN, "2026-11-21 18:00", 1) == ["2027-03-01T09:00"]
    assert keys("0 9 L * *", BERLIN, "2027-02-01 00:00", 2) == ["2027-02-28T09:00", "2027-03-31T09:00"]


def test_one_date_is_one_slot() -> None:
    due = at("2026-12-01 15:00", BERLIN)
    assert upcoming("2026-12-01 15:00", BERLIN, NOW) == [Slot("2026-12-01T15:00", due)]
    assert upcoming("2026-12-01 15:00", BERLIN, due) == []


def test_every_second_week_counts_from_the_monday_of_its_first() -> None:
    """Wednesday the 25th begins the first week; its Monday has passed by then."""
    rule = "0 9 * * 1,3 every 2 weeks from 2026-11-25"
    dates = ["2026-11-25T09:00", "2026-12-07T09:00", "2026-12-09T09:00", "2026-12-21T09:00"]
    assert keys(rule, BERLIN, "2026-11-01 00:00", 4) == dates
    assert keys("0 9 * * * every 1 weeks from 2026-12-24", BERLIN, "2026-11-21 18:00", 1) == [
        "2026-12-24T09:00"
    ]


@pytest.mark.parametrize("year", [2026, 2027])
@pytest.mark.parametrize("zone", [BERLIN, "America/New_York"])
@pytest.mark.parametrize("time", ["0 0", "30 1", "0 2", "30 2", "59 2", "0 3", "59 23"])
def test_a_daily_job_is_due_exactly_once_a_date(zone: str, time: str, year: int) -> None:
    due = upcoming(f"{time} * * *", zone, at(f"{year}-01-01", zone) - 1, 365)
    assert [slot.key[:10] for slot in due] == [str(date(year, 1, 1) + timedelta(n)) for n in range(365)]


def test_fixed_hours_keep_local_time_in_the_gap_and_in_the_fold() -> None:
    assert keys("30 2 * * *", BERLIN, "2026-03-28 12:00", 2) == ["2026-03-29T03:00", "2026-03-30T02:30"]
    night = upcoming("30 2 * * *", BERLIN, at("2026-10-24 12:00", BERLIN), 2)
    assert night[0] == Slot("2026-10-25T02:30", at("2026-10-25 00:30"))  # the first of the two
    assert night[1].at - night[0].at == 25 * 3600
    between = at(
        "2026-10-25 00:45"
    )  # 02:45 summer time: the second 02:30 is still to come, and does not count
    assert upcoming("30 2 * * *", BERLIN, between, 1)[0].key == "2026-10-26T02:30"
    assert keys("0 2,3 * * *", BERLIN, "2026-03-29 00:00", 2) == ["2026-03-29T03:00", "2026-03-30T02:00"]
    assert keys("59 2 * * *", BERLIN, "2026-03-29 00:00", 1) == ["2026-03-29T03:00"]


def test_what_is_moved_over_midnight_falls_together_with_what_is_due_there() -> None:
    """In Nuuk the hour before midnight is skipped: 23:00, 23:30 and 00:00 are one moment."""
    rule, nuuk = "0,30 0,23 * * *", "America/Nuuk"
    due = upcoming(rule, nuuk, at("2026-03-28 00:30", nuuk), 3)
    assert [slot.key for slot in due] == ["2026-03-29T00:00", "2026-03-29T00:30", "2026-03-29T23:00"]
    assert missed(rule, nuuk, due[0], due[2].at) == (due[2], 2)
    assert missed("30 23 * * *", nuuk, due[0], due[2].at + 3600) == (
        Slot("2026-03-29T23:30", due[2].at + 1800),
        1,
    )


@pytest.mark.parametrize("zone", ZONES)
def test_a_wildcard_keeps_its_distance_in_every_night(zone: str) -> None:
    due = list(islice(slots("*/15 * * * *", zone, at("2026-01-01")), 35_200))
    assert {b.at - a.at for a, b in pairwise(due)} == {MIN_GAP}
    assert due[0].key == datetime.fromtimestamp(due[0].at, UTC).strftime("%Y-%m-%dT%H:%MZ")


@settings(max_examples=300, deadline=None)
@given(rules, st.sampled_from(ZONES), moments)
def test_slots_only_go_forward_and_no_key_comes_twice(rule: str, zone: str, after: float) -> None:
    due = upcoming(rule, zone, after, 60)
    assert all(slot.at > after for slot in due)
    assert all(a.at < b.at for a, b in pairwise(due))
    assert len({slot.key for slot in due}) == len(due)
    assert all(slot.at == int(slot.at) for slot in due)


@settings(max_examples=100, deadline=None)
@given(rules, st.sampled_from(ZONES), moments, st.floats(0, 40 * 86_400.0))
def test_what_was_missed_is_what_was_due(rule: str, zone: str, after: float, down: float) -> None:
    first = next(slots(rule, zone, after), None)
    if first is None:
        return
    now = first.at + down
    due = [slot for slot in islice(slots(rule, zone, after), 1001) if slot.at <= now]
    latest, left_out = missed(rule, zone, first, now)
    assert left_out == min(len(due) - 1, 1000)
    if len(due) <= 1000:
        assert latest == due[-1]
    follows = next(slots(rule, zone, now), None)
    assert latest.at <= now and (follows is None or follows.at > latest.at)


def test_a_year_of_downtime_is_counted_quickly() -> None:
    first = upcoming("*/15 * * * *", BERLIN, NOW - YEAR, 1)[0]
    began = perf_counter()
    assert missed("*/15 * * * *", BERLIN, first, NOW) == (Slot("2026-11-21T17:00Z", NOW), 1000)
    assert perf_counter() - began < 0.5
    once = Slot("2026-12-01T15:00", at("2026-12-01 15:00", BERLIN))
    assert missed("2026-12-01 15:00", BERLIN, once, once.at + YEAR) == (once, 0)


def test_a_slot_that_the_rule_no_longer_knows_is_kept() -> None:
    moved = Slot("2026-11-20T09:00", NOW - 60)
    assert missed("0 9 * * *", BERLIN, moved, NOW) == (moved, 0)


def test_what_cannot_be_is_said() -> None:
    assert "bad minute" in wrong_with("61 9 * * 1") and "“0 9 * * 1” is Mondays" in wrong_with("every monday")
    assert "has no seconds" in wrong_with("0 0 9 * * 1")
    assert "bad day-of-month" in wrong_with("0 9 32 1 *")
    assert "at most 120 characters" in wrong_with("0 9 * * " + ",".join(["1"] * 100))
    assert "never fires" in wrong_with("0 9 31 2 *") and "never fires" in wrong_with("0 9 */31 * 1#5")
    assert "never fires" in wrong_with("0 9 30,31 2 *")
    assert "has passed" in wrong_with("2026-11-21 17:59")
    check("2026-11-21 18:01", BERLIN, NOW)
    assert "five years" in wrong_with("2032-01-01 09:00") and "out of reach" in wrong_with("9999-12-31 23:59")
    assert "five years" in wrong_with("0 9 * * 1 every 2 weeks from 2040-01-01")
    assert "no date and time" in wrong_with("2026-02-30 09:00")
    assert "Did you mean Europe/Berlin" in wrong_with("0 9 * * 1", "Europe/Berln")


def test_a_quarter_of_an_hour_is_the_least() -> None:
    assert "every minute. The shortest" in wrong_with("* * * * *")
    assert "every 5 minutes. The shortest time between two runs of a schedule is 15 minutes." in wrong_with(
        "0,5 9 * * *"
    )
    for often in ("*/14 * * * *", "0,50 * * * *", "0,55 0,23 * * *", "5-7 9 1 1 *"):
        wrong_with(often)
    for fine in ("*/15 * * * *", "0,45 * * * *", "0,50 0,23 * * 1", "7,22,37,52 9-17 * * 1-5"):
        check(fine, BERLIN, NOW)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        any_cron,
        st.text("0123456789*/,-#LW? @SUNMOAJFEBévry\x00", max_size=60),
        st.lists(st.text("0123456789*/,-#LW", min_size=1, max_size=8), min_size=5, max_size=5).map(" ".join),
    ),
    st.sampled_from(ZONES),
)
def test_no_text_does_anything_but_be_refused(rule: str, zone: str) -> None:
    try:
        check(rule, zone, NOW)
    except Unusable as error:
        assert str(error)
    else:
        due = upcoming(rule, zone, NOW, 3)
        assert due and words(rule) != rule


@pytest.mark.parametrize(
    ("rule", "said_so"),
    [
        ("0 9 * * 1", "Every Monday at 09:00"),
        ("0 9 * * *", "Every day at 09:00"),
        ("30 8 * * mon-fri", "Every weekday at 08:30"),
        ("0 9,17 * * 5,1,3", "Every Monday, Wednesday and Friday at 09:00 and 17:00"),
        ("0 9 * * 0,6", "Every Saturday and Sunday at 09:00"),
        ("0 9 * 12 1", "Every Monday in December at 09:00"),
        ("2026-12-01 15:00", "On 1 December 2026 at 15:00"),
        ("0 9 * * 1 every 2 weeks from 2026-11-23", "Every second Monday at 09:00"),
        ("0 9 * * 1,2 every 12 weeks from 2026-11-23", "Every Monday and Tuesday at 09:00, every 12th week"),
        ("0 9 * * 1 every 1 weeks from 2026-12-10", "Every Monday at 09:00, from 10 December 2026"),
        ("0 9 1 * *", "On the 1st of every month at 09:00"),
        ("0 9 31 * *", "On the 31st of every month (if there is one) at 09:00"),
        ("0 9 L * *", "On the last day of every month at 09:00"),
        ("0 9 15 1,4,7,10 *", "On the 15th of January, April, July and October at 09:00"),
        ("0 9 * * 1#1", "On the first Monday of every month at 09:00"),
        ("0 9 * * 5L", "On the last Friday of every month at 09:00"),
        ("0 10 24 12 *", "Every year on 24 December at 10:00"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0 * * * *", "Every hour"),
        ("0 */6 * * *", "Every 6 hours"),
        ("10,30,50 * * * *", "Every hour at minutes 10, 30 and 50"),
        ("*/30 9-17 * * 1-5", "Every 30 minutes from 09:00 to 17:30, every weekday"),
        ("0 9 22 * 5", "At 09:00 on the 22nd day of the month and on Friday"),
        ("whatever", "whatever"),
    ],
)
def test_words(rule: str, said_so: str) -> None:
    assert words(rule) == said_so


def test_a_moment_in_a_zone() -> None:
    assert said(at("2026-11-23 08:00"), BERLIN) == "Mon 23 Nov 2026, 09:00"
    assert local("2026-11-22T09:00", BERLIN) == local("2026-11-22 9:00", BERLIN) == at("2026-11-22 08:00")
    assert local("2026-03-29T02:30", BERLIN) == at("2026-03-29 01:00")  # the end of the gap
    assert local("2026-10-25T02:30", BERLIN) == at("2026-10-25 00:30")  # the first of two
    for none in ("", "tomorrow", "2026-13-01T09:00", "2026-11-22", "2026-11-22T24:00", "2026-11-22T09:00Z"):
        with pytest.raises(Unusable):
            local(none, BERLIN)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("", "UTC"),
        ("utc", "UTC"),
        ("berlin", BERLIN),
        ("europe/berlin", BERLIN),
        ("New York", "America/New_York"),
        ("EST", "America/New_York"),
        ("CEST", BERLIN),
        ("UTC+2", "Etc/GMT-2"),
        ("gmt-05:00", "Etc/GMT+5"),
    ],
)
def test_zones_as_people_name_them(name: str, zone: str) -> None:
    assert zone_of(name).key == zone


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "Did you mean Europe/Berlin"),
        ("CST", "America/Chicago or Asia/Shanghai"),
        ("IST", "Say which"),
        ("../../etc/passwd", "Write it as"),
        ("right/UTC", "no time zone"),
        ("localtime", "no time zone"),
        ("UTC-13", "no time zone"),
        ("x" * 5000, "no time zone"),
        ("Europe", "no time zone"),
        ("a\x00b", "no time zone"),
    ],
)
def test_a_zone_that_there_is_not(name: str, hint: str) -> None:
    with pytest.raises(Unusable, match=hint) as raised:
        zone_of(name)
    assert len(str(raised.value)) < 200


@given(st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_name_is_a_zone_or_is_refused(name: str) -> None:
    try:
        assert upcoming("0 9 * * *", name, NOW, 1)
    except Unusable as error:
        assert str(error)

"""When something shall happen, as a model replied it, read as a rule.

The form (`form.py`) is made so that a small model manages and a large one can say everything. What was left
open is filled with what is usual (09:00, the first of the month): a card shows it before anything exists.
Not known here: prompts, models, stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.recurrence.form import DAYS, NAMED, dated
from bot.recurrence.rules import check, read, slots, upcoming
from bot.recurrence.zones import Unusable, zone_of

USUAL = "09:00"  # where no time was named
MOST_WEEKS = 52


class Misread(Exception):
    """A model's reply is no recurrence; the text is for its one repair."""


class When(BaseModel):
    """The form once more and more lenient, for whoever answers without a grammar."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: Literal["once", "minutes", "hours", "day", "workday", "week", "month", "year"]
    n: int = Field(1, ge=1, le=1000)
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    day: Annotated[int, Field(ge=-1, le=31)] | None = None
    month: Annotated[int, Field(ge=1, le=12)] | None = None
    time: Annotated[str, Field(pattern=r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$", max_length=5)] | None = None
    on: date | None = Field(None, alias="date")
    zone: str = Field("", max_length=40)
    cron: str = Field("", max_length=60)

    @field_validator("days", mode="before")
    @classmethod
    def _short(cls, days: Any) -> Any:
        return [str(day).lower()[:3] for day in days] if isinstance(days, list) else days

    @field_validator("every", mode="before")
    @classmethod
    def _workday(cls, every: Any) -> Any:
        return "workday" if every == "weekday" else every

    @field_validator("day")
    @classmethod
    def _some_day(cls, day: int | None) -> int | None:
        if day == 0:
            raise ValueError("1 to 31, or -1 for the last day of the month")
        return day

    @property
    def clock(self) -> tuple[int, int]:
        hour, _, minute = (self.time or USUAL).partition(":")
        return int(hour), int(minute)

    @property
    def weekdays(self) -> str:
        return ",".join(str(at + 1) for at, day in enumerate(DAYS) if day in self.days) or "*"


def understood(when: Mapping[str, Any], zone: str, now: float) -> tuple[str, str]:
    """(rule, zone). Misread when it is the model's mistake, Unusable when what was asked cannot be."""
    if not isinstance(when, Mapping):
        raise Misread("“when” is an object.")
    given = {key: value for key, value in when.items() if value not in (None, "", [])}
    try:
        wanted = When.model_validate(given | _dated(given, zone, now))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3]]
        raise Misread(f"“when” is wrong: {'; '.join(wrong)}.") from None
    where = zone_of(wanted.zone or zone).key
    if not wanted.cron:
        rule = _rule(wanted, where, now)
    else:
        rule = _cron(wanted.cron)
        beside = given.keys() & {"n", "days", "day", "month", "time", "date"}
        if beside and upcoming(rule, where, now) != upcoming(_rule(wanted, where, now), where, now):
            raise Misread("“cron” and the other fields say different things: leave “cron” out, or them.")
    check(rule, where, now)
    return rule, where


def _dated(given: Mapping[str, Any], zone: str, now: float) -> dict[str, str]:
    """A date that was named by a word."""
    named = f"{given.get('date')} {given.get('time', USUAL)}"
    where = given.get("zone") or zone
    return (
        {"date": dated(named, where, now)[:10]} if isinstance(where, str) and NAMED.fullmatch(named) else {}
    )


def _cron(text: str) -> str:
    """Unreadable is the model's mistake; a date that never comes was asked for."""
    rule = " ".join(text.split())
    try:
        parsed = read(rule)
    except Unusable as error:
        if "never fires" in str(error):
            raise
        raise Misread(str(error)) from None
    if not parsed.cron:
        raise Misread("“cron” has five fields; one date goes into “date” and “time”.")
    return rule


def _rule(when: When, zone: str, now: float) -> str:
    today = datetime.fromtimestamp(now, zone_of(zone)).date()
    weeks = 1
    match when.every:
        case "once":
            return _once(when)
        case "minutes":
            cron = _minutes(when)
        case "hours":
            cron = _hours(when, when.n)
        case "month":
            cron = _monthly(when)
        case "year":
            cron = _yearly(when)
        case _:
            cron, weeks = _on_days(when, today)
    return _from(cron, weeks, max(when.on or today, today), zone, now)


def _from(cron: str, weeks: int, start: date, zone: str, now: float) -> str:
    """With its first date where that says something: every second week counts from it, or it is later."""
    first = next(slots(f"{cron} every 1 weeks from {start}", zone, now), None)
    if first is None or (weeks == 1 and first == next(slots(cron, zone, now), None)):
        return cron
    begin = datetime.fromtimestamp(first.at, zone_of(zone)).date() if weeks > 1 else start
    return f"{cron} every {weeks} weeks from {begin}"


def _once(when: When) -> str:
    if when.on is None:
        raise Misread("“once” needs “date”.")
    named = (when.day in (None, when.on.day), when.month in (None, when.on.month), when.n == 1)
    if not all(named) or (when.days and DAYS[when.on.weekday()] not in when.days):
        raise Misread(f"“once” is {when.on}, a {when.on:%A}; the other fields say something else.")
    return "{} {:02d}:{:02d}".format(when.on, *when.clock)


def _uneven(what: str, whole: str, possible: str) -> Unusable:
    return Unusable(f"Every {what} does not divide {whole}. Possible are every {possible}.")


def _minutes(when: When) -> str:
    if when.n >= 60 and when.n % 60 == 0:
        return _hours(when, when.n // 60)
    if when.n < 15:
        raise Unusable("That is too often. The shortest time between two runs of a schedule is 15 minutes.")
    if 60 % when.n:
        raise _uneven(f"{when.n} minutes", "an hour", "15, 20 or 30 minutes, and every hour")
    past = when.clock[1] % when.n
    minutes = ",".join(map(str, range(past, 60, when.n))) if past else f"*/{when.n}"
    return f"{minutes} * {_end(when)}"


def _hours(when: When, n: int) -> str:
    if n > 24 or 24 % n:
        raise _uneven(f"{n} hours", "a day", "1, 2, 3, 4, 6, 8 or 12 hours, and every day")
    hour, minute = when.clock
    if n == 24:
        return f"{minute} {hour} {_end(when)}"
    past = hour % n if when.time else 0
    hours = f"{past}-23/{n}" if past else "*" if n == 1 else f"*/{n}"
    return f"{minute} {hours} {_end(when)}"


def _end(when: When, weekdays: str = "") -> str:
    if when.day is not None:
        raise Misread(f"“day” is a day of the month; it does not go with “{when.every}”.")
    return f"* {when.month or '*'} {weekdays or when.weekdays}"


def _on_days(when: When, today: date) -> tuple[str, int]:
    hour, minute = when.clock
    if when.every == "workday":
        if when.days and set(when.days) != set(DAYS[:5]):
            raise Misread("“workday” means Monday to Friday; single days go with “week” and “days”.")
        if when.n > 1:
            raise Unusable(
                "Every so many workdays is not possible. Name the days, as Monday, Wednesday, Friday."
            )
        return f"{minute} {hour} {_end(when, '1-5')}", 1
    if when.every == "day" and (when.n == 1 or when.n % 7):
        if when.n > 1:
            raise Unusable(
                f"Every {when.n} days is not possible exactly. Possible are every day, named days of the "
                "week, and every so many weeks."
            )
        return f"{minute} {hour} {_end(when)}", 1
    weeks = when.n // 7 if when.every == "day" else when.n
    if weeks > MOST_WEEKS:
        raise Unusable(f"Every {weeks} weeks is too far apart: {MOST_WEEKS} weeks is the most.")
    usual = str((when.on or today).isoweekday())
    return f"{minute} {hour} {_end(when, '' if when.days else usual)}", weeks


def _monthly(when: When) -> str:
    if when.days:
        raise Misread(
            "A weekday of the month goes into “cron”: 0 9 * * 1#1 is its first Monday, 5L its last Friday."
        )
    if when.n == 1 and when.month:
        raise Misread("Once a year in one month is “year”.")
    if when.n > 12 or 12 % when.n:
        raise _uneven(f"{when.n} months", "a year", "1, 2, 3, 4 or 6 months, and every year")
    first = (when.month or (when.on.month if when.on else 1)) - 1
    months = sorted((first + more) % 12 + 1 for more in range(0, 12, when.n))
    return _in(when, "*" if when.n == 1 else ",".join(map(str, months)))


def _yearly(when: When) -> str:
    month = when.month or (when.on.month if when.on else None)
    if when.n > 1:
        raise Unusable("Less often than every year is not possible.")
    if when.days or month is None:
        raise Misread("“year” needs “month” and “day”, or “date”, and no “days”.")
    return _in(when, str(month))


def _in(when: When, months: str) -> str:
    hour, minute = when.clock
    day = when.day or (when.on.day if when.on else 1)
    return f"{minute} {hour} {'L' if day == -1 else day} {months} *"

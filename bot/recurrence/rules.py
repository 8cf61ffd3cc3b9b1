"""When a schedule is due: its rule as text, and the slots that follow from it.

A rule is a 5-field cron (`0 9 * * 1`), the same with ` every 2 weeks from 2026-11-23` (nothing earlier, and
then every second week), or one date (`2026-12-01 15:00`); always read in a zone. Fields and which days match
are cronsim's; the times of each day are laid out here, by Debian cron's rule for the two odd nights of a
year: fixed hours keep local time (what falls into the gap is due at its end, what comes twice is due once),
and where minute or hour is a wildcard, every matching time that really comes is due.

Pure: the clock is an argument. Not known here: stores, runs, models, what people typed (`asked.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from bot.recurrence.zones import Unusable, said, zone_of

MIN_GAP = 15 * 60
MAX_RULE = 120
MAX_MISSED = 1000
FAR = 5 * 366 * 86400  # seconds; who asks for more mistyped the year
NEVER = 50 * 366  # days; leap years and weekdays have come round by then
DAY = timedelta(days=1)
WEEKS = re.compile(r"(.*\S) every ([1-9]\d?) weeks? from (\d{4}-\d\d-\d\d)", re.IGNORECASE)
DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d{1,2}:\d\d)(?::00)?")


@dataclass(frozen=True, slots=True)
class Slot:
    """One due time. `key` names it for good: local time for fixed hours, UTC (with a Z) for wildcards."""

    key: str
    at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was read. Without `cron` it is the one date `once`."""

    cron: CronSim | None = None
    once: datetime | None = None
    weeks: int = 1
    start: date = date.min

    @property
    def fixed(self) -> bool:
        return self.cron is None or not any(field.startswith("*") for field in self.cron.parts[1:3])

    def matches(self, day: date) -> bool:
        if self.once or not self.cron:
            return bool(self.once and self.once.date() == day)
        if day < self.start or day.month not in self.cron.months or not self.cron.match_day(day):
            return False
        return self.weeks == 1 or (_monday(day) - _monday(self.start)).days // 7 % self.weeks == 0

    def times(self) -> list[tuple[int, int]]:
        if self.once or not self.cron:
            return [(self.once.hour, self.once.minute)] if self.once else []
        return [(hour, minute) for hour in sorted(self.cron.hours) for minute in sorted(self.cron.minutes)]


def read(rule: str) -> Rule:
    """Unusable, in a sentence with an example, when it is no rule."""
    rule = " ".join(rule.split())
    if len(rule) > MAX_RULE:
        raise Unusable(f"A schedule's rule has at most {MAX_RULE} characters.")
    if found := DATE.fullmatch(rule):
        return Rule(once=moment(rule))
    if found := WEEKS.fullmatch(rule):
        start = moment(found[3] + " 00:00").date()
        return Rule(cron=_cron(found[1]), weeks=int(found[2]), start=start)
    return Rule(cron=_cron(rule))


def moment(text: str) -> datetime:
    """A local date and time, without its zone."""
    found = DATE.fullmatch(text.strip())
    try:
        at = datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M") if found else None  # noqa: DTZ007
    except ValueError:
        at = None
    if at is None:
        raise Unusable(f"“{text[:40]}” is no date and time. Write it as 2026-12-01 15:00.")
    if not 1970 <= at.year <= 2200:
        raise Unusable(f"The year {at.year} is out of reach for a schedule.")
    return at


def _cron(text: str) -> CronSim:
    fields = text.upper().split()
    if len(fields) == 6:
        raise Unusable(f"“{text}” has six fields; a schedule has no seconds. Leave the first one out.")
    hint = (
        "It takes five fields: minute, hour, day of month, month, weekday; “0 9 * * 1” is Mondays at 09:00."
    )
    if len(fields) != 5:
        raise Unusable(f"“{text}” is no schedule. {hint}")
    fields[4] = fields[4].replace("-SUN", "-7")  # Friday to Sunday; as 0 the week would end before it began
    try:
        return CronSim(" ".join(fields), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        if str(error) == "Bad day-of-month" and _days_exist(fields[2]):
            raise Unusable(f"“{text}” never fires: there is no such date.") from None
        raise Unusable(f"“{text}” is no schedule: {str(error).lower()}. {hint}") from None


def _days_exist(field: str) -> bool:
    """In January. cronsim refuses 32 and 31 February with the same words."""
    try:
        CronSim(f"0 0 {field} 1 *", datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return True


def check(rule: str, zone: str, now: float) -> None:
    """Unusable when it is no rule, comes too often, never, only in the past, or too far away."""
    parsed = read(rule)
    where = zone_of(zone)
    _often_enough(parsed, datetime.fromtimestamp(now, where).date())
    first = next(slots(rule, zone, now), None)
    if first is None and parsed.once:
        raise Unusable(f"{said(local(rule, zone), zone)} ({where.key}) has passed.")
    if first is None:
        raise Unusable(f"“{rule}” never fires: there is no such date.")
    if first.at > now + FAR:
        raise Unusable(f"{said(first.at, zone)} is more than five years away.")


def _often_enough(rule: Rule, today: date) -> None:
    """Counted in ordinary days; on the two odd nights of a year the clock decides."""
    minutes = [hour * 60 + minute for hour, minute in rule.times()]
    least = min((b - a for a, b in pairwise(minutes)), default=MIN_GAP)
    over_night = minutes[0] + 24 * 60 - minutes[-1]
    if over_night * 60 < MIN_GAP:
        days = islice(_days(rule, max(today, rule.start), 1), 1000)
        if any(b - a == DAY for a, b in pairwise(days)):
            least = min(least, over_night)
    if least * 60 < MIN_GAP:
        raise Unusable(
            f"That would be every {least} minutes. The shortest time between two runs of a schedule is "
            f"{MIN_GAP // 60} minutes."
            if least > 1
            else f"That would be every minute. The shortest time is {MIN_GAP // 60} minutes."
        )


def slots(rule: str, zone: str, after: float) -> Iterator[Slot]:
    """Those strictly after, in order; it ends when there are no more."""
    parsed, where = read(rule), zone_of(zone)
    first = max(datetime.fromtimestamp(after, where).date(), parsed.start)
    for day in _days(parsed, first, 1):
        for at in _on(day, parsed, where):
            if at > after:
                yield _slot(at, parsed, where)
                after = at


def upcoming(rule: str, zone: str, after: float, n: int = 3) -> list[Slot]:
    return list(islice(slots(rule, zone, after), n))


def missed(rule: str, zone: str, since: Slot, now: float) -> tuple[Slot, int]:
    """Of the slots from `since` (the first that is due) up to now: the latest, and how many are left out for
    it, counted up to MAX_MISSED. `since` itself where the rule knows it no more (tzdata has news)."""
    parsed, where = read(rule), zone_of(zone)
    latest: Slot | None = None
    left_out = 0
    before = now + 1e-6
    # A day earlier: 23:30 may have been moved over midnight.
    earliest = datetime.fromtimestamp(since.at, where).date() - DAY
    for day in _days(parsed, datetime.fromtimestamp(now, where).date(), -1):
        if day < earliest or left_out >= MAX_MISSED:
            break
        for at in reversed(_on(day, parsed, where)):
            if not since.at <= at < before:
                continue
            before = at
            if latest is None:
                latest = _slot(at, parsed, where)
            else:
                left_out += 1
    return latest or since, min(left_out, MAX_MISSED)


def _days(rule: Rule, first: date, step: int) -> Iterator[date]:
    """The dates on which it is due, from the first on, forwards or backwards."""
    if rule.once:
        day = rule.once.date()
        if (day - first).days * step >= 0:
            yield day
        return
    assert rule.cron
    idle, day = 0, first
    while idle < NEVER and 1900 < day.year <= 2200:
        if rule.matches(day):
            idle = 0
            yield day
        idle += 1
        day += DAY * step


def _on(day: date, rule: Rule, zone: ZoneInfo) -> list[float]:
    """When it is due on that date, in order."""
    times = [datetime(day.year, day.month, day.day, hour, minute) for hour, minute in rule.times()]  # noqa: DTZ001
    if rule.fixed:
        return sorted({instant(time, zone) for time in times})
    both = [time.replace(tzinfo=zone, fold=fold) for time in times for fold in (0, 1)]
    return sorted({time.timestamp() for time in both if _real(time)})


def instant(time: datetime, zone: ZoneInfo) -> float:
    """A local time that is skipped means the end of the gap; one that comes twice, the first."""
    while not _real(time.replace(tzinfo=zone)):
        time += timedelta(minutes=1)
    return time.replace(tzinfo=zone).timestamp()


def _real(time: datetime) -> bool:
    back = time.astimezone(UTC).astimezone(time.tzinfo)
    return back.replace(tzinfo=None) == time.replace(tzinfo=None)


def _slot(at: float, rule: Rule, zone: ZoneInfo) -> Slot:
    if rule.fixed:
        return Slot(datetime.fromtimestamp(at, zone).strftime("%Y-%m-%dT%H:%M"), at)
    return Slot(datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ"), at)


def _monday(day: date) -> date:
    return day - DAY * day.weekday()


def local(text: str, zone: str) -> float:
    """“2026-11-22T09:00”, or with a space, as it is meant in the zone."""
    return instant(moment(text), zone_of(zone))

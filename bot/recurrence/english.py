"""A rule in English, the same on every host.

The shapes that people ask for have sentences of their own; what is left is cronsim's `explain`, tidied.
"""

from __future__ import annotations

import re
from datetime import date

from cronsim import CronSim
from cronsim.explain import explain

from bot.recurrence.rules import Rule, read
from bot.recurrence.zones import DAYS, MONTHS, Unusable, listed

NTH = ("", "first", "second", "third", "fourth", "fifth")


def words(rule: str) -> str:
    """“Every second Monday at 09:00”. Of a rule that nobody can read, the rule itself."""
    try:
        parsed = read(rule)
    except Unusable:
        return rule
    if parsed.once or not parsed.cron:
        return f"On {_date(parsed.once.date())} at {parsed.once:%H:%M}" if parsed.once else rule
    day, time = _day(parsed.cron), _at(parsed) or _rhythm(parsed.cron)
    if not day or not time:
        text = _explained(parsed.cron)
    elif time.startswith("at "):
        text = f"{day} {time}"
    else:
        text = time if day == "every day" else f"{time}, {day}"
    return _weekly(text[0].upper() + text[1:], parsed)


def _weekly(text: str, rule: Rule) -> str:
    if rule.weeks == 1:
        return text if rule.start == date.min else f"{text}, from {_date(rule.start)}"
    nth = NTH[rule.weeks] if rule.weeks < len(NTH) else _nth(rule.weeks)
    if one := re.match(rf"Every (?=({'|'.join(DAYS)}) at)", text):
        return f"Every {nth} {text[one.end() :]}"
    return f"{text}, every {nth} week"


def _at(rule: Rule) -> str:
    times = rule.times()
    if len(times) > 4 or not rule.fixed:
        return ""
    return "at " + listed([f"{hour:02d}:{minute:02d}" for hour, minute in times])


def _rhythm(cron: CronSim) -> str:
    minute, hour = cron.parts[1:3]
    step = re.fullmatch(r"\*/([1-9]\d?)", minute)
    minutes = f"every {step[1]} minutes" if step and 60 % int(step[1]) == 0 else ""
    if minutes:
        minute = "0"
    elif re.fullmatch(r"\d+(,\d+){1,3}", minute) and hour == "*":
        return f"every hour at minutes {listed([str(each) for each in sorted(cron.minutes)])}"
    elif not re.fullmatch(r"\d+", minute):
        return ""
    past = f" at minute {int(minute)}" if int(minute) else ""
    if hour == "*":
        return minutes or f"every hour{past}"
    if (each := re.fullmatch(r"\*/([1-9]\d?)", hour)) and not minutes and 24 % int(each[1]) == 0:
        return f"every {each[1]} hours{past}" if int(each[1]) > 1 else f"every hour{past}"
    if span := re.fullmatch(r"(\d+)-(\d+)", hour):
        first, last = int(span[1]), int(span[2])
        end = f"{last:02d}:{max(cron.minutes):02d}"
        return f"{minutes or 'every hour'} from {first:02d}:{int(minute):02d} to {end}"
    return ""


def _day(cron: CronSim) -> str:
    day, month, weekday = cron.parts[3:]
    months = "" if month == "*" else listed([MONTHS[each - 1] for each in sorted(cron.months)])
    if day == "*" and weekday == "*":
        return f"every day in {months}" if months else "every day"
    if day == "*":
        return _weekday(cron, months)
    return _day_of_month(cron, months) if weekday == "*" else ""


def _weekday(cron: CronSim, months: str) -> str:
    if len(cron.weekdays) == 1 and isinstance(one := next(iter(cron.weekdays)), tuple):
        nth = "last" if one[1] == CronSim.LAST else NTH[one[1]]
        return f"on the {nth} {DAYS[one[0]]} of {months or 'every month'}"
    days = sorted({each or 7 for each in cron.weekdays if isinstance(each, int)})
    if len(days) < len({each or 7 for each in cron.weekdays}):
        return ""
    named = {(1, 2, 3, 4, 5): "weekday", tuple(range(1, 8)): "day"}.get(tuple(days))
    text = f"every {named or listed([DAYS[each] for each in days])}"
    return f"{text} in {months}" if months else text


def _day_of_month(cron: CronSim, months: str) -> str:
    days = sorted(each for each in cron.days if isinstance(each, int))
    of = months or "every month"
    if days[0] < 0:
        named = {CronSim.LAST: "day", CronSim.LAST_WEEKDAY: "weekday"}
        return f"on the last {named[days[0]]} of {of}" if len(days) == 1 else ""
    if len(days) == 1 and len(cron.months) == 1:
        return f"every year on {days[0]} {months}"
    if len(days) > 4:
        return ""
    missing = " (if there is one)" if days[-1] > 28 and len(days) == 1 else ""
    return f"on the {listed([_nth(each) for each in days])} of {of}{missing}"


def _explained(cron: CronSim) -> str:
    try:
        text = explain(" ".join(cron.parts[1:]))
    except (ValueError, IndexError, NotImplementedError):  # it reads a little less than the parser does
        return f"by the rule {' '.join(cron.parts[1:])}"
    text = re.sub(r"\b(\d+)th\b", lambda found: _nth(int(found[1])), text)
    return text.replace("day of month", "day of the month").replace(", and ", " and ")


def _nth(number: int) -> str:
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _date(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"

"""What a person typed in front of a task, when it is exact: a cron, a date, a macro, and perhaps a zone.

Everything else (“every Monday …”) is for a model to read. Not known here: Slack, models.
"""

from __future__ import annotations

import re

from bot.recurrence.rules import DATE, check, read
from bot.recurrence.zones import Unusable, is_zone, zone_of

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
NUMBERS = r"[\d*][\d*/,-]*"
DAY = r"(?:\d|\*|LW?\b)[\d*/,LW-]*"
MONTH = r"(?:[\d*]|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\b)[\w*/,-]*"
WEEKDAY = r"(?:[\d*]|(?:sun|mon|tue|wed|thu|fri|sat)\b)[\w*/,#-]*"
CRON = re.compile(rf"{NUMBERS}\s+{NUMBERS}\s+{DAY}\s+{MONTH}\s+{WEEKDAY}(?=\s|$)", re.IGNORECASE)
WEEKS = re.compile(r"\s+every\s+[1-9]\d?\s+weeks?\s+from\s+\d{4}-\d\d-\d\d(?=\s|$)", re.IGNORECASE)
SECONDS = re.compile(rf"\d+\s+\d+\s+\d+\s+\*\s+\*\s+(?:{WEEKDAY})(?=\s|$)", re.IGNORECASE)
STARS = re.compile(r"\s+[*?](?=\s|$)")


def typed(text: str, zone: str, now: float) -> tuple[str, str, str] | None:
    """(rule, zone, the rest: the task). None when it begins with no rule. Unusable, in a sentence, when it
    begins with one that cannot be, or with a zone that is misspelt."""
    text = re.sub(r"^`([^`\n]+)`", r"\1 ", text.strip()).strip()  # people quote a cron as code
    rule = _rule(text)
    if rule is None:
        return None
    task = text[len(rule) :].strip()
    rule = " ".join(MACROS.get(rule.lower(), rule).split())
    if once := read(rule).once:  # read before the zone, so that the first mistake is named first
        rule = f"{once:%Y-%m-%d %H:%M}"
    word, _, rest = task.partition(" ")
    named = word.strip("()[],;:")
    if is_zone(named):
        zone, task = named, rest.strip()
    zone = zone_of(zone).key
    check(rule, zone, now)
    return rule, zone, task


def _rule(text: str) -> str | None:
    """The words of the rule, as they were typed."""
    first = text.split(maxsplit=1)[0].lower() if text else ""
    if first in MACROS:
        return text[: len(first)]
    if found := re.match(rf"{DATE.pattern}(?=\s|$)", text):
        return found[0]
    if not (found := CRON.match(text)):
        return None
    cron = found[0]
    if SECONDS.match(text) or STARS.match(text, len(cron)):
        raise Unusable("That looks like six fields; a schedule has no seconds. Leave the first one out.")
    weeks = WEEKS.match(text, len(cron))
    return cron + weeks[0] if weeks else cron

"""Rules and moments in English, the same on every host.

The plain shapes that people ask for have sentences of their own; what is left is cronsim's `explain`, tidied.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from cronsim.explain import explain

from bot.recurrence.zones import zone_of

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January February March April May June July August September October November December".split()
)  # fmt: skip
NTH = {2: "second", 3: "third", 4: "fourth"}
WEEKS = re.compile(r"(.*\S) every ([1-9]\d?) weeks? from (\d{4}-\d\d-\d\d)", re.IGNORECASE)
DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d{1,2}:\d\d)(?::00)?")


def words(rule: str) -> str:
    """“Every Monday at 09:00”. Of a rule that nobody can read, the rule itself."""
    return rule


def said(at: float, zone: str) -> str:
    """“Mon 23 Nov 2026, 09:00”: a moment in the zone."""
    time = datetime.fromtimestamp(at, zone_of(zone))
    weekday = DAYS[time.isoweekday()][:3]
    return f"{weekday} {time.day} {MONTHS[time.month - 1][:3]} {time.year}, {time:%H:%M}"

"""The form in which a model says when something shall happen, as JSON schema.

One shape for each “every”: a grammar then keeps a small model from fields that do not go together, and makes
it say the time. “cron” is for what the others cannot say. What was said so is read in `asked.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from bot.recurrence.zones import zone_of

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY = ("once", "minutes", "hours", "day", "workday", "week", "month", "year")
NAMED_DAYS = ("today", "tomorrow", *DAYS)  # small models copy words better than they reckon dates
DATE_PATTERN = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{'|'.join(NAMED_DAYS)})"
NAMED = re.compile(rf"({'|'.join(NAMED_DAYS)})[a-z]*[T ](\d\d:\d\d)", re.IGNORECASE)
FIELDS: dict[str, dict[str, Any]] = {
    "every": {"enum": list(EVERY)},
    "n": {"type": "integer", "minimum": 1, "maximum": 1000},
    "days": {"type": "array", "items": {"enum": list(DAYS)}, "maxItems": 7},
    "day": {"type": "integer", "enum": [*range(1, 32), -1]},
    "month": {"type": "integer", "minimum": 1, "maximum": 12},
    "date": {"type": "string", "pattern": f"^{DATE_PATTERN}$", "maxLength": 10},
    "time": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "maxLength": 5},
    "zone": {"type": "string", "maxLength": 40},
    "cron": {
        "type": "string",
        "pattern": "^[0-9*,/-]+ [0-9*,/-]+ [0-9LW*,/-]+ [0-9A-Za-z*,/-]+ [0-9A-Za-z*,/#-]+$",
        "maxLength": 60,
    },
}


def _shape(every: str, required: str = "", optional: str = "") -> dict[str, Any]:
    needed = ["every", *required.split()]
    fields = [field for field in FIELDS if field in (*needed, *optional.split(), "zone")]
    properties = {field: FIELDS[field] for field in fields} | {"every": {"enum": every.split()}}
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def schema(without: Collection[str] = ()) -> dict[str, Any]:
    """`without`: values of “every” that are not offered."""
    shapes = (
        ("once", "date time", ""),
        ("day workday", "time", "n date"),
        ("week", "days time", "n date"),
        ("month", "day time", "n month date"),
        ("year", "day month time", ""),
        ("hours minutes", "n", "days time"),
        ("month year hours minutes", "cron", ""),
    )
    left = [(" ".join(e for e in every.split() if e not in without), *more) for every, *more in shapes]
    return {"anyOf": [_shape(*shape) for shape in left if shape[0]]}


def dated(text: str, zone: str, now: float) -> str:
    """“tomorrow 09:00” or “fri 09:00” (the next one) with its date; everything else as it is."""
    if not (found := NAMED.fullmatch(text.strip())):
        return text
    named, time = found[1].lower(), found[2]
    here = datetime.fromtimestamp(now, zone_of(zone))
    days = int(named == "tomorrow")
    if named in DAYS:
        days = (DAYS.index(named) - here.weekday()) % 7
        days += 7 if not days and time <= f"{here:%H:%M}" else 0
    return f"{here.date() + timedelta(days)} {time}"

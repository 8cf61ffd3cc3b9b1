"""What a person typed or a model replied, read as a rule.

Not known here: prompts, models, stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Misread(Exception):
    """A model's reply is no recurrence; the text is for its one repair."""


def typed(text: str, zone: str, now: float) -> tuple[str, str, str] | None:
    """(rule, zone, the rest = the task), or None when it begins with neither a rule nor a date."""
    return None


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "every": {"enum": ["once", "minutes", "hours", "day", "weekday", "week", "month", "year"]},
        "n": {"type": "integer", "minimum": 1, "maximum": 1000},
        "days": {
            "type": "array",
            "items": {"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
            "maxItems": 7,
        },
        "day": {"type": "integer", "minimum": -1, "maximum": 31},
        "month": {"type": "integer", "minimum": 1, "maximum": 12},
        "time": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "maxLength": 5},
        "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "maxLength": 10},
        "zone": {"type": "string", "maxLength": 40},
        "cron": {"type": "string", "maxLength": 60},
    },
    "required": ["every"],
    "additionalProperties": False,
}


def understood(when: Mapping[str, Any], zone: str, now: float) -> tuple[str, str]:
    """A model's `when` as (rule, zone)."""
    raise Misread("Not yet.")

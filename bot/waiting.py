"""Steps that wait for a time: how a plan's reply says so, and what it means in numbers.

Not known here: prompts, runs, when a step is handed out (`bot/settling.py`).
"""

from __future__ import annotations

from typing import Any

from bot import recurrence

FIELDS = {
    "wait_until": {"type": "string", "pattern": rf"^{recurrence.DATE_PATTERN} [0-9]{{2}}:[0-9]{{2}}$"},
    "wait_minutes": {"type": "integer", "minimum": 1, "maximum": 129_600},
}
LATE_SECONDS = 3_600.0  # a time that passed while the plan was made still counts
LONGEST_WAIT_DAYS = 90


def timed(reply: dict[str, Any], zone: str, now: float) -> dict[str, Any]:
    """The plan's own words for waiting, as numbers. Raises `recurrence.Misread` and `recurrence.Unusable`."""
    if not isinstance(steps := reply.get("steps"), list):
        return reply
    return reply | {"steps": [_step(s, zone, now) if isinstance(s, dict) else s for s in steps]}


def _step(step: dict[str, Any], zone: str, now: float) -> dict[str, Any]:
    step = dict(step)
    until, minutes = step.pop("wait_until", None), step.pop("wait_minutes", None)
    step.pop("not_before", None), step.pop("delay", None)
    if isinstance(until, str) and until:
        try:
            step["not_before"] = recurrence.local(recurrence.dated(until, zone, now), zone)
        except recurrence.Unusable as error:
            raise recurrence.Misread(str(error)) from error
        if step["not_before"] < now - LATE_SECONDS:
            raise recurrence.Misread(f"“wait_until” {until} has passed.")
    if isinstance(minutes, int) and minutes > 0:
        step["delay"] = minutes * 60.0
    if max(step.get("not_before", 0.0) - now, step.get("delay", 0.0)) > LONGEST_WAIT_DAYS * 86_400:
        sentence = f"I can wait {LONGEST_WAIT_DAYS} days at most. For later times, make a schedule of it."
        raise recurrence.Unusable(sentence)
    return step

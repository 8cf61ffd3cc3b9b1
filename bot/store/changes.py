"""What the audit log says of a change to a schedule. Pure."""

from __future__ import annotations

from bot.ports import Entry, Schedule
from bot.recurrence import Unusable, words


def line(now: float, by: str, old: Schedule | None, new: Schedule | None, done: str = "") -> Entry:
    """`done`: what was done with it, where that did not change it."""
    subject = new or old
    assert subject
    before = described(old) if old else ""
    after = done or (described(new) if new else "deleted")
    if old and new and old.text != new.text:
        before, after = f"“{old.name}”, {before}", f"“{new.name}”, {after}"
    return Entry(subject.workspace, now, by, "schedule", subject.name, before, after)


def described(schedule: Schedule) -> str:
    try:
        when = words(schedule.rule)
    except Unusable:  # it could be read when it was made; nobody must be kept from deleting it now
        when = schedule.rule
    place = f"in <#{schedule.channel}>, for <@{schedule.by}>"
    return f"{when} ({schedule.zone or 'UTC'}) {place}, {schedule.status}"

"""Recurrence: rules for when something is due, the slots that follow, the words, and how it is asked for."""

from bot.recurrence.asked import Misread, understood
from bot.recurrence.english import words
from bot.recurrence.exact import typed
from bot.recurrence.form import DATE_PATTERN, FIELDS, dated, schema
from bot.recurrence.hints import may_name_a_time, unlikely
from bot.recurrence.rules import MAX_MISSED, MIN_GAP, Slot, check, local, missed, slots, upcoming
from bot.recurrence.zones import Unusable, said, zone_of

__all__ = [
    "DATE_PATTERN",
    "FIELDS",
    "MAX_MISSED",
    "MIN_GAP",
    "Misread",
    "Slot",
    "Unusable",
    "check",
    "dated",
    "local",
    "may_name_a_time",
    "missed",
    "said",
    "schema",
    "slots",
    "typed",
    "understood",
    "unlikely",
    "upcoming",
    "words",
    "zone_of",
]

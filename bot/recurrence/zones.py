"""Time zones as people and models name them (`Europe/Berlin`, `berlin`, `CET`, `UTC+2`), and a moment in one.

Not known here: schedules, clocks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December")  # fmt: skip
# What is meant by them where people work together, summer time included. IANA's own EST and MST have none.
SHORT = {
    **dict.fromkeys(("utc", "gmt", "z", "zulu"), "UTC"),
    **dict.fromkeys(("et", "est", "edt", "eastern"), "America/New_York"),
    **dict.fromkeys(("ct", "cdt", "central"), "America/Chicago"),
    **dict.fromkeys(("mt", "mst", "mdt", "mountain"), "America/Denver"),
    **dict.fromkeys(("pt", "pst", "pdt", "pacific"), "America/Los_Angeles"),
    **dict.fromkeys(("cet", "cest", "met", "mez", "mesz"), "Europe/Berlin"),
    **dict.fromkeys(("wet", "west"), "Europe/Lisbon"),
    **dict.fromkeys(("eet", "eest"), "Europe/Helsinki"),
    **dict.fromkeys(("aest", "aedt"), "Australia/Sydney"),
    **dict.fromkeys(("nzst", "nzdt"), "Pacific/Auckland"),
    "bst": "Europe/London",
    "msk": "Europe/Moscow",
    "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
}
TWO = {
    "cst": ("America/Chicago", "Asia/Shanghai"),
    "ist": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
}
OFFSET = re.compile(r"(?:utc|gmt)?([+-])0?(\d|1[0-4])(?::?00)?")


CONTINENTS = ("africa", "america", "antarctica", "arctic", "asia", "atlantic", "australia", "etc", "europe",
              "indian", "pacific")  # fmt: skip


class Unusable(Exception):
    """What was asked for cannot be; the text is a sentence for the person."""


def zone_of(name: str) -> ZoneInfo:
    """Nothing means UTC. Unusable, with names that are near, when there is no such zone."""
    name = name.strip()
    wanted = name.lower().replace(" ", "_")
    if not name:
        return ZoneInfo("UTC")
    if wanted in TWO:
        raise Unusable(f"“{name}” may be {listed(TWO[wanted], 'or')}. Say which.")
    if (found := OFFSET.fullmatch(wanted)) and (found[1] == "+" or int(found[2]) <= 12):
        sign = "-" if found[1] == "+" else "+"  # in Etc/ they are the other way round, as in POSIX
        return ZoneInfo(f"Etc/GMT{sign}{found[2]}")
    if wanted in SHORT:
        return ZoneInfo(SHORT[wanted])
    if "/" in name and (zone := _exactly(name)):
        return zone
    return _by_city(name, wanted)


def _exactly(name: str) -> ZoneInfo | None:
    """Without a look at the whole list, which takes milliseconds; most names are right."""
    if not re.fullmatch(r"(?!posix/|right/)[A-Za-z]\w*(/[A-Za-z][\w+-]*){1,2}", name, re.ASCII):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # a folder; ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


def is_zone(word: str) -> bool:
    """Whether a word before a task is meant as a zone, rightly spelt or not. Abbreviations only in capitals:
    “west” is a word."""
    lower = word.lower()
    if lower in ("utc", "gmt") or (word.isupper() and len(word) > 2 and lower in {**SHORT, **TWO}):
        return True
    if OFFSET.fullmatch(lower):
        return lower[0] in "ug"
    region, slash, city = lower.partition("/")
    if not slash or not city:
        return False
    if region in CONTINENTS or _exactly(word):
        return True
    return bool(difflib.get_close_matches(word[:60], _names(), n=1, cutoff=0.85))


@cache
def _names() -> tuple[str, ...]:
    """All there are; those of the form Region/City first, as they are the ones that are meant."""
    return tuple(
        sorted(available_timezones() - {"localtime", "Factory"}, key=lambda n: (n.count("/") != 1, n))
    )


def _by_city(name: str, wanted: str) -> ZoneInfo:
    cities = {each.rpartition("/")[2].lower(): each for each in reversed(_names())}
    known = cities | {each.lower(): each for each in _names()}
    if wanted in known:
        return ZoneInfo(known[wanted])
    near = difflib.get_close_matches(wanted[:60], known, n=6, cutoff=0.7)
    names = list(dict.fromkeys(known[each] for each in near))[:3]
    hint = f"Did you mean {listed(names, 'or')}?" if names else "Write it as Europe/Berlin."
    raise Unusable(f"There is no time zone “{name[:40]}”. {hint}")


def said(at: float, zone: str) -> str:
    """“Mon 23 Nov 2026, 09:00”, in English on every host."""
    time = datetime.fromtimestamp(at, zone_of(zone))
    weekday, month = DAYS[time.isoweekday()][:3], MONTHS[time.month - 1][:3]
    return f"{weekday} {time.day} {month} {time.year}, {time:%H:%M}"


def listed(texts: Sequence[str], word: str = "and") -> str:
    """“a, b and c”."""
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)

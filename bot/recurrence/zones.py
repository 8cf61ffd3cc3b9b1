"""Time zones as people and models name them: `Europe/Berlin`, `berlin`, `CET`, `UTC+2`.

Not known here: schedules, clocks.
"""

from __future__ import annotations

import difflib
import re
from zoneinfo import ZoneInfo, available_timezones

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


class Unusable(Exception):
    """What was asked for cannot be; the text is a sentence for the person."""


def zone_of(name: str) -> ZoneInfo:
    """Nothing means UTC. Unusable, with names that are near, when there is no such zone."""
    name = name.strip()
    wanted = name.lower().replace(" ", "_")
    if not name:
        return ZoneInfo("UTC")
    if wanted in TWO:
        raise Unusable(f"“{name}” may be {' or '.join(TWO[wanted])}. Say which.")
    if found := OFFSET.fullmatch(wanted):
        hours = int(found[2])
        west = "-" if found[1] == "+" else "+"  # in Etc/ the signs are the other way round, as in POSIX
        return ZoneInfo(f"Etc/GMT{west}{hours}" if hours <= 12 or west == "-" else "UTC")
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


def _by_city(name: str, wanted: str) -> ZoneInfo:
    names = sorted(available_timezones() - {"localtime", "Factory"}, key=lambda n: (n.count("/") != 1, n))
    for same in (str, lambda n: n.rpartition("/")[2]):
        for each in names:
            if same(each).lower() == wanted:
                return ZoneInfo(each)
    lower = {**{n.rpartition("/")[2].lower(): n for n in reversed(names)}, **{n.lower(): n for n in names}}
    near = difflib.get_close_matches(wanted[:60], lower, n=6, cutoff=0.7)
    near_names = list(dict.fromkeys(lower[each] for each in near))[:3]
    hint = f"Did you mean {' or '.join(near_names)}?" if near_names else "Write it as Europe/Berlin."
    raise Unusable(f"There is no time zone “{name[:40]}”. {hint}")

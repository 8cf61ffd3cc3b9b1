"""Names that a small model can write without quoting.

`Umsatz (EUR)` becomes `Umsatz_EUR`; letters of any script stay. Knows no SQL beyond the reserved words.
"""

from __future__ import annotations

import re
from collections.abc import Container

# what DuckDB reserves (a test asks it for its list), and what reads as something else
_RESERVED = """
all analyse analyze and any array as asc asymmetric both case cast check collate column constraint
create current_date current_time current_timestamp date default deferrable desc describe distinct do else
end except false fetch for foreign from grant group having in initially intersect into lambda lateral
leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary qualify
references returning rowid select session_user show some summarize symmetric table then time timestamp to
trailing true union unique unpivot user using values variadic when where window with"""
RESERVED = frozenset(_RESERVED.split())


def identifier(text: str, fallback: str, taken: Container[str] = ()) -> str:
    """A name that is not reserved and not in `taken` (which holds lower-case names)."""
    name = re.sub(r"\W+", "_", text.strip()).strip("_")[:48] or fallback
    if name[0].isdigit():
        name = f"n{name}" if fallback.startswith("column") else f"t{name}"
    if name.lower() in RESERVED:
        name += "_"
    base, number = name, 2
    while name.lower() in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

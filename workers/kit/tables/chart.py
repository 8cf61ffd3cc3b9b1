"""A bar or line chart of a result, as PNG. The names of the columns come from a model and may be wrong:
then the first column and the first number beside it are drawn.

matplotlib takes about a second to import, so only a wish for a chart brings it in. Nothing in a label is
read as mathematics (`$…$` is an amount here, not a formula).
"""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from workers.kit.tables.cells import one_line, shown
from workers.kit.tables.limits import Refused
from workers.kit.tables.sql import Rows

MOST_BARS, MOST_LABELS = 40, 20


def draw(rows: Rows, kind: str, x: str, y: str, title: str) -> bytes:
    """Raises `Refused` when there is nothing to draw."""
    across, up = _columns(rows, x, y)
    points = [(r[across], float(r[up])) for r in rows.rows if _is_number(r[up])]
    if len(points) < 2:
        raise Refused("A chart needs two points at least.")
    cut = kind == "bar" and len(points) > MOST_BARS
    points = points[:MOST_BARS] if cut else points

    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"text.parse_math": False, "text.usetex": False, "axes.formatter.useoffset": False}):
        figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        heights = [p[1] for p in points]
        if kind == "line" and all(isinstance(p[0], (date, datetime)) or _is_number(p[0]) for p in points):
            places: list[Any] = [float(p[0]) if isinstance(p[0], Decimal) else p[0] for p in points]
            axes.plot(places, heights, marker="o" if len(points) <= MOST_BARS else None)
        else:
            ticks = range(len(points))
            if kind == "line":
                axes.plot(ticks, heights, marker="o" if len(points) <= MOST_BARS else None)
            else:
                axes.bar(ticks, heights)
            step = -(-len(points) // MOST_LABELS)
            labels = [shown(p[0], 24) for p in points]
            axes.set_xticks([*ticks][::step], labels[::step])
        long = max(len(shown(p[0], 24)) for p in points) > 6 and len(points) > 6
        axes.tick_params(axis="x", rotation=40 if long else 0)
        axes.set_xlabel(one_line(rows.columns[across], 60))
        axes.set_ylabel(one_line(rows.columns[up], 60))
        axes.set_title(one_line(title, 80) + (f" (first {MOST_BARS})" if cut else ""))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
        out = io.BytesIO()
        figure.savefig(out, format="png")
    return out.getvalue()


def _columns(rows: Rows, x: str, y: str) -> tuple[int, int]:
    names = [c.lower() for c in rows.columns]
    numbers = [i for i in range(len(names)) if any(_is_number(r[i]) for r in rows.rows)]
    up = names.index(y.lower()) if y.lower() in names else -1
    across = names.index(x.lower()) if x.lower() in names else -1
    if up not in numbers or up == across:
        up = next((i for i in numbers if i not in (0, across)), -1)
    if up < 0:
        raise Refused("The result has no column of numbers to draw.")
    if across in (-1, up):
        across = 0 if up else min(1, len(names) - 1)
    return across, up


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float, Decimal))
        and not isinstance(value, bool)
        and abs(float(value)) < float("inf")
    )

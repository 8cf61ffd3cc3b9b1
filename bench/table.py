"""The figures for people: each with its goal, where it has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.load_table import load_rows

Figures = dict[str, Any]


def table(figures: Figures) -> str:
    rows = [("figure", "value", "goal"), *_rows(figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _rows(figures: Figures) -> Iterator[tuple[str, str, str]]:
    machine = figures["machine"]
    yield f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}", "", ""
    yield "one fsync", _ms(machine["fsync_seconds"]), ""
    for delay in ("0ms", "200ms"):
        yield from _overhead(figures, delay)
    yield from _load(figures)
    if memory := figures.get("memory"):
        yield f"memory of a waiting run ({memory['runs']} of them)", _kb(memory["bytes_per_run"]), "<= 80 KB"
        yield "  of the second half", _kb(memory["bytes_per_run_second_half"]), ""
    yield from _start(figures)
    yield from load_rows(figures)
    for part in ("loop", "writer"):
        for name, percent in list(figures.get("profile", {}).get(f"percent_of_{part}", {}).items())[:10]:
            yield f"profile of the {part}: {name}", f"{percent:.1f} %", ""


def _overhead(figures: Figures, delay: str) -> Iterator[tuple[str, str, str]]:
    for shape, one in figures.get(f"overhead_{delay}", {}).items():
        if shape == "load_average":
            continue
        yield f"{shape}, model at {delay}: mention to last commit", _ms(one["makespan"]), ""
        if one["ideal"]:
            yield "  of the ideal", f"{one['ratio_to_ideal']:.3f}", "<= 1.05"
            for by, ratio in one["floor_ratio_to_ideal"].items():
                yield f"  the {by} floor's", f"{ratio:.3f}", ""
        for by, seconds in one["overhead_per_call"].items():
            floor = _ms(one["floor"][by])
            yield f"  a call, above the {by} floor of {floor}", _ms(seconds), ""
        yield "  the thread is behind by", _ms(one["thread_behind"]), ""


def _load(figures: Figures) -> Iterator[tuple[str, str, str]]:
    if not (load := figures.get("load")):
        return
    yield f"{load['runs']} {load['shape']} at once", f"{load['runs_per_second']:.1f} runs/s", ">= 45 runs/s"
    yield "  until all is shown", f"{load['runs_per_second_shown']:.1f} runs/s", ""
    yield "  CPU of the bot a run", _ms(load["bot_cpu_per_run"]), ""
    yield "  of its event loop", _ms(load["loop_cpu_per_run"]), ""
    yield "  of playground and stub", _ms(load["playground_cpu_per_run"] + load["stub_cpu_per_run"]), ""
    yield "  calls of Slack a run", f"{load['slack_calls_per_run']:.1f}", ""
    yield "  until the last of them began", f"{load['seconds_to_last_begun']:.2f} s", ""
    for by in ("aiohttp", "litellm"):
        floor = load[f"floor_{by}"]
        yield f"  {by} floor", f"{floor['runs_per_second']:.1f} runs/s", ""
        yield f"  {by} floor, CPU a run", _ms(floor["cpu_per_run"]), ""


def _start(figures: Figures) -> Iterator[tuple[str, str, str]]:
    if start := figures.get("start"):
        for name, seconds in sorted(start["again"].items(), key=lambda item: item[1]):
            if name.startswith(("rss", "cpu_when_r", "cpu_when_c")):
                continue
            fresh = f"{seconds:.2f} s (first start {start['fresh'][name]:.2f} s)"
            yield f"start: {name}", fresh, "<= 1.5 s" if name == "acked" else ""
    if found := figures.get("imports"):
        yield "imports, under -X importtime", f"{found['seconds']:.2f} s", ""
        for name, seconds in found["top"].items():
            yield f"  {name}", _ms(seconds), ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _kb(size: float) -> str:
    return f"{size / 1000:.1f} KB"

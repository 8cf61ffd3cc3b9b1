"""The figures of loads for people: each with its goal, where it has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Figures = dict[str, Any]
Rows = Iterator[tuple[str, str, str]]

NAMES = {
    "events": "all in one process",
    "events_broker": "a worker service behind RabbitMQ",
    "burst": "one event each",
    "burst_twins": "each with its twin",
}


def load_rows(figures: Figures) -> Rows:
    for name in ("events", "events_broker"):
        if one := _there(figures, name):
            rate = f"{one['events_per_second']} events/s for {one['seconds']:.0f} s, {NAMES[name]}"
            yield f"{rate}, {one['workspaces']} workspaces", "", ""
            yield "  mix", ", ".join(f"{kind} {share:.0%}" for kind, share in one["mix"].items()), ""
            yield from _acks(one["ack"], "< 500 ms")
            yield from _became(one)
            busy = one["bot_cores_busy"]
            yield "  cores that the bot keeps busy", f"{busy['cpu']:.2f} (its loop {busy['loop']:.2f})", ""
    for name in ("burst", "burst_twins"):
        if one := _there(figures, name):
            yield f"{one['mentions_in_a_second']} mentions in one second, {NAMES[name]}", "", ""
            yield from _acks(one["ack"], "< 1500 ms")
            yield from _became(one)
    if one := _there(figures, "open"):
        yield from _open(one)
    if one := _there(figures, "steps"):
        yield from _steps(one)
    for name in (*NAMES, "open", "steps"):
        if why := figures.get(name, {}).get("left_out"):
            yield f"{name}: left out", why, ""


def _there(figures: Figures, name: str) -> Figures | None:
    found: Figures = figures.get(name, {})
    return found if found and "left_out" not in found else None


def _acks(ack: Figures, goal: str) -> Rows:
    good, count = ack["statuses"].get("200", 0), ack["events"]
    yield "  answered with 200", f"{good} of {count}", "all"
    yield "  until Slack is answered, p50", _ms(ack["p50"]), ""
    yield "  p99", _ms(ack["p99"]), goal
    for kind, one in ack["by_kind"].items():
        yield f"    {kind}: p50 / p99 / worst", " / ".join(_ms(one[at]) for at in ("p50", "p99", "worst")), ""


def _became(one: Figures) -> Rows:
    answered = f"{one['answered']} of {one['mentions']} (runs: {one['runs']}, done: {one['done']})"
    yield "  mentions answered in their thread", answered, "all"
    yield "  and twice", str(one["answered_twice"]), "0"
    yield "  steps handed out again", str(one["steps_handed_out_again"]), "0"
    yield "  until all are, after the last event", f"{one['seconds_until_all_answered']:.1f} s", ""
    yield "  memory of the bot: then / at most", f"{_mb(one['rss'])} / {_mb(one['rss_peak'])}", ""


def _open(one: Figures) -> Rows:
    yield f"{one['runs']} open runs that wait: memory of the bot", _mb(one["open"]["rss"]), "< 512 MB"
    yield "  without them / at most", f"{_mb(one['empty']['rss'])} / {_mb(one['rss_peak'])}", ""
    for what, name in (("a sweep", "sweep_seconds"), ("a page of metrics", "scrape_seconds")):
        yield f"  {what}: with / without them", f"{_ms(one['open'][name])} / {_ms(one['empty'][name])}", ""
    yield "  cores busy, with nothing to do", f"{one['open']['bot_cores_busy']:.3f}", ""


def _steps(found: Figures) -> Rows:
    yield f"no-op steps, {found['runs']} runs of {found['chain']} in a chain, PostgreSQL", "", ""
    for name, one in found.items():
        if not name.startswith("services_"):
            continue
        count = int(name.removeprefix("services_"))
        where = f"{count} worker service{'s' if count > 1 else ''}" if count else "in one process"
        yield f"  {where}", f"{one['steps_per_second']:.0f} steps/s", ""
        gap = one["between_steps"]
        goal = "<= 15 ms more than in one process" if count == 1 else ""
        yield "    from a step to the next, alone: p50 / p99", f"{_ms(gap['p50'])} / {_ms(gap['p99'])}", goal
        cpu = one["cpu_per_step"]
        yield "    CPU a step: bot / workers", f"{_ms(cpu['bot'])} / {_ms(cpu['workers'])}", ""
        if one["not_done"]:
            yield "    runs that did not end well", str(one["not_done"]), "0"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def _mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB"

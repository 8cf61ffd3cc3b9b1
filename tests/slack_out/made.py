"""What the tests of Home, team and schedules are made of: whatever people and models may have written.

`check_view` and the like are the playground's; `safe` adds what only we promise: nobody is mentioned whom we
did not mean to, and nothing is lost to a screen reader.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, get_args

from hypothesis import strategies as st

from bot.plan import Step
from bot.ports import Entry, Schedule, ScheduleStatus, Used
from bot.registry import Seat
from bot.run import Request, Run, RunStatus, StepState
from bot.slack.wording import size
from bot.team import Member, Reach
from workers import Result, Sample, Task, Worker

NOW = 1_795_282_200.0  # Sat 21 Nov 2026, 17:30 UTC

NASTY = [
    "<!channel> <@U024BE7LH> <!subteam^S01|x> <#C1|general> <https://evil.example/?q=secret|your bank>",
    "\u202eevil\u202c شركة \x00 \ud800 " + "Z̸̢͖̑" * 50,
    "&<>" * 14_000,
    "👩‍👩‍👧‍👦" * 10_000,
    "*" * 3_000 + "`" * 3_000,
    "x" * 5_000,
    "{person}" * 100,
    "",
    " \n ",
]
texts = st.one_of(st.text(max_size=200), st.sampled_from(NASTY))
people = st.sampled_from(["U024BE7LH", "W1", "", "<!channel>", "nobody"])
channels = st.sampled_from(["C1", "G22", "D3", "", "<!channel>"])
zones = st.sampled_from(["Europe/Berlin", "UTC", "Asia/Kathmandu"])
rules = st.sampled_from(["0 9 * * 1", "*/15 * * * *", "2026-12-01 15:00", "30 2 * * *"])
times = st.floats(NOW - 4e7, NOW + 4e7)


async def nothing(task: Task) -> Result | str:
    return ""


schedules = st.builds(
    Schedule,
    id=st.just("s1"),
    workspace=st.just("T1"),
    by=people,
    channel=channels,
    text=texts,
    rule=rules,
    zone=zones,
    status=st.sampled_from(get_args(ScheduleStatus)),
    next_at=st.none() | times,
    note=texts,
)
workers = st.builds(
    Worker,
    name=st.from_regex(r"[a-z_]\w{0,80}", fullmatch=True),  # a module's
    about=texts,
    run=st.just(nothing),
    emoji=st.one_of(st.just(":memo:"), texts),
    sample=st.none()
    | st.builds(Sample, text=texts, files=st.lists(st.tuples(texts, texts), max_size=7).map(tuple)),
)
members = st.builds(
    Member,
    worker=st.just("writer"),
    on=st.booleans(),
    reach=st.sampled_from(get_args(Reach)),
    channels=st.lists(channels, max_size=120).map(tuple),
    model=st.one_of(st.just(""), st.just("openai/gpt-x"), texts),
)
used = st.none() | st.builds(Used, times, st.integers(0, 10**6), st.integers(0, 10**6))
seats = st.builds(Seat, workers, members, texts, used)
entries = st.builds(Entry, st.just("T1"), times, people, st.just("worker"), texts, texts, texts)


def a_run(status: RunStatus = "working", title: str = "Summary", text: str = "Do", **more: Any) -> Run:
    steps = (StepState(Step(id="a", title="A", worker="w", instruction=""), status="done"),)
    request = Request(text, "U1", "C1", thread_ts="1795280000.000100")
    return Run("r", "T1", request, NOW, status, title, steps, **more)


runs = st.builds(a_run, st.sampled_from(get_args(RunStatus)), texts, texts, note=texts)


def a_schedule(**more: Any) -> Schedule:
    given: dict[str, Any] = {
        "id": "s1",
        "workspace": "T1",
        "by": "U1",
        "channel": "C1",
        "text": "summarise #support",
        "rule": "0 9 * * 1",
        "zone": "Europe/Berlin",
        "next_at": 1_795_420_800.0,
    }
    return Schedule(**given | more)


def a_seat(name: str = "writer", used: Used | None = None, **member: Any) -> Seat:
    worker = Worker(
        name, "Writes and rewrites texts.", nothing, ":memo:", sample=Sample(text="Write a haiku.")
    )
    return Seat(worker, Member(worker=name, **member), "in the bot's process", used)


def inside(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from inside(inner)


def buttons(value: Any) -> list[dict[str, Any]]:
    return [part for part in inside(value) if part.get("type") == "button"]


def said(value: Any) -> str:
    """All that can be read in it."""
    return "\n".join(part["text"] for part in inside(value) if isinstance(part.get("text"), str))


def safe(blocks: Any, may_mention: Collection[str] = ()) -> None:
    for part in inside(blocks):
        assert part.get("type") not in ("broadcast", "usergroup", "channel", "markdown")
        if part.get("type") == "user":
            assert part["user_id"] in may_mention
        if part.get("type") == "mrkdwn":
            text = part["text"]
            assert "<!" not in text
            for one in may_mention:
                text = text.replace(f"<@{one}>", "")
            assert "<@" not in text
        if part.get("type") == "button":
            assert 0 < size(part["text"]["text"]) <= 75

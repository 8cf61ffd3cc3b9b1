"""One night of schedules under everything that can befall a clock and a process, and what came of it.

What is due is written down by hand here, in UTC; the code under test has no part in it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.fires import run_id
from bot.ports import Fire
from bot.schedules import Schedules
from bot.store import Store
from bot.tables import FIRE
from tests.schedules.fakes import FakeAuthority, FakeRunner, Killed, confirmed, tick
from tests.store.conftest import Now, emptied

QUARTERS = "*/15 * * * *"
FINE, COARSE = 30, 300  # seconds between two ticks; every slot lies on the coarse grid


@dataclass(frozen=True)
class Night:
    """Ten in the evening to ten in the morning. `due`: by rule, when it is due in that time, in UTC."""

    name: str
    zone: str
    start: str
    end: str
    due: dict[str, str]


NIGHTS = [
    Night(
        "Berlin, October 2026",
        "Europe/Berlin",
        "2026-10-24T20:00",
        "2026-10-25T09:00",
        {"30 1 * * *": "2026-10-24T23:30", "30 2 * * *": "2026-10-25T00:30", "0 9 * * *": "2026-10-25T08:00"},
    ),
    Night(
        "Berlin, March 2027",
        "Europe/Berlin",
        "2027-03-27T21:00",
        "2027-03-28T08:00",
        {"30 1 * * *": "2027-03-28T00:30", "30 2 * * *": "2027-03-28T01:00", "0 9 * * *": "2027-03-28T07:00"},
    ),
    Night(
        "New York, November 2026",
        "America/New_York",
        "2026-11-01T02:00",
        "2026-11-01T15:00",
        {"30 1 * * *": "2026-11-01T05:30", "30 2 * * *": "2026-11-01T07:30", "0 9 * * *": "2026-11-01T14:00"},
    ),
    Night(
        "New York, March 2027",
        "America/New_York",
        "2027-03-14T03:00",
        "2027-03-14T14:00",
        {"30 1 * * *": "2027-03-14T06:30", "30 2 * * *": "2027-03-14T07:00", "0 9 * * *": "2027-03-14T13:00"},
    ),
]
OCTOBER, MARCH = NIGHTS[0], NIGHTS[1]


@dataclass(frozen=True)
class Scenario:
    """Times are minutes after the night's start (of the true time that passes)."""

    name: str
    night: Night
    bots: int = 1
    together: bool = False  # they tick at once; else in turn
    jumps: tuple[tuple[int, int], ...] = ()  # when, and by how many minutes, the clock is set
    down: tuple[int, int] = (0, 0)
    away: tuple[int, int] = (0, 0)  # Slack
    killed: bool = False  # after every single claim


HALF_PAST_TWO = 270  # in October, of the first 02:30; one hour later it comes again
SCENARIOS = [
    *(Scenario(night.name, night) for night in NIGHTS),
    *(Scenario(f"{night.name}, two bots at once", night, bots=2, together=True) for night in NIGHTS),
    Scenario("two bots in turn", OCTOBER, bots=2),
    Scenario("clock set on by 1 h at 02:10", OCTOBER, jumps=((HALF_PAST_TWO - 20, 60),)),
    Scenario("clock set on by 1 h, and right again", OCTOBER, jumps=((250, 60), (275, -60))),
    Scenario("clock set back by 1 h, and right again", OCTOBER, jumps=((280, -60), (310, 60))),
    Scenario("clock set back by 1 h at 02:40", OCTOBER, jumps=((HALF_PAST_TWO + 10, -60),)),
    Scenario("clock set back by 1 h, two bots at once", OCTOBER, 2, True, jumps=((HALF_PAST_TWO + 10, -60),)),
    Scenario("clock set back by 1 h at 03:10 in March", MARCH, jumps=((250, -60),)),
    Scenario("down over one slot", OCTOBER, down=(HALF_PAST_TWO - 5, HALF_PAST_TWO + 5)),
    Scenario("down over three slots", OCTOBER, down=(HALF_PAST_TWO - 20, HALF_PAST_TWO + 20)),
    Scenario("down over three slots, then two bots", OCTOBER, 2, True, down=(250, 290)),
    Scenario("killed after each claim", OCTOBER, killed=True),
    Scenario("killed after each claim, two bots at once", OCTOBER, 2, True, killed=True),
    Scenario("Slack away for 40 minutes", OCTOBER, away=(HALF_PAST_TWO - 20, HALF_PAST_TWO + 20)),
]


@dataclass(frozen=True)
class Outcome:
    due: int  # slots between the first and the last time that the clock showed
    runs: int
    said: int  # slots left out for a later one, whose thread says so
    doubled: int  # runs beyond the first of a slot
    missing: int  # slots without a run, of which nobody heard
    wrong: int  # runs for a time at which nothing was due


def utc(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


async def played(scenario: Scenario, url: str) -> Outcome:
    await emptied(url)
    clock = Now(utc(scenario.night.start))
    runner, authority = FakeRunner(), FakeAuthority()
    async with AsyncExitStack() as stack:
        stores = [Store(url, clock) for _ in range(scenario.bots)]
        for store in stores:
            stack.push_async_callback(store.close)
        crash = _kills if scenario.killed else None
        services = [
            Schedules(store.schedules, authority, runner, clock, crash=crash or (lambda _: None))
            for store in stores
        ]
        for rule in (*scenario.night.due, QUARTERS):
            await services[0].confirm(confirmed(rule, rule, zone=scenario.night.zone))
        latest = await _pass(scenario, clock, services, authority)
        fires = await stores[0].database.read(
            lambda c: [Fire(*row) for row in c.execute(select(*FIRE.c[*FIRE_COLUMNS]))]
        )
    rules = {
        rule: _counted(rule, scenario.night, latest, runner, fires)
        for rule in (*scenario.night.due, QUARTERS)
    }
    return _sum(list(rules.values()))


FIRE_COLUMNS = ("workspace", "schedule_id", "slot", "at", "missed", "claimed_at")


def _kills(point: str) -> None:
    if point == "K16":
        raise Killed(point)


async def _pass(scenario: Scenario, clock: Now, services: list[Schedules], authority: FakeAuthority) -> float:
    """Lets the night pass; the latest time that the clock showed."""
    start, latest = utc(scenario.night.start), clock.at
    for turn, passed in enumerate(_ticks(scenario)):
        clock.at = start + passed + sum(60 * by for at, by in scenario.jumps if passed >= 60 * at)
        latest = max(latest, clock.at)
        authority.away = _within(scenario.away, passed)
        if _within(scenario.down, passed):
            continue
        some = services if scenario.together else [services[turn % len(services)]]
        for outcome in await asyncio.gather(*(tick(s) for s in some), return_exceptions=True):
            if outcome is not None and not isinstance(outcome, Killed):
                raise outcome
    return latest


def _ticks(scenario: Scenario) -> Iterator[int]:
    """Seconds since the start: each half minute from one to past four, some minutes otherwise."""
    passed, end = 0, utc(scenario.night.end) - utc(scenario.night.start)
    while passed < end:
        yield passed
        passed += FINE if 3 * 3600 <= passed < 6.5 * 3600 else COARSE


def _within(minutes: tuple[int, int], passed: int) -> bool:
    return minutes[0] * 60 <= passed < minutes[1] * 60


def _counted(rule: str, night: Night, latest: float, runner: FakeRunner, fires: list[Fire]) -> Outcome:
    start = utc(night.start)
    due = (
        {start + n * 900 for n in range(1, int((latest - start) // 900) + 1)}
        if rule == QUARTERS
        else {at for at in [utc(night.due[rule])] if at <= latest}
    )
    runs = [run for run in runner.runs.values() if run.request.schedule == rule]
    came = {fire.at for fire in fires if fire.schedule_id == rule and run_id(fire) in runner.runs}
    said = sum(
        int(n)
        for run in runs
        for n in re.findall(r"(\d+) earlier times? (?:is|are) left", run.request.remark)
    )
    wrong = len(came - due)
    return Outcome(
        due=len(due),
        runs=len(runs),
        said=said,
        doubled=len(runs) - len(came),
        missing=len(due) - len(came & due) - said,
        wrong=wrong,
    )


def _sum(outcomes: list[Outcome]) -> Outcome:
    fields = ("due", "runs", "said", "doubled", "missing", "wrong")
    return Outcome(*(sum(getattr(outcome, name) for outcome in outcomes) for name in fields))

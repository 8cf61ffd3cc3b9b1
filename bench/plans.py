"""What a model makes of requests (`bench/asks.py`): how many replies are sensible, and how long they take.

    python -m bench.plans                                    # the embedded model, from the usual cache
    python -m bench.plans --held-out                         # the requests that the prompt was not tuned on
    python -m bench.plans --base-url http://127.0.0.1:8080/v1 --key … --model …

A reply is asked for and read by the planner itself, with its one repair; nothing is run.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.asks import FIRST, HELD_OUT_TIMES, NOW, SECOND, THIRD, TIMES, ZONE, Case
from bot import planner, recurrence
from bot.local import MAX_STEPS
from bot.plan import Step
from bot.run import (
    PLAN,
    AnsweredDirectly,
    PlanMade,
    PlanRefused,
    PlanReply,
    Proposed,
    Request,
    Run,
    StepState,
)
from workers import File, Line, Result, discover
from workers.kit.local import LocalModel
from workers.kit.local.progress import shown
from workers.kit.wire import Finished

TEAM = discover().workers
DATES = 5  # two rules that agree on so many dates are the same


def asked(case: Case) -> Run:
    lines = [line.partition(": ") for line in case.thread.splitlines()]
    request = Request(
        text=case.request,
        by="U1",
        channel="C1",
        files=(File(name=case.files),) if case.files else (),
        context=tuple(Line(who=who, text=text) for who, _, text in lines),
        zone=ZONE,
    )
    step = Step(id=PLAN, title="Plan", worker="model", instruction="")
    return Run("r1", "T1", request, NOW, steps=(StepState(step, kind="plan"),))


def shape(reply: PlanReply) -> str:
    """In the notation of `bench/asks.py`."""
    match reply:
        case AnsweredDirectly():
            return "answer"
        case Proposed(proposal=asked_for):
            zone = "" if asked_for.zone == ZONE else f" {asked_for.zone}"
            return f"schedule {asked_for.rule}{zone}"
        case PlanMade(plan=plan):
            return "".join((">" if s.needs else "|") + s.worker + _wait(s) for s in plan.steps)[1:]
    return "refused"


def _wait(step: Step) -> str:
    until = datetime.fromtimestamp(step.not_before, recurrence.zone_of(ZONE))
    return (f"@{until:%Y-%m-%dT%H:%M}" if step.not_before else "") + (
        f"+{step.delay / 60:.0f}" if step.delay else ""
    )


def sensible(got: str, wanted: str) -> bool:
    return any(one == "any" or _same(got, one) for one in wanted.split(" or "))


def _same(got: str, wanted: str) -> bool:
    return got == wanted or (
        got.startswith("schedule ") and wanted.startswith("schedule ") and _dates(got) == _dates(wanted)
    )


def _dates(schedule: str) -> list[float]:
    rule, zone = schedule.removeprefix("schedule "), ZONE
    if "/" in (last := rule.split()[-1]) and last[0].isalpha():
        rule, zone = rule.rpartition(" ")[0], last
    return [slot.at for slot in recurrence.upcoming(rule, zone, NOW, DATES)]


def words(reply: PlanReply) -> Iterable[str]:
    match reply:
        case AnsweredDirectly(text=text):
            yield f"answer: {text}"
        case Proposed(proposal=asked_for):
            yield f"schedule: {recurrence.words(asked_for.rule)} ({asked_for.zone}): {asked_for.task}"
        case PlanRefused(reply=text, problems=problems):
            yield f"refused: {text} — {' '.join(problems)}"
        case PlanMade(plan=plan):
            for s in plan.steps:
                yield f"{s.id} {s.worker}{_wait(s)} needs {list(s.needs)}: {s.title} — {s.instruction}"


class Asking:
    """One server, asked one request after another, as the bot would ask it."""

    def __init__(self, base_url: str, key: str, model: str, small: bool) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=300, trust_env=False)
        self._model, self._small = model, small
        self.spent: list[float] = []
        self.repaired = 0

    def plan(self, case: Case) -> tuple[PlanReply, str]:
        run = asked(case)
        reply, first = self._reply(run)
        if not isinstance(reply, PlanRefused):
            return reply, first
        self.repaired += 1
        why = "\n".join(f"- {problem}" for problem in reply.problems)
        planning = replace(run.steps[0], repair=f"{reply.reply}\n\nThat was refused:\n{why}")
        mended, second = self._reply(replace(run, steps=(planning,)))
        return mended, f"{first}; repaired ({why}): {second}"

    def _reply(self, run: Run) -> tuple[PlanReply, str]:
        call = planner.plan_call(run, TEAM, MAX_STEPS, NOW, self._small)
        form = {"name": "reply", "strict": True, "schema": call.response_schema}
        body = {
            "model": self._model,
            "messages": list(call.messages),
            "response_format": {"type": "json_schema", "json_schema": form},
            "temperature": 0,
            "max_tokens": call.max_tokens,
        }
        began = time.perf_counter()
        answer = self._client.post("/chat/completions", json=body)
        answer.raise_for_status()
        self.spent.append(time.perf_counter() - began)
        got: dict[str, Any] = answer.json()
        text, t = got["choices"][0]["message"]["content"], got.get("timings", {})
        report = Finished(workspace="T1", run="r1", step=PLAN, attempt=0, result=Result(text=text))
        cost = (
            f"{self.spent[-1]:.1f} s, prompt {t.get('prompt_n')} new + {t.get('cache_n')} kept,"
            f" {t.get('predicted_n')} tokens at {t.get('predicted_per_second', 0):.1f}/s"
        )
        return planner.read_plan(report, run, TEAM, MAX_STEPS, NOW), cost


def report(asking: Asking, cases: Iterable[Case]) -> None:
    right = total = 0
    for case in cases:
        reply, cost = asking.plan(case)
        got = shape(reply)
        good = sensible(got, case.wanted)
        total, right = total + 1, right + good
        print(f"\n{'ok  ' if good else 'BAD '} {case.files} {case.request!r}")
        print(f"  want {case.wanted}\n  got  {got}")
        for line in words(reply):
            print(f"    {line}")
        print(f"    {cost}", flush=True)
    if spent := sorted(asking.spent):
        print(
            f"\n{right} of {total} sensible, {asking.repaired} repaired;"
            f" a call: median {spent[len(spent) // 2]:.1f} s, longest {spent[-1]:.1f} s"
        )


async def local(cases: Iterable[Case]) -> None:
    with shown() as progress:
        model = LocalModel(
            Path.home() / ".cache" / "delegate",
            progress=progress,
            warm_up=[[*planner.prefix(TEAM), {"role": "user", "content": "Request: hello"}]],
        )
        await model.start()
        try:
            if not await model.ready(900):
                raise SystemExit(model.state.why)
            name = model.name.rpartition("/")[2]
            await asyncio.to_thread(report, Asking(model.url, model.key, name, small=True), cases)
        finally:
            await model.stop()


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--base-url", help="an OpenAI-style server, with its /v1")
    options.add_argument("--key", default="")
    options.add_argument("--model", default="local")
    options.add_argument("--small", action="store_true", help="ask as the embedded model is asked")
    options.add_argument("--only", default="", help="requests that contain one of these, comma-separated")
    options.add_argument(
        "--held-out", action="store_true", help="the requests that the prompt was not tuned on"
    )
    options.add_argument("--times", default="all", choices=("all", "only", "none"), help="with times in them")
    chosen = options.parse_args()
    parts = chosen.only.split(",")
    plain, timed = (THIRD, HELD_OUT_TIMES) if chosen.held_out else (FIRST + SECOND, TIMES)
    cases = [
        case
        for case in (() if chosen.times == "only" else plain) + (() if chosen.times == "none" else timed)
        if any(part in f"{case.files} {case.request}" for part in parts)
    ]
    if chosen.base_url:
        report(Asking(chosen.base_url, chosen.key, chosen.model, chosen.small), cases)
    else:
        asyncio.run(local(cases))


if __name__ == "__main__":
    main()

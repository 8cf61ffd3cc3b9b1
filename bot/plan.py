"""The plan: a graph of steps, what is wrong with one, and what in it is ready.

Pure. Knows nothing of runs, attempts, models or Slack; a plan is data that was proposed by a model and
is not believed until `problems` finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from pydantic import BaseModel, ConfigDict

MAX_STEPS = 20


class Step(BaseModel):
    """One piece of work for one worker. `needs`: ids of the steps whose results it is handed.

    It begins when these are done, and then not before `not_before` (seconds since the epoch) nor before
    `delay` seconds have passed."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    worker: str
    instruction: str
    needs: tuple[str, ...] = ()
    not_before: float = 0.0
    delay: float = 0.0


class Plan(BaseModel):
    model_config = ConfigDict(frozen=True)

    title: str
    steps: tuple[Step, ...]


def problems(plan: Plan, workers: Collection[str], max_steps: int = MAX_STEPS) -> list[str]:
    """What is wrong with the plan, as sentences for a person (and for the model's one repair).

    `workers` are those enabled for this request; an empty list means nobody."""
    if not plan.steps:
        return ["The plan has no steps."]
    if len(plan.steps) > max_steps:
        return [f"The plan has {len(plan.steps)} steps; {max_steps} is the most."]
    found: list[str] = []
    ids = [step.id for step in plan.steps]
    found += [f"There are two steps called “{i}”." for i in sorted({i for i in ids if ids.count(i) > 1})]
    for step in plan.steps:
        name = f"Step “{step.id}”"
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,39}", step.id):
            found.append(f"{name}: an id has up to 40 letters, digits, “.”, “-” and “_”.")
        if not step.title.strip() or not step.instruction.strip():
            found.append(f"{name} lacks a title or an instruction.")
        if step.worker not in workers:
            found.append(f"{name} wants the worker “{step.worker}”, who is not on the team here.")
        if step.id in step.needs:
            found.append(f"{name} needs itself.")
        unknown = sorted(set(step.needs) - set(ids))
        found += [f"{name} needs “{need}”, which is not a step." for need in unknown]
        if len(set(step.needs)) < len(step.needs):
            found.append(f"{name} names the same need twice.")
    if not found and (circle := in_circle(plan.steps)):
        found.append(
            "These steps wait for each other in a circle: " + ", ".join(f"“{i}”" for i in circle) + "."
        )
    return found


def in_circle(steps: Iterable[Step]) -> list[str]:
    """Ids that can never be ready because they wait for each other (or for one that does)."""
    left = {step.id: set(step.needs) for step in steps}
    while free := [i for i, needs in left.items() if not needs & left.keys()]:
        for i in free:
            del left[i]
    return list(left)


def ends(steps: Collection[Step]) -> list[Step]:
    """The steps that no other step needs: where the plan's results come out."""
    needed = {need for step in steps for need in step.needs}
    return [step for step in steps if step.id not in needed]

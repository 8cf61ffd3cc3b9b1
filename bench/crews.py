"""Workers that do as little as a worker can, so that what is measured is the house and not the guests.

Both are called `writer`, which is whom the stub model's plans name.
"""

from __future__ import annotations

from collections.abc import Mapping

from workers import Question, Task, Worker

ABOUT = "Writes and refines text"
SHAPES = ("chain-5", "fanout-8")


def prompt(request: str, instruction: str) -> str:
    return f"The request this is a part of: {request}\n\nYour part: {instruction}"


async def _writes(task: Task) -> str:
    """One question to the model."""
    return await task.ask(prompt(task.request, task.instruction), max_tokens=300)


async def _asks(task: Task) -> str:
    """One question to the person, and so a run that waits."""
    if not task.answers:
        raise Question("Which of the two?", ("This one", "That one"))
    return task.answers[-1].answer


CREWS: Mapping[str, Mapping[str, Worker]] = {
    "writes": {"writer": Worker("writer", ABOUT, _writes)},
    "asks": {"writer": Worker("writer", ABOUT, _asks)},
}


def waves(shape: str) -> tuple[int, ...]:
    """How many model calls a run makes at once, one wave after the other, the plan's call first."""
    kind, _, count = shape.partition("-")
    return (1, *(1,) * int(count)) if kind == "chain" else (1, int(count), 1)

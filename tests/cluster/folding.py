"""Requests whose every result has one right value: a step folds what it is told with the results before it,
so a wrong, lost or mixed-up result shows at the end of its thread.

`Work` says what a request asks for, what plan the stub model makes of it, what each step must come to, and
how many calls that takes. Pure; it knows no process, no Slack and no database.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

TOKEN = re.compile(r"\bx[0-9a-f]{12}\b")
NAME = re.compile(r"\bjob-[0-9a-z-]+")


def prompt(instruction: str, results: Mapping[str, str]) -> str:
    return "Fold " + json.dumps([instruction, sorted(results.items())])


def folded(asked: str) -> str:
    return "x" + hashlib.sha256(asked.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Part:
    id: str
    needs: tuple[str, ...] = ()
    worker: str = "tally"
    instruction: str = ""


@dataclass(frozen=True)
class Work:
    name: str  # begins with `job-`, and names it in the request, the plan and each instruction
    parts: tuple[Part, ...]

    @property
    def request(self) -> str:
        return f"please do {self.name}"

    @property
    def plan(self) -> dict[str, Any]:
        return {
            "title": f"The work {self.name}",
            "steps": [
                {
                    "id": part.id,
                    "title": f"Part {part.id}",
                    "worker": part.worker,
                    "instruction": self._told(part),
                    "needs": list(part.needs),
                }
                for part in self.parts
            ],
        }

    def _told(self, part: Part) -> str:
        return part.instruction or f"{self.name} part {part.id}"

    @cached_property
    def results(self) -> dict[str, str]:
        """What each part of the tally's must come to."""
        found: dict[str, str] = {}
        for part in self.parts:
            if part.worker == "tally":
                earlier = {id: found[id] for id in part.needs if id in found}
                found[part.id] = folded(prompt(self._told(part), earlier))
        return found

    @property
    def ends(self) -> tuple[str, ...]:
        needed = {need for part in self.parts for need in part.needs}
        return tuple(part.id for part in self.parts if part.id not in needed)

    @property
    def calls(self) -> int:
        """Of the model where nothing is repeated: the plan, each part, the answer that joins several ends."""
        return 1 + len(self.results) + (len(self.ends) > 1)

    @property
    def messages(self) -> int:
        """The plan, each part, the answer where it is not the last part itself."""
        return 1 + len(self.parts) + (len(self.ends) > 1)


def chain(name: str, length: int) -> Work:
    ids = [f"s{n}" for n in range(1, length + 1)]
    return Work(name, tuple(Part(id, (ids[n - 1],) if n else ()) for n, id in enumerate(ids)))


def fan(name: str, width: int) -> Work:
    ids = tuple(f"s{n}" for n in range(1, width + 1))
    return Work(name, (*(Part(id) for id in ids), Part("join", ids)))


def fork(name: str, length: int) -> Work:
    """A chain with two ends, which an answer joins."""
    stem = chain(name, length).parts
    return Work(name, (*stem, Part("left", (stem[-1].id,)), Part("right", (stem[-1].id,))))


def stamped(name: str, length: int, diary: Path, seconds: float = 0.0) -> Work:
    """A chain, and a step with an effect outside at its end."""
    stem = chain(name, length).parts
    told = json.dumps({"name": name, "diary": str(diary), "seconds": seconds})
    return Work(name, (*stem, Part("stamp", (stem[-1].id,), "stamp", told)))


def gated(
    name: str, diary: Path, until: Path, *, worker: str = "gate", seconds: float = 300.0, parts: int = 1
) -> Work:
    """As many at once, until a file is there or so many seconds are over."""
    told = {"name": name, "diary": str(diary), "until": str(until), "seconds": seconds}
    return Work(name, tuple(Part(f"part{n}", (), worker, json.dumps(told)) for n in range(parts)))


class Book:
    """The stub model's side of it: it knows every work by its name."""

    def __init__(self) -> None:
        self.works: dict[str, Work] = {}

    def plan(self, request: str) -> Mapping[str, Any]:
        found = NAME.search(request)
        assert found and found[0] in self.works, request
        return self.works[found[0]].plan

    @staticmethod
    def answer(said: Sequence[Mapping[str, str]]) -> str:
        """To a part, what it comes to; to what joins several results, all of them."""
        asked = said[-1]["content"]
        if asked.startswith("Fold "):
            return folded(asked)
        return "Together: " + " ".join(sorted(TOKEN.findall(asked)))

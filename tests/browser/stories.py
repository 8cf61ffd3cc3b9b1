"""What the stub model says in these tests: replies as a real one writes them, so that a picture reads well.

It knows the stub and the worker contract, nothing of browsers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from playground.slack import Playground
from tests.conversations.world import MANIFEST, World, steps
from tests.stub_model import Rule, Seen, StubModel

BLOG = "@delegate Draft a short blog post about AI automation, then refine it"

BLOG_PLAN = steps(
    ("draft", "writer", "Write a draft of a short blog post about AI automation, for a general reader."),
    ("refine", "writer", "Refine the draft: tighten it, and end on what to do first.", ["draft"]),
    title="Blog post about AI automation",
)
BLOG_PLAN["steps"][0]["title"] = "Draft the post"
BLOG_PLAN["steps"][1]["title"] = "Refine the draft"

DRAFT = """## Let the machine do the boring part

AI automation is everywhere these days, and many teams are wondering how they could use it. The truth is \
that most of us lose hours every week to small, repetitive jobs: sorting mail, copying numbers, writing the \
same update twice. Software can now do these quite well, which means more time for the work that people \
are good at."""

REFINED = """## Let the machine do the boring part

Most teams lose hours each week to small, repetitive jobs: sorting mail, copying numbers, writing the same \
update twice. Software can take over the work. It cannot take over the judgement, so:

- **Pick one dull job** that you do every week and could explain in three sentences.
- **Check the first ten results.** If you correct most of them, it was not so dull after all.
- **Keep the off switch close.** What runs by itself should be easy to stop.

Start with the report that nobody likes to write."""

LONG = (
    "## A week of support, at length\n\n"
    + "\n\n".join(
        f"**{day}.** Three customers wrote about exports that stop early. The cause was a time limit, not "
        f"the number of rows; until the fix was out we offered the weekly e-mail instead. Two invoices were "
        f"paid back, and one login problem went away in a private window. Nobody waited for long."
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday") * 3
    )
    + "\n\nThe very end of it: exports are the theme of the week."
)

SALES = "month,region,revenue\n" + "\n".join(
    f"2026-{month:02},{region},{base + step * month}"
    for month in range(1, 7)
    for region, base, step in (("North", 41_200, 1_150), ("South", 38_700, 420), ("West", 29_900, 2_300))
)
SALES_SQL = json.dumps(
    {
        "sql": "SELECT region, SUM(revenue) AS revenue FROM sales GROUP BY region ORDER BY revenue DESC",
        "chart": {"kind": "bar", "x": "region", "y": "revenue", "title": "Revenue by region"},
    }
)
SALES_SAID = "North leads with 271,350."

SUPPORT_POINTS = """\
- **Exports** stopped early because of a 30 s limit; the fix goes out with 4.12 on Thursday.
- **Billing**: Larkspur was billed twice in October; Ben opened a refund of 480 EUR.
- **SSO** still fails for one of Gwen's two people."""

SUPPORT_MAIL = """Hello everyone,

exports that stopped early are fixed and go out on Thursday with release 4.12. Until then, please offer \
the weekly e-mail export.

Thank you for your patience!"""

SUPPORT_ANSWER = """The mail covers exports, the theme of the week. One thing is still open and not in it: \
SSO fails for one person, so that ticket should stay with somebody over the weekend."""

MONDAYS = {
    "schedule": {
        "task": "Summarise #support in five points",
        "when": {"every": "week", "days": ["mon"], "time": "09:00"},
    }
}

NOTE = """**The week in support**

Exports stopped early on Tuesday; the fix went out on Thursday. Two invoices were paid back. \
Nobody waited for long."""


def text(words: str) -> Callable[[Seen], str | dict[str, str]]:
    """This text, in the form that is asked for: a worker may want it as a field beside its remarks."""

    def answer(seen: Seen) -> str | dict[str, str]:
        if seen.schema is None:
            return words
        return {name: words if name == "text" else "A little wordy." for name in seen.schema["properties"]}

    return answer


def blog(stub: StubModel) -> None:
    stub.plan(BLOG_PLAN)
    stub.reply(text(DRAFT))
    stub.reply(text(REFINED))


def note(stub: StubModel) -> None:
    plan = steps(("note", "writer", "Draft only: the note of the week"), title="The weekly note")
    plan["steps"][0]["title"] = "Write the note"
    stub.plan(plan)
    stub.reply(text(NOTE))


@dataclass
class HeldModel(StubModel):
    """The stub, that can be held: then it answers as many calls as it is let, so that a state lasts until
    it was looked at, however slow the machine."""

    _allowed: asyncio.Semaphore | None = field(default=None, repr=False)

    def hold(self) -> None:
        self._allowed = asyncio.Semaphore(0)

    def let(self, calls: int = 1) -> None:
        assert self._allowed, "hold() first"
        for _ in range(calls):
            self._allowed.release()

    def free(self) -> None:
        """Nobody waits any more, or the bot would wait for its steps when it stops."""
        self.let(9)

    async def _answer(self, request: web.Request, seen: Seen, rule: Rule | None) -> web.StreamResponse:
        if self._allowed:
            await self._allowed.acquire()
        return await super()._answer(request, seen, rule)


@dataclass
class HeldWorld(World):
    stub: HeldModel


@asynccontextmanager
async def a_held_world(data: Path, **options: Any) -> AsyncIterator[HeldWorld]:
    given: dict[str, Any] = {"manifest": MANIFEST, "limits": False} | options
    async with Playground(**given) as slack, HeldModel() as stub:
        yield HeldWorld(slack, stub, data)

"""Random plans and runs for the property tests of the core."""

from __future__ import annotations

from hypothesis import strategies as st

from bot.decide import decide
from bot.plan import Plan, Step
from bot.run import Event, Request, Run, new_run
from bot.settling import admit

TEAM = ("writer", "summarizer", "analyst")
REQUEST = Request("Write about tea", by="UADA", channel="C1", thread_ts="100.1")


def fresh_run(source: str = "mention") -> Run:
    return new_run("run1", "T1", Request("Write about tea", "UADA", "C1", source, "100.1"), now=0.0)


@st.composite
def plans(draw: st.DrawFn, most: int = 7) -> Plan:
    """Any valid plan: each step may need any steps before it, and some wait."""
    size = draw(st.integers(1, most))
    steps = []
    for i in range(size):
        needs = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set()
        steps.append(
            Step(
                id=f"s{i}",
                title=f"Title {i}",
                worker=draw(st.sampled_from(TEAM)),
                instruction=f"Do {i}",
                needs=tuple(f"s{n}" for n in sorted(needs)),
                delay=draw(st.sampled_from((0.0, 0.0, 0.0, 12.0))),
                not_before=draw(st.sampled_from((0.0, 0.0, 0.0, 20.0))),
            )
        )
    order = draw(st.permutations(steps))
    return Plan(title="A plan", steps=tuple(order))


def chain(*ids: str) -> Plan:
    steps = [
        Step(id=i, title=i.title(), worker="writer", instruction=f"Do {i}", needs=ids[n - 1 : n] if n else ())
        for n, i in enumerate(ids)
    ]
    return Plan(title="Chain", steps=tuple(steps))


def fan(*ids: str) -> Plan:
    steps = [Step(id=i, title=i.title(), worker="writer", instruction=f"Do {i}") for i in ids]
    return Plan(title="Fan", steps=tuple(steps))


def with_room(run: Run, event: Event, now: float) -> Run:
    """`decide`, where every worker has room: what should be out is out."""
    return admit(decide(run, event, now))

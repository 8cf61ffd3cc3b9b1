"""Any run that `decide` can produce is stored and loaded as it is, with any text in it."""

from __future__ import annotations

import dataclasses
import itertools
import random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.decide import ASK_DAYS, decide, tasks
from bot.plan import Plan, Step
from bot.run import (
    PLAN,
    AnsweredDirectly,
    Event,
    LeaseLost,
    Noted,
    PersonAnswered,
    PlanMade,
    PlanRefused,
    Proposal,
    ProposalDecided,
    Proposed,
    Request,
    Run,
    StepState,
    StopAsked,
    ThreadLost,
    ThreadOpened,
    Tick,
    TurnCame,
    new_run,
)
from bot.store import Store
from bot.tables import RUN, STEP
from tests.core.plans import TEAM, plans
from workers import File, Line, Result, Source, Table
from workers.kit.wire import MOST, Asked, Failed, Finished, Said, Started, Usage

numbers = itertools.count()
words = st.text(max_size=30)
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
files = st.lists(st.builds(File, name=words, id=words, size=st.integers(0, 2**60)), max_size=2).map(tuple)
results = st.builds(
    Result,
    text=words,
    files=files,
    sources=st.lists(st.builds(Source, title=words, url=words), max_size=2).map(tuple),
    table=st.none() | st.just(Table(columns=("a", "b"), rows=(("1", "=2"),))),
    data=data,
)
usages = st.builds(
    Usage, calls=st.integers(0, 9), tokens_in=st.integers(0, MOST), cost=st.floats(0, 9, width=32)
)
requests = st.builds(
    Request,
    text=words,
    by=st.just("UADA"),
    channel=st.just("C1"),
    source=st.sampled_from(["mention", "command"]),
    thread_ts=st.sampled_from(["", "100.1"]),
    about=st.sampled_from(["", "C2"]),
    zone=words,
    scheduling=words,
    target=words,
    schedule=words,
    remark=words,
    files=files,
    context=st.lists(st.builds(Line, who=words, text=words), max_size=2).map(tuple),
)


def events(run: Run, plan: Plan, result: Result, usage: Usage, text: str) -> list[Event]:
    """Whatever could happen to this run now, the likely more often."""
    could: list[Event] = [ThreadOpened("300.1"), Noted(text)]
    if run.ended:
        return could
    could += [TurnCame((Line(who="UADA", text=text),)), StopAsked("UEVE"), ThreadLost(text), Tick()]
    for state in tasks(run):
        at = {"workspace": run.workspace, "run": run.id, "step": state.id, "attempt": state.attempt}
        if state.id == PLAN:
            could += [PlanMade(state.attempt, plan, frozenset(TEAM[:1]), usage)] * 9
            could += [
                Proposed(state.attempt, Proposal(text, text, text, "C1", replaces=text), usage),
                AnsweredDirectly(state.attempt, text, usage),
                PlanRefused(state.attempt, text, (text,), usage),
            ]
        else:
            could += [Finished(**at, result=result, usage=usage)] * 6
            could += [Asked(**at, question=text, options=(text, "b"), usage=usage)]
        could += [Started(**at), Said(**at, line=text), Failed(**at, error=text, usage=usage)]
        could += [LeaseLost(state.id, state.attempt)]
    if run.proposal:
        could += [ProposalDecided(text, yes=True), ProposalDecided(text, yes=False)]
    for state in run.steps:
        if state.status == "asking":
            could += [PersonAnswered(state.id, len(state.answers), text, "UADA")] * 3
    return could


def test_every_field_has_a_column() -> None:
    """Fails fast where somebody gave a run something new to remember and the tables do not."""
    fields = {f.name for kind in (Run, Request) for f in dataclasses.fields(kind)} - {"request", "steps"}
    assert fields <= set(RUN.c.keys())
    fields = (
        {f.name for f in dataclasses.fields(StepState)} | set(Step.model_fields) | set(Usage.model_fields)
    )
    assert fields - {"step", "usage"} <= set(STEP.c.keys())


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],  # shrinking would take minutes of commits
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(
    request=requests,
    plan=plans(),
    result=results,
    usage=usages,
    text=words,
    draw=st.randoms(use_true_random=False),
)
async def test_a_run_is_loaded_as_it_was_saved(
    store: Store,
    *,
    request: Request,
    plan: Plan,
    result: Result,
    usage: Usage,
    text: str,
    draw: random.Random,
) -> None:
    now = 1_000.0
    run = await store.runs.save(None, new_run(f"run{next(numbers)}", "T1", request, now))
    for _ in range(25):
        now += draw.choice([1.0, 1.0, 1.0, ASK_DAYS * 86_400])
        after = decide(run, draw.choice(events(run, plan, result, usage, text)), now)
        if after is run:
            continue
        run = await store.runs.save(run, after)
        if draw.random() < 0.3:
            assert await store.runs.load("T1", run.id, fresh=True) == run
    loaded = await store.runs.load("T1", run.id, fresh=True)
    assert loaded == run
    assert loaded is not run

"""One run is one trace, from the request to the post, whoever does which part of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.conversations.world import World, steps
from tests.seeing.collector import Collector, Seen
from workers.kit.tracing import NOTHING, UNTRACED, traceparent, tracing_to

SECRET = "the salaries of the board"


async def a_run(world: World, collector: Collector) -> Seen:
    """Its first span."""
    world.stub.plan(
        steps(("draft", "writer", f"Write about {SECRET}"), ("refine", "writer", "Refine", ["draft"]))
    )
    async with world.bot(otel_exporter_otlp_endpoint=collector.url):
        ts = await world.says(f"@delegate Draft a post about {SECRET}, then refine it")
        await world.sees(ts, "Done.*✓ Draft.*✓ Refine", "writer: .*@ada")
    (first,) = collector.named("request")
    return first


async def test_a_run_is_one_connected_trace_from_bot_to_model(world: World, collector: Collector) -> None:
    first = await a_run(world, collector)
    assert {span.trace for span in collector.spans if span.attributes.get("delegate.run")} == {first.trace}
    there = {span.id for span in collector.spans} | {""}
    assert all(span.parent in there for span in collector.spans)
    assert {"send model", "send writer", "post", "update"} == collector.under(first)
    for sent in [*collector.named("send model"), *collector.named("send writer")]:
        worker = sent.name.removeprefix("send ")
        assert {"queue", f"run {worker}", "report finished"} == collector.under(sent)
    ran = [*collector.named("run model"), *collector.named("run writer")]
    assert len(ran) == 3  # the plan, and two steps
    assert all(collector.under(span) == {"model hosted_vllm/stub"} for span in ran)
    assert [span.attributes["gen_ai.usage.output_tokens"] > 0 for span in ran] == [True] * 3


async def test_nothing_that_anybody_wrote_is_in_a_trace(world: World, collector: Collector) -> None:
    await a_run(world, collector)
    said = "\n".join(span.said for span in collector.spans)
    assert SECRET not in said and "stub-key" not in said and "xoxb" not in said
    for name in {name for span in collector.spans for name in span.attributes}:
        assert name.startswith(("delegate.", "gen_ai."))


async def test_a_worker_that_fails_is_told_by_the_kind_of_its_trouble(
    world: World, collector: Collector
) -> None:
    world.stub.plan(steps(("draft", "writer", f"Write about {SECRET}")))
    world.stub.fault(400, match="Write about", times=None)
    async with world.bot(otel_exporter_otlp_endpoint=collector.url):
        ts = await world.says(f"@delegate Draft a post about {SECRET}")
        await world.sees(ts, "did not take the request")
    (ran,) = collector.named("run writer")
    assert ran.failed == "ModelError" and SECRET not in ran.said


async def test_a_collector_that_is_away_costs_nobody_anything(world: World) -> None:
    world.stub.plan(steps(("draft", "writer", "Write")))
    async with world.bot(otel_exporter_otlp_endpoint="http://127.0.0.1:9"):
        ts = await world.says("@delegate Draft a post")
        await world.sees(ts, "writer: .*@ada")


def test_where_something_belongs_needs_nobody_to_tell() -> None:
    first, step = traceparent("T1", "r1"), traceparent("T1", "r1", "draft", 1)
    assert first.split("-")[1] == step.split("-")[1] and first != step
    assert traceparent("T1", "r1", "draft", 2) not in (first, step)
    assert traceparent("T2", "r1").split("-")[1] != first.split("-")[1]


@pytest.mark.parametrize("broken", ["", "nonsense", "00-0-0-00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_traceparent_that_is_none_breaks_nothing(collector: Collector, broken: str) -> None:
    tracing = tracing_to(collector.url, "test")
    with tracing.span("a", parent=broken) as span:
        assert span.traceparent
    await asyncio.to_thread(tracing.close)
    assert len(collector.named("a")) == 1


def test_without_an_address_nothing_is_traced() -> None:
    assert tracing_to("", "test") is UNTRACED
    with UNTRACED.span("a") as span:
        span.note({"n": 1})
        span.failed("Trouble")
        assert span is NOTHING and not span.traceparent

"""One trace and one set of numbers over processes: a bot, RabbitMQ, a worker service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.queues import rabbit_prefix
from tests.conversations.world import World, steps
from tests.seeing.collector import Collector
from tests.seeing.numbers import Numbers
from tests.seeing.test_metrics import page
from tests.workers.process import Process


@pytest.fixture
def rabbit() -> Iterator[tuple[str, str]]:
    with rabbit_prefix(["analyst", "summarizer", "writer", "clerk"]) as names:
        yield names


@pytest.fixture
async def service(
    rabbit: tuple[str, str], world: World, collector: Collector, tmp_path: Path
) -> AsyncIterator[Process]:
    url, prefix = rabbit
    process = Process(
        tmp_path / "service",
        broker_url=url,
        broker_prefix=prefix,
        model_api_base=world.stub.url,
        model_api_key="stub-key",
        otel_exporter_otlp_endpoint=collector.url,
    )
    (tmp_path / "service").mkdir()
    await process.start()
    await process.ready()
    yield process
    await process.close()


@pytest.mark.timeout(120)
async def test_a_run_is_one_trace_and_each_process_counts_its_part(
    rabbit: tuple[str, str], service: Process, world: World, collector: Collector
) -> None:
    url, prefix = rabbit
    world.stub.plan(steps(("draft", "writer", "Write"), ("refine", "writer", "Refine", ["draft"])))
    given: dict[str, Any] = {
        "broker_url": url,
        "broker_prefix": prefix,
        "otel_exporter_otlp_endpoint": collector.url,
    }
    async with world.bot(**given) as bot:
        ts = await world.says("@delegate Draft a post, then refine it")
        await world.sees(ts, "Done.*✓ Draft.*✓ Refine", "writer: .*@ada", within=30)
        bots = await page(bot)
    workers = Numbers((await service.get("/metrics"))[1])
    service.signal()
    assert await service.ended() == 0

    (first,) = collector.named("request")
    assert {span.trace for span in collector.spans if span.attributes.get("delegate.run")} == {first.trace}
    there = {span.id for span in collector.spans} | {""}
    assert all(span.parent in there for span in collector.spans)
    who = {span.name: span.service for span in collector.spans}
    assert who["send writer"] == who["report finished"] == who["post"] == "delegate-bot"
    assert who["queue"] == who["run writer"] == who["model hosted_vllm/stub"] == "delegate-workers"
    for queued in collector.named("queue"):
        assert queued.began <= queued.ended

    assert bots.of("delegate_runs_ended_total", status="done") == 1
    assert bots.of("delegate_broker_up") == 1 and bots.of("delegate_queue_messages") == 0
    assert bots.of("delegate_model_calls_total") == 0
    assert workers.of("delegate_tasks_ended_total", outcome="finished") == 3
    assert workers.of("delegate_model_calls_total", outcome="ok") == world.stub.count
    assert bots.of("delegate_usage_calls_total") == world.stub.count

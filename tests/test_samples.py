"""What “Try it” runs: each built-in worker's sample, with a model that says what the test tells it to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.analyst.fakes import Desk, attach, query
from workers import Line, Result, Task, WorkerError, discover
from workers.analyst import analyst
from workers.summarizer import PASTED, summarizer
from workers.writer import writer

CHANNEL = (Line(who="ben", text="The printer is on fire"),)
LONG = "Ana: we ship on Friday. " * 20


async def summarised(task: Task) -> str:
    result = await summarizer.run(task)
    return result if isinstance(result, str) else result.text


def test_each_built_in_worker_has_one() -> None:
    assert all(w.sample and not w.package for w in discover().workers.values())


async def test_the_analyst_finds_its_table(tmp_path: Path) -> None:
    assert analyst.sample
    ((name, content),) = analyst.sample.files
    total = "SELECT region, sum(revenue) AS total FROM sales GROUP BY region ORDER BY total DESC"
    desk = Desk([query(total, "bar", "region", "total", "Revenue"), "North: 66215.75."])
    result = await analyst.run(desk.task(analyst.sample.text, [attach(tmp_path, name, content)]))
    assert isinstance(result, Result) and result.table
    assert result.table.rows[0] == ("North", "66215.75")
    assert result.text.startswith("North: 66215.75.") and list(desk.saved) == ["chart.png"]


async def test_the_writer_is_told_all_it_needs() -> None:
    assert writer.sample
    desk = Desk(["We move.", '{"weakest": "Vague.", "text": "We move on Monday."}'])
    assert await writer.run(desk.task(writer.sample.text)) == "We move on Monday."


async def test_the_summarizer_sums_up_the_text_in_its_sample_and_not_the_channel() -> None:
    assert summarizer.sample
    desk = Desk(["- Nord Freight gets 20% off."])
    task = replace(desk.task(summarizer.sample.text), channel=CHANNEL)
    assert await summarised(task) == "- Nord Freight gets 20% off."
    (prompt,) = desk.prompts
    assert prompt.startswith(
        "Summarise this for somebody who was on holiday:\n\n<material>\nMaya: The export"
    )
    assert prompt.count("Kestrel") == 1 and "printer" not in prompt
    assert desk.said == ["Reading your text"]


@pytest.mark.parametrize(
    "request_",
    [
        f"Sum up what <#C1|support> said this week, like this:\n{LONG}",
        f"Sum up this channel, like this:\n{LONG}",
        "tl;dr: please",
    ],
)
async def test_a_request_that_speaks_of_the_channel_or_brings_no_text_has_the_channel_read(
    request_: str,
) -> None:
    desk = Desk(["- A printer."])
    await summarised(replace(desk.task(request_), channel=CHANNEL))
    assert "ben: The printer is on fire" in desk.prompts[0]


async def test_a_long_request_is_the_material_where_there_is_nothing_else() -> None:
    desk = Desk(["- Friday."])
    await summarised(desk.task(LONG.replace(":", "")))
    assert desk.prompts[0].startswith("Summarise this.\n\n<material>\nAna we ship")
    with pytest.raises(WorkerError, match="nothing to summarise"):
        await summarised(desk.task("x" * (PASTED - 1)))

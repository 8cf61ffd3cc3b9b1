"""All metrics in one list, as the page docs/metrics.md (`python -m bot.numbers > docs/metrics.md`). A test
holds the page, the dashboard (docs/grafana.json) and this list against each other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from bot.gauges import Gauges
from bot.metrics import Metrics
from bot.store.counts import Counts
from workers.kit.metrics import About, Book, WorkerMeter

HEAD = """# Metrics

`/metrics` of a bot and of a worker service, for Prometheus. In one process all of them stand in one list.
Counters count where a thing happened: **add them up** over all processes. Gauges of the bots are read from
the database and the broker at each scrape, and are the same in every bot: **take their maximum**. Labels are
names of workers, models, kinds and outcomes, never an id, a person or a text. `docs/grafana.json` is a
dashboard of these. (`process_…`, memory and CPU, come with Prometheus' own client.)
"""


async def _nothing() -> Counts:
    return Counts(working=0, queued=0, inbox=0, oldest=None)


def of_bots() -> Sequence[About]:
    book = Book()
    Metrics(book)
    Gauges(book, _nothing, time.time)
    return book.entries


def of_workers() -> Sequence[About]:
    book = Book()
    WorkerMeter(book)
    return book.entries


def page() -> str:
    parts = [("Of each bot", of_bots()), ("Of each process that runs workers", of_workers())]
    return "\n".join([HEAD, *(_table(title, entries) for title, entries in parts)])


def _table(title: str, entries: Sequence[About]) -> str:
    rows = [
        f"| `{about.name}` | {about.kind} | {', '.join(about.labels) or '–'} | {about.meaning} |"
        for about in entries
    ]
    return "\n".join(
        [f"## {title}", "", "| Name | Kind | Labels | What it says |", "|---|---|---|---|", *rows, ""]
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201

"""The list of metrics, the page about it, the dashboard: they say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import numbers
from workers.kit.metrics import About

DOCS = Path(__file__).parents[2] / "docs"
ALL = {about.name: about for about in [*numbers.of_bots(), *numbers.of_workers()]}
OF_BOTS = {about.name for about in numbers.of_bots()}
BOARD: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"\b(?:delegate|process)_[a-z_]+\b")


def queries() -> Iterator[str]:
    for panel in PANELS:
        yield from (target["expr"] for target in panel["targets"])


def metric(name: str) -> About | None:
    """Of which a query's name speaks: of a histogram Prometheus keeps three series."""
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    return ALL.get(name) or (about if (about := ALL.get(plain)) and about.kind == "histogram" else None)


def test_the_page_is_what_the_code_says() -> None:
    """When it is not: `python -m bot.numbers > docs/metrics.md`"""
    assert (DOCS / "metrics.md").read_text() == numbers.page()


@pytest.mark.parametrize("about", ALL.values(), ids=ALL)
def test_names_keep_prometheus_rules(about: About) -> None:
    assert re.fullmatch(r"delegate_[a-z]+(_[a-z]+)*", about.name)
    assert about.name.endswith("_total") == (about.kind == "counter")
    assert about.kind != "histogram" or about.name.endswith("_seconds")
    assert about.meaning and not about.meaning.endswith(".")
    known = {"worker", "status", "method", "outcome", "model", "source", "kind", "reason", "way", "direction"}
    assert set(about.labels) <= known | {"queue"}


def test_each_query_of_the_dashboard_asks_for_what_there_is() -> None:
    for query in queries():
        for name in NAME.findall(query):
            assert name.startswith("process_") or metric(name), f"{name} in {query}"


def test_each_metric_is_on_the_dashboard() -> None:
    shown = {about.name for query in queries() for name in NAME.findall(query) if (about := metric(name))}
    assert set(ALL) - shown == set()


def test_queries_use_the_labels_that_a_metric_has() -> None:
    for query in queries():
        names = [about for name in NAME.findall(query) if (about := metric(name))]
        labels = {label for about in names for label in about.labels} | {"le", "instance"}
        for by in re.findall(r"by \(([^)]*)\)", query):
            assert set(by.split(", ")) <= labels, query
        assert set(re.findall(r"(\w+)=~?\"", query)) <= labels, query


def test_counters_are_asked_for_their_rate_and_the_databases_numbers_are_not_added_up() -> None:
    for query in queries():
        for name in NAME.findall(query):
            about = metric(name)
            if about and about.kind != "gauge":
                assert re.search(rf"(rate|increase)\({name}\b", query), query
            elif about and about.name in OF_BOTS and not about.name.endswith("_up"):
                assert re.search(rf"max( by \([^)]*\))? ?\({name}\b", query), query


def test_the_dashboard_can_be_imported() -> None:
    assert BOARD["schemaVersion"] >= 39 and BOARD["uid"] and "id" not in BOARD
    (source,) = BOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    ours = {"type": "prometheus", "uid": f"${{{source['name']}}}"}
    assert all(panel["datasource"] == ours for panel in PANELS)
    assert all(target["datasource"] == ours for panel in PANELS for target in panel["targets"])
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    rows = [panel["title"] for panel in BOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Requests", "Workers", "Slack", "Model", "Health"]


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells

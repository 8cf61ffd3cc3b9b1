"""Reads a page as Prometheus does."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Numbers:
    def __init__(self, page: bytes | str) -> None:
        text = page.decode() if isinstance(page, bytes) else page
        self._samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

    def of(self, name: str, **labels: str) -> float:
        """The sum over all series that have these labels."""
        return sum(s.value for s in self._samples if s.name == name and labels.items() <= s.labels.items())

    def labels(self) -> set[str]:
        """All values that any label has."""
        return {value for s in self._samples for name, value in s.labels.items() if name != "le"}

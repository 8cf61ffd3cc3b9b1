"""Which workers there are, and which of them are enabled where.

The planner sees only what is enabled here, and the orchestrator refuses anything else when a task goes
out. A worker that is not there any more is simply not enabled: its open steps say so. It knows workers by
their contract; where one runs and how it is reached is the transport's business.
"""

from __future__ import annotations

from collections.abc import Mapping

from workers import Worker


class Registry:
    def __init__(self, workers: Mapping[str, Worker]) -> None:
        self._workers = dict(sorted(workers.items()))

    def enabled(self, workspace: str, channel: str) -> Mapping[str, Worker]:
        """By name. Fresh installs have all of them on."""
        return self._workers

    def emoji(self, worker: str) -> str:
        known = self._workers.get(worker)
        return known.emoji if known else ":gear:"

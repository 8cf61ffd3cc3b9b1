"""How much there is, for health and metrics: a few counts over small partial indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select, text

from bot.tables import INBOX, RUN, STEP
from workers.kit.wire import MODEL


@dataclass(frozen=True, slots=True)
class Counts:
    working: int
    queued: int
    inbox: int  # events stored and not handled
    oldest: float | None  # when the oldest of these came
    out_by_worker: Mapping[str, int] = field(default_factory=dict)  # steps with workers
    line_by_worker: Mapping[str, int] = field(default_factory=dict)  # steps in line
    oldest_in_line: float | None = None  # when the oldest request of these was made

    @property
    def out(self) -> int:
        return sum(self.out_by_worker.values())


def counts(connection: Connection) -> Counts:
    runs = select(RUN.c.status, func.count()).where(text("run.status IN ('queued', 'working')"))
    by_status = {row[0]: row[1] for row in connection.execute(runs.group_by(RUN.c.status))}
    steps = select(STEP.c.worker, func.count(), func.min(STEP.c.asked_at)).group_by(STEP.c.worker)
    out = connection.execute(steps.where(text("step.lease_until IS NOT NULL"))).all()
    line = connection.execute(steps.where(text("step.in_line"))).all()
    waiting = select(func.count(), func.min(INBOX.c.received_at)).where(text("inbox.done_at IS NULL"))
    inbox, oldest = connection.execute(waiting).one()
    return Counts(
        working=by_status.get("working", 0),
        queued=by_status.get("queued", 0),
        inbox=inbox,
        oldest=oldest,
        out_by_worker={worker or MODEL: n for worker, n, _ in out},
        line_by_worker={worker or MODEL: n for worker, n, _ in line},
        oldest_in_line=min((at for _, _, at in line), default=None),
    )

"""The bot's part of a run's trace: the request, each step as it is sent, each report as it is handled, each
post. Its ids are made of workspace, run, step and attempt (`workers/kit/tracing.py`), so nobody has to hand
them on. Attributes are ids and numbers.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from bot.run import Run
from workers.kit import wire
from workers.kit.tracing import NOTHING, Span, Tracing, traceparent

ENDS = (wire.Finished, wire.Failed, wire.Asked, wire.Released)


def begun(tracing: Tracing, run: Run) -> None:
    """A request was committed: the span under which all others of its run stand."""
    itself = traceparent(run.workspace, run.id)
    attributes = {"delegate.run": run.id, "delegate.source": run.request.source}
    with tracing.span("request", itself=itself, began=run.created_at, role="server", attributes=attributes):
        pass


def sending(tracing: Tracing, task: wire.TaskMessage) -> AbstractContextManager[Span]:
    return tracing.span(
        f"send {task.worker}",
        parent=traceparent(task.workspace, task.run),
        itself=traceparent(task.workspace, task.run, task.step, task.attempt),
        role="producer",
        attributes=attributes_of(task) | {"delegate.worker": task.worker},
    )


def handling(tracing: Tracing, report: wire.Report) -> AbstractContextManager[Span]:
    """Of reports that end an attempt; the others are many and say little."""
    if not isinstance(report, ENDS):
        return nullcontext(NOTHING)
    return tracing.span(
        f"report {report.kind}",
        parent=traceparent(report.workspace, report.run, report.step, report.attempt),
        role="consumer",
        attributes=attributes_of(report),
    )


def posting(tracing: Tracing, workspace: str, run: str, what: str) -> AbstractContextManager[Span]:
    """A message of a run's thread goes to Slack. `what`: post, update."""
    parent = traceparent(workspace, run)
    return tracing.span(what, parent=parent, role="client", attributes={"delegate.run": run})


def attributes_of(address: wire.Address) -> dict[str, str | int]:
    return {
        "delegate.run": address.run,
        "delegate.step": address.step,
        "delegate.attempt": address.attempt,
    }

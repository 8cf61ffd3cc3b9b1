"""What the bot counts: runs, steps, what they spent, Slack's calls, how soon Slack was answered.

Counted where it happens, in the bot that committed it, so that over all bots each thing counts once: add
them up. Labels are names of workers, kinds and outcomes; never an id, a person or a text. What stands in the
database is not counted here but read (`bot/gauges.py`). Not known here: who asks for the numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from bot.decide import MAX_LOSSES
from bot.run import Event, LeaseLost, PersonAnswered, PlanRefused, Run, StepState
from bot.watch import SlotOutcome, Watch, Way
from workers.kit.metrics import LONG, Book
from workers.kit.wire import MODEL, Released, Usage

ENDED = frozenset({"done", "failed", "skipped", "stopped"})
REMEMBERED = 10_000  # steps that are out
REASONS: dict[type[object], str] = {
    LeaseLost: "lost",
    Released: "handed_back",
    PlanRefused: "plan_refused",
    PersonAnswered: "answered",
}


class Metrics(Watch):
    def __init__(self, book: Book, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` measures how much time passed."""
        self._steady = steady
        self._out: dict[tuple[str, str, str], float] = {}  # since when a step is out
        self._started = book.counter("delegate_runs_started_total", "Requests that came in", "source")
        self._ended = book.counter(
            "delegate_runs_ended_total",
            "Runs ended, by status: done, partial, failed, stopped, lost (its thread is gone)",
            "status",
            "source",
        )
        self._run_seconds = book.histogram(
            "delegate_run_seconds", "From a request to the end of its run", "status", buckets=LONG
        )
        self._steps = book.counter(
            "delegate_steps_ended_total",
            "Steps ended, by kind (plan, work, answer), worker and status (done, failed, skipped, stopped)",
            "kind",
            "worker",
            "status",
        )
        self._step_seconds = book.histogram(
            "delegate_step_seconds",
            "From the moment a step could go out to its end, in line or at work (where one bot saw both)",
            "worker",
            buckets=LONG,
        )
        self._again = book.counter(
            "delegate_step_retries_total",
            "Steps sent again: lost, handed_back, plan_refused, answered (its question), other",
            "worker",
            "reason",
        )
        self._leases = book.counter("delegate_leases_lost_total", "Attempts that fell silent", "worker")
        self._aside = book.counter(
            "delegate_set_aside_total",
            "What failed always and was taken out of the way: an event, or a step (poison)",
            "kind",
        )
        for kind in ("event", "step"):  # from 0 on, so that the first one shows
            self._aside.labels(kind)
        self._calls = book.counter(
            "delegate_usage_calls_total", "Model calls that steps were charged with", "kind", "worker"
        )
        self._tokens = book.counter(
            "delegate_usage_tokens_total",
            "Tokens that steps were charged with, sent (in) and received (out)",
            "kind",
            "worker",
            "direction",
        )
        self._cost = book.counter(
            "delegate_usage_cost_dollars_total",
            "What steps were charged with, where a model's price is known",
            "kind",
            "worker",
        )
        self._slack = book.counter(
            "delegate_slack_calls_total",
            "Calls of Slack's Web API, by outcome: ok, refused, limited (429), not_sent, unclear",
            "method",
            "outcome",
        )
        self._slack_seconds = book.histogram(
            "delegate_slack_call_seconds", "One call of Slack's Web API", "method"
        )
        self._acks = book.histogram(
            "delegate_ack_seconds",
            "From Slack's event to our answer, by way (http, socket) and outcome (acked, refused)",
            "way",
            "outcome",
        )
        self._sweeps = book.histogram("delegate_sweep_seconds", "One look for what was left behind")
        self._slots = book.counter(
            "delegate_schedule_slots_total",
            "Slots of schedules done with: began, refused, left_out, given_up",
            "outcome",
        )

    def changed(self, before: Run | None, after: Run, event: Event | None) -> None:
        if before is None:
            self._started.labels(after.request.source).inc()
        if after.ended and not (before and before.ended):
            self._ended.labels(after.status, after.request.source).inc()
            took = (after.ended_at or after.created_at) - after.created_at
            self._run_seconds.labels(after.status).observe(max(0.0, took))
        known = {state.id: state for state in before.steps} if before else {}
        if isinstance(event, LeaseLost) and (silent := known.get(event.step)):
            self._leases.labels(_worker(silent)).inc()
        for state in after.steps:
            earlier = known.get(state.id)
            if earlier is not state:
                self._step(after, earlier, state, REASONS.get(type(event), "other"))

    def _step(self, run: Run, earlier: StepState | None, state: StepState, reason: str) -> None:
        key, worker = (run.workspace, run.id, state.id), _worker(state)
        attempts = earlier.attempt if earlier else 0
        if state.status == "out" and state.attempt > attempts:
            self._remember(key)
            if attempts:
                self._again.labels(worker, reason).inc()
        if state.status in ENDED and (earlier is None or earlier.status not in ENDED):
            self._steps.labels(state.kind, worker, state.status).inc()
            since = self._out.pop(key, None)
            if since is not None and state.status in ("done", "failed"):
                self._step_seconds.labels(worker).observe(self._steady() - since)
            if state.status == "failed" and state.losses >= MAX_LOSSES:
                self.set_aside("step")
        self._spent(state.kind, worker, earlier.usage if earlier else Usage(), state.usage)

    def _spent(self, kind: str, worker: str, before: Usage, after: Usage) -> None:
        if after.calls <= before.calls:
            return
        self._calls.labels(kind, worker).inc(after.calls - before.calls)
        self._tokens.labels(kind, worker, "in").inc(max(0, after.tokens_in - before.tokens_in))
        self._tokens.labels(kind, worker, "out").inc(max(0, after.tokens_out - before.tokens_out))
        self._cost.labels(kind, worker).inc(max(0.0, after.cost - before.cost))

    def _remember(self, key: tuple[str, str, str]) -> None:
        self._out[key] = self._steady()
        if len(self._out) > REMEMBERED:
            del self._out[next(iter(self._out))]

    def acked(self, way: Way, seconds: float, ok: bool) -> None:
        self._acks.labels(way, "acked" if ok else "refused").observe(seconds)

    def set_aside(self, kind: Literal["event", "step"]) -> None:
        self._aside.labels(kind).inc()

    def swept(self, seconds: float) -> None:
        self._sweeps.observe(seconds)

    def called(self, method: str, outcome: str, seconds: float) -> None:
        self._slack.labels(method, outcome).inc()
        self._slack_seconds.labels(method).observe(seconds)

    def slot(self, outcome: SlotOutcome) -> None:
        self._slots.labels(outcome).inc()


def _worker(state: StepState) -> str:
    return state.step.worker if state.kind == "work" else MODEL

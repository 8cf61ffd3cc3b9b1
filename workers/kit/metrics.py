"""What a process counts and measures: a book of metrics, and the part of it that a worker service fills.

A `Book` keeps each metric together with what it means, in a registry that is passed around; no metric is
global, so that two services in one process (or one test) never share a number. A label never carries an id,
a person's name or free text: each value of a label is a series that is kept for ever.

`Meter` is what the service and the model are handed: it does nothing, and `WorkerMeter` counts. Not known
here: who reads the numbers, how they are served, and what a task is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from workers.kit.wire import Usage

Kind = Literal["counter", "gauge", "histogram"]

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 3.0, 10.0)  # seconds; Slack waits for 3
LONG = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class About:
    """One metric under the name by which Prometheus asks for it."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]


class Book:
    """The metrics of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.entries: list[About] = []
        ProcessCollector(registry=self.registry)  # memory, CPU and open files, where the system tells

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self._note(name, "counter", meaning, labels)
        return Counter(name, meaning, labels, registry=self.registry)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        self._note(name, "gauge", meaning, labels)
        return Gauge(name, meaning, labels, registry=self.registry)

    def histogram(self, name: str, meaning: str, *labels: str, buckets: Sequence[float] = QUICK) -> Histogram:
        self._note(name, "histogram", meaning, labels)
        return Histogram(name, meaning, labels, registry=self.registry, buckets=buckets)

    def page(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)

    def _note(self, name: str, kind: Kind, meaning: str, labels: tuple[str, ...]) -> None:
        self.entries.append(About(name, kind, meaning, labels))


class Meter:
    """Hears what happens in a worker service, and does nothing with it."""

    def waits(self, worker: str) -> None:
        """A task is here and has no slot yet."""

    def begins(self, worker: str, queued: float) -> None:
        """It has a slot. `queued`: seconds since it was sent."""

    def ended(self, worker: str, outcome: str, seconds: float | None) -> None:
        """`outcome`: finished, failed, late, asked, handed_back, dropped. `seconds` since it began; None: it
        never did."""

    def called(self, model: str, outcome: str, seconds: float, usage: Usage) -> None:
        """One call of a model ended: ok, limited (429), timeout, error, cancelled, unusable
        (an answer that is none)."""


class WorkerMeter(Meter):
    def __init__(self, book: Book) -> None:
        self._waiting = book.gauge(
            "delegate_tasks_waiting", "Tasks that are in this process and have no slot yet", "worker"
        )
        self._running = book.gauge("delegate_tasks_running", "Tasks that run in this process", "worker")
        self._started = book.counter("delegate_tasks_started_total", "Tasks begun", "worker")
        self._ended = book.counter(
            "delegate_tasks_ended_total",
            "Tasks ended, by outcome: finished, failed, late, asked, handed_back, dropped",
            "worker",
            "outcome",
        )
        self._seconds = book.histogram(
            "delegate_task_seconds", "From a task's start in a worker to its end", "worker", buckets=LONG
        )
        self._queued = book.histogram(
            "delegate_task_queue_seconds",
            "From the moment a bot sent a task to its start (two machines' clocks)",
            "worker",
            buckets=(0.001, *QUICK, 60.0, 300.0),
        )
        self._calls = book.counter(
            "delegate_model_calls_total",
            "Calls of a model: ok, limited (429), timeout, error, cancelled, unusable",
            "model",
            "outcome",
        )
        self._call_seconds = book.histogram(
            "delegate_model_call_seconds", "One call of a model", "model", buckets=LONG
        )
        self._tokens = book.counter(
            "delegate_model_tokens_total", "Tokens sent (in) and received (out)", "model", "direction"
        )
        self._cost = book.counter(
            "delegate_model_cost_dollars_total", "What calls cost, where a model's price is known", "model"
        )

    def waits(self, worker: str) -> None:
        self._waiting.labels(worker).inc()

    def begins(self, worker: str, queued: float) -> None:
        self._waiting.labels(worker).dec()
        self._running.labels(worker).inc()
        self._started.labels(worker).inc()
        if queued > 0:
            self._queued.labels(worker).observe(queued)

    def ended(self, worker: str, outcome: str, seconds: float | None) -> None:
        (self._waiting if seconds is None else self._running).labels(worker).dec()
        self._ended.labels(worker, outcome).inc()
        if seconds is not None:
            self._seconds.labels(worker).observe(seconds)

    def called(self, model: str, outcome: str, seconds: float, usage: Usage) -> None:
        self._calls.labels(model, outcome).inc()
        self._call_seconds.labels(model).observe(seconds)
        self._tokens.labels(model, "in").inc(usage.tokens_in)
        self._tokens.labels(model, "out").inc(usage.tokens_out)
        self._cost.labels(model).inc(usage.cost)


UNMETERED = Meter()

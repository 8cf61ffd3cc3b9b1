"""Traces: one run is one trace, over bots, queues, workers, models and days.

The ids are not stored anywhere: a run's trace id and the id of its first span are hashes of workspace and
run, the id under which a step is sent is a hash of its attempt. So whichever bot or worker has something to
tell knows where it belongs, and a crash loses spans, never the connection between the others.

Attributes are ids, names of workers and models, and numbers: never a text, a person or a secret, and of an
exception its type alone (its words may quote what people wrote). Without the extra `otel`, or without an
address to send to, all of this does nothing. Not known here: what a run is, who collects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

import structlog

log = structlog.get_logger(__name__)

Value = str | int | float
Role = Literal["internal", "server", "client", "producer", "consumer"]


class Span(Protocol):
    @property
    def traceparent(self) -> str:
        """What is handed on, as W3C writes it; empty where nothing is traced."""
        ...

    def note(self, attributes: Mapping[str, Value]) -> None: ...

    def failed(self, kind: str) -> None:
        """It did not go well: the kind of trouble, in a word."""
        ...


class Tracing:
    """Opens spans that nobody records."""

    def span(
        self,
        name: str,
        *,
        parent: str = "",
        itself: str = "",
        began: float | None = None,
        role: Role = "internal",
        attributes: Mapping[str, Value] | None = None,
    ) -> AbstractContextManager[Span]:
        """`parent`: a traceparent; empty: the span that is open around this one. `itself`: the span gets this
        traceparent's ids. `began`: seconds since the epoch, where that was before now."""
        return nullcontext(NOTHING)

    def close(self) -> None:
        """Sends what is left. Blocks, for two seconds at most."""


class _Nothing:
    traceparent = ""

    def note(self, attributes: Mapping[str, Value]) -> None:
        pass

    def failed(self, kind: str) -> None:
        pass


NOTHING = _Nothing()
UNTRACED = Tracing()


def traceparent(workspace: str, run: str, step: str = "", attempt: int = 0) -> str:
    """Of a run's first span, or of the span in which this attempt at a step was sent."""
    trace = hashlib.sha256(f"trace/{workspace}/{run}".encode("utf-8", "replace")).hexdigest()[:32]
    own = f"span/{workspace}/{run}/{step}/{attempt}"
    span = hashlib.sha256(own.encode("utf-8", "replace")).hexdigest()[:16]
    return f"00-{trace}-{span}-01"


def tracing_to(endpoint: str, service: str) -> Tracing:
    """Sends to an OpenTelemetry collector (OTLP over HTTP) under this service's name; with no address,
    nowhere."""
    if not endpoint:
        return UNTRACED
    try:
        from workers.kit.otel import over_http
    except ImportError:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages of the extra `otel` are missing")
        return UNTRACED
    return over_http(endpoint, service)

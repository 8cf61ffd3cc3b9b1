"""`Tracing` with OpenTelemetry's SDK (the extra `otel`): spans leave in batches, in a thread of their own.

An SDK makes its ids itself; two of ours are made of what they stand for (`workers.kit.tracing`), so its
generator is ours. A collector that is away costs spans and a line in the log, nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from workers.kit.tracing import Role, Span, Tracing, Value

CLOSE_SECONDS = 2.0
W3C = TraceContextTextMapPropagator()
ROLES = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
WANTED: ContextVar[SpanContext | None] = ContextVar("wanted", default=None)  # ids of the span being made


def over_http(endpoint: str, service: str) -> Tracing:
    """`endpoint` as OTEL_EXPORTER_OTLP_ENDPOINT has it: without the path of the signal."""
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces", timeout=5)
    return OpenTelemetry(BatchSpanProcessor(exporter), service)


class OpenTelemetry(Tracing):
    def __init__(self, processor: SpanProcessor, service: str) -> None:
        resource = Resource.create({SERVICE_NAME: service})
        self._provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("delegate")

    @contextmanager
    def span(
        self,
        name: str,
        *,
        parent: str = "",
        itself: str = "",
        began: float | None = None,
        role: Role = "internal",
        attributes: Mapping[str, Value] | None = None,
    ) -> Iterator[Span]:
        around = _read(parent) if parent else (contexts.Context() if itself else None)
        wanted = WANTED.set(trace.get_current_span(_read(itself)).get_span_context() if itself else None)
        try:
            span = self._tracer.start_span(
                name,
                context=around,
                kind=ROLES[role],
                attributes=dict(attributes or {}),
                start_time=int(min(began, time.time()) * 1e9) if began else None,
            )
        finally:
            WANTED.reset(wanted)
        ours = _Span(span)
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield ours
            except BaseException as error:
                ours.failed(type(error).__name__)
                raise

    def close(self) -> None:
        """In a thread that nobody waits for longer: a collector that is away must not hold up the end."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_SECONDS)


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        W3C.inject(carrier, trace.set_span_in_context(self._span, contexts.Context()))
        return carrier.get("traceparent", "")

    def note(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(attributes)

    def failed(self, kind: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, kind))


class _Ids(RandomIdGenerator):
    def generate_span_id(self) -> int:
        wanted = WANTED.get()
        return wanted.span_id if wanted else super().generate_span_id()

    def generate_trace_id(self) -> int:
        wanted = WANTED.get()
        return wanted.trace_id if wanted else super().generate_trace_id()


def _read(traceparent: str) -> contexts.Context:
    """Of something unreadable: a context in which nothing is open."""
    return W3C.extract({"traceparent": traceparent}, contexts.Context())

"""W3C trace context on calls, with the OpenTelemetry API only.

A call carries the trace that is current where it is made. Where none is, a command may begin one: with an SDK set up
in the program that is a real span; without one only the two ids are made, which is enough for the services to hang
their spans on.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("carbonmarket_client")


@contextmanager
def new_trace(name: str = "client") -> Iterator[str]:
    """Begin a trace around some calls and give its id, 32 hexadecimal digits: `carbonmarket trace ID` draws what came
    of it.

    The calls inside it carry the trace.
    """
    with _TRACER.start_as_current_span(name, kind=trace.SpanKind.CLIENT) as span:
        if span.get_span_context().is_valid:
            yield trace.format_trace_id(span.get_span_context().trace_id)
            return
    context = trace.SpanContext(
        trace_id=secrets.randbits(128) or 1,
        span_id=secrets.randbits(64) or 1,
        is_remote=False,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    with trace.use_span(trace.NonRecordingSpan(context)):
        yield trace.format_trace_id(context.trace_id)


def in_a_trace() -> bool:
    return trace.get_current_span().get_span_context().is_valid


def trace_headers() -> dict[str, str]:
    """The `traceparent` (and `tracestate`) of the current trace; nothing when there is none."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers

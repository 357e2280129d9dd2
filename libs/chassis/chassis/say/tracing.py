"""Traces that outlive processes: the context travels in the log, so a trace goes on after a restart or the next
morning.

A trace context is a string here (W3C traceparent), as it is in records and headers. Spans are made through the
OpenTelemetry API only where the trace is sampled; elsewhere the string is passed on untouched, at no cost. A root is
sampled while there were fewer than `roots_per_second` in this second (a national market's orders are), then by a
share. A caller's own trace goes on as the caller sampled it, up to `joined_per_second`: beyond it the trace keeps its
id, in records and log lines, but is sampled no more, here and in whatever follows from the call.
"""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from chassis.say.traceparent import is_well_formed

ROOTS_PER_SECOND_MAX = 50
ROOT_SHARE = 0.01
JOINED_PER_SECOND_MAX = 200
"""Of people's calls that say that their trace is sampled: whoever says so of every call makes others pay for it."""
LINKS_MAX = 128
SAMPLED_FLAGS = frozenset("13579bdf")
"""The last digit of the flags: its lowest bit says sampled."""

Attributes = Mapping[str, str | int]


@dataclass(slots=True)
class Branch:
    """A point of a trace: what to hand on, and the span to end if the trace is sampled."""

    traceparent: str
    span: trace.Span | None = None

    def note(self, name: str, value: str | int) -> None:
        if self.span is not None:
            self.span.set_attribute(name, value)

    def fail(self, reason: str) -> None:
        if self.span is not None:
            self.span.set_status(trace.Status(trace.StatusCode.ERROR, reason))

    def end(self) -> None:
        if self.span is not None:
            self.span.end()


def is_sampled(traceparent: str) -> bool:
    return traceparent[-1:] in SAMPLED_FLAGS and is_well_formed(traceparent)


def trace_id_of(traceparent: str) -> str:
    """32 hex digits, or empty where no trace is continued."""
    return traceparent[3:35]


def unsampled(traceparent: str) -> str:
    """The same trace, without its flags."""
    return f"{traceparent[:-2]}00"


class PerSecond:
    """Counts what happens in the running second, up to a maximum."""

    def __init__(self, most: int, seconds: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._second = 0
        self._taken = 0

    def takes_one(self) -> bool:
        second = int(self._seconds())
        if second != self._second:
            self._second, self._taken = second, 0
        self._taken += 1
        return self._taken <= self._most


class Tracing:
    """Starts spans. With no tracer none is made, and contexts are passed on as they came; only `joined` counts the
    sampled ones without a tracer too, so that a service without one protects those after it.
    """

    def __init__(
        self,
        tracer: trace.Tracer | None = None,
        roots_per_second_max: int = ROOTS_PER_SECOND_MAX,
        root_share: float = ROOT_SHARE,
        joined_per_second_max: int = JOINED_PER_SECOND_MAX,
        seconds: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._tracer = tracer
        self._roots = PerSecond(roots_per_second_max, seconds)
        self._joined = PerSecond(joined_per_second_max, seconds)
        self._root_share = root_share
        self._chance = chance
        self._random_bytes = random_bytes

    def root(self, name: str, kind: SpanKind = SpanKind.SERVER, attributes: Attributes | None = None) -> Branch:
        if self._tracer is None or not self._takes_root():
            return Branch(f"00-{self._random_bytes(16).hex()}-{self._random_bytes(8).hex()}-00")
        return self._start(self._tracer, name, kind, None, (), attributes)

    def joined(self, name: str, traceparent: str, attributes: Attributes | None = None) -> Branch:
        """Goes on under a trace that a person's call brought. Too many in one second are not sampled any more."""
        if is_sampled(traceparent) and not self._joined.takes_one():
            return Branch(unsampled(traceparent))
        return self.branch(name, traceparent, attributes=attributes)

    def branch(
        self,
        name: str,
        traceparent: str,
        links: Sequence[str] = (),
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
    ) -> Branch:
        """Goes on under `traceparent`, linking `links`. Without a sampled trace it hands the string on."""
        if self._tracer is None or not is_sampled(traceparent):
            return Branch(traceparent)
        return self._start(self._tracer, name, kind, traceparent, links, attributes)

    def gathering(self, name: str, links: Sequence[str]) -> Branch:
        """A root that belongs to many traces and links them, as an append does. Made only if one of them is sampled."""
        sampled = [link for link in links if is_sampled(link)]
        if self._tracer is None or not sampled:
            return Branch("")
        return self._start(self._tracer, name, SpanKind.INTERNAL, None, sampled, None)

    def _start(
        self,
        tracer: trace.Tracer,
        name: str,
        kind: SpanKind,
        parent: str | None,
        links: Sequence[str],
        attributes: Attributes | None,
    ) -> Branch:
        context = (
            trace.set_span_in_context(NonRecordingSpan(span_context(parent)))
            if parent
            else trace.set_span_in_context(trace.INVALID_SPAN)
        )
        linked = [Link(span_context(link)) for link in dict.fromkeys(links) if is_sampled(link)][:LINKS_MAX]
        span = tracer.start_span(name, context=context, kind=kind, links=linked, attributes=attributes)
        own = span.get_span_context()
        return Branch(f"00-{own.trace_id:032x}-{own.span_id:016x}-{int(own.trace_flags):02x}", span)

    def _takes_root(self) -> bool:
        return self._roots.takes_one() or self._chance() < self._root_share


def span_context(traceparent: str) -> SpanContext:
    return SpanContext(
        trace_id=int(traceparent[3:35], 16),
        span_id=int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
    )

"""Where services send what they tell: span files as a test reads them, and a collector that takes metrics and spans.

The collector answers OTLP by gRPC as a real one does and keeps what it was sent.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2

from rehearsal.processes import free_port

METRICS_SERVICE = "opentelemetry.proto.collector.metrics.v1.MetricsService"
TRACES_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
COLLECT_S_MAX = 20.0
POLL_S = 0.05

Step = tuple[str, str]
"""A span as a person names it: its service and its name."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a file. `links` are (trace id, span id)."""

    step: Step
    trace_id: str
    span_id: str
    parent_span_id: str
    links: tuple[tuple[str, str], ...]
    attributes: Mapping[str, Any]
    process: str


class Spans:
    """The spans that all processes of a market have written so far."""

    def __init__(self, folder: Path) -> None:
        self.all = [read_span(line, file.stem) for file in sorted(folder.glob("*.jsonl")) for line in whole_lines(file)]
        self.by_key = {(span.trace_id, span.span_id): span for span in self.all}

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.all if span.trace_id == trace_id]

    def edges(self, trace_id: str) -> set[tuple[Step | None, Step]]:
        """Who caused whom in a trace; None causes its root."""
        return {(self._step(span.trace_id, span.parent_span_id), span.step) for span in self.trace(trace_id)}

    def links(self, trace_id: str) -> set[tuple[Step, Step]]:
        """Which step of a trace links which step of another one."""
        return {
            (span.step, step)
            for span in self.trace(trace_id)
            for link in span.links
            if link[0] != trace_id and (step := self._step(*link)) is not None
        }

    def _step(self, trace_id: str, span_id: str) -> Step | None:
        span = self.by_key.get((trace_id, span_id))
        return span.step if span else None


def whole_lines(file: Path) -> list[str]:
    """The lines of a file that may still be written to."""
    return [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def read_span(line: str, process: str) -> Span:
    row = json.loads(line)
    return Span(
        step=(row["service"], row["name"]),
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_span_id=row["parent_span_id"],
        links=tuple((link["trace_id"], link["span_id"]) for link in row["links"]),
        attributes=row["attributes"],
        process=process,
    )


def log_lines(file: Path) -> list[dict[str, Any]]:
    """What a service said, line by line; what is no JSON was said by another."""
    return [json.loads(line) for line in whole_lines(file) if line.startswith("{")]


@dataclass(frozen=True, slots=True)
class Point:
    """A figure as it arrived: a gauge's value, a histogram's count. `bounds` are the histogram's."""

    service: str
    kind: str
    unit: str
    labels: Mapping[str, str]
    value: float
    bounds: tuple[float, ...] = ()


@dataclass(slots=True)
class Collector:
    """What has arrived so far: metrics by name, newest last, and spans' names by service."""

    address: str
    points: dict[str, list[Point]] = field(default_factory=dict)
    spans: list[Step] = field(default_factory=list)

    def newest(self, service: str, name: str, **labels: str) -> float:
        """The last value that came; NaN, which equals and exceeds nothing, before the first."""
        found = [
            point.value
            for point in self.points.get(name, [])
            if point.service == service and labels.items() <= point.labels.items()
        ]
        return found[-1] if found else math.nan

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when what arrived is so; else fails and shows the newest figure of each kind."""
        try:
            async with asyncio.timeout(COLLECT_S_MAX):
                while not condition():
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            newest = {
                (point.service, name, *sorted(point.labels.items())): point.value
                for name, points in self.points.items()
                for point in points
            }
            raise AssertionError("\n".join(f"{key}: {value}" for key, value in sorted(newest.items()))) from None

    async def take_metrics(
        self, request: metrics.ExportMetricsServiceRequest, context: object
    ) -> metrics.ExportMetricsServiceResponse:
        for resource in request.resource_metrics:
            service = labels_of(resource.resource.attributes)["service.name"]
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.points.setdefault(metric.name, []).extend(points_of(service, metric))
        return metrics.ExportMetricsServiceResponse()

    async def take_spans(
        self, request: traces.ExportTraceServiceRequest, context: object
    ) -> traces.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            service = labels_of(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [(service, span.name) for span in scope.spans]
        return traces.ExportTraceServiceResponse()


def points_of(service: str, metric: metrics_pb2.Metric) -> list[Point]:
    if metric.HasField("histogram"):
        return [
            Point(
                service, "histogram", metric.unit, labels_of(each.attributes), each.count, tuple(each.explicit_bounds)
            )
            for each in metric.histogram.data_points
        ]
    return [
        Point(service, "gauge", metric.unit, labels_of(each.attributes), each.as_double or each.as_int)
        for each in metric.gauge.data_points
    ]


def labels_of(attributes: Any) -> dict[str, str]:
    named: list[common_pb2.KeyValue] = list(attributes)
    return {each.key: each.value.string_value for each in named}


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector on loopback, for as long as the block runs."""
    found = Collector(f"127.0.0.1:{free_port()}")
    server = grpc.aio.server()
    takes_metrics = grpc.unary_unary_rpc_method_handler(
        found.take_metrics,
        request_deserializer=metrics.ExportMetricsServiceRequest.FromString,
        response_serializer=metrics.ExportMetricsServiceResponse.SerializeToString,
    )
    takes_spans = grpc.unary_unary_rpc_method_handler(
        found.take_spans,
        request_deserializer=traces.ExportTraceServiceRequest.FromString,
        response_serializer=traces.ExportTraceServiceResponse.SerializeToString,
    )
    for service, export in ((METRICS_SERVICE, takes_metrics), (TRACES_SERVICE, takes_spans)):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": export}),))
    server.add_insecure_port(found.address)
    await server.start()
    try:
        yield found
    finally:
        await server.stop(None)

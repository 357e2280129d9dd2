"""A collector on loopback: it takes the metrics and spans of services that are started in its `environment`.

It answers OTLP by gRPC as a real one does and keeps what it was sent, so that a test sees what operators would see, and
a benchmark reads what services measured of themselves.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
EXPORT_INTERVAL_MS = 1_000
COLLECT_S_MAX = 60.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Point:
    """A figure as it arrived: a gauge's value, a histogram's count. `largest` is the largest that was measured since
    the export before; `bounds` are the histogram's.
    """

    service: str
    kind: str
    unit: str
    labels: Mapping[str, str]
    value: float
    largest: float
    bounds: tuple[float, ...] = ()


@dataclass(slots=True)
class Collector:
    """What has arrived so far: metrics by name, newest last, and spans' names by service."""

    address: str
    export_interval_ms: int = EXPORT_INTERVAL_MS
    points: dict[str, list[Point]] = field(default_factory=dict)
    spans: list[tuple[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> Mapping[str, str]:
        """Services that find it in theirs export to this collector."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self.address}",
            "OTEL_METRIC_EXPORT_INTERVAL": str(self.export_interval_ms),
            "OTEL_BSP_SCHEDULE_DELAY": str(self.export_interval_ms),
        }

    def newest(self, service: str, name: str, **labels: str) -> float:
        """The last value that came; NaN, which equals and exceeds nothing, before the first."""
        found = self._found(service, name, labels)
        return found[-1].value if found else math.nan

    def largest(self, service: str, name: str, **labels: str) -> float:
        """The largest that was measured in any export; NaN before the first."""
        return max((point.largest for point in self._found(service, name, labels)), default=math.nan)

    def _found(self, service: str, name: str, labels: Mapping[str, str]) -> list[Point]:
        points = self.points.get(name, [])
        return [point for point in points if point.service == service and labels.items() <= point.labels.items()]

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
            raise TimeoutError("\n".join(f"{key}: {value}" for key, value in sorted(newest.items()))) from None

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
                service=service,
                kind="histogram",
                unit=metric.unit,
                labels=labels_of(each.attributes),
                value=each.count,
                largest=each.max,
                bounds=tuple(each.explicit_bounds),
            )
            for each in metric.histogram.data_points
        ]
    points = []
    for each in metric.gauge.data_points:
        value = each.as_double or each.as_int
        points.append(Point(service, "gauge", metric.unit, labels_of(each.attributes), value, value))
    return points


def labels_of(attributes: Any) -> dict[str, str]:
    named: list[common_pb2.KeyValue] = list(attributes)
    return {each.key: each.value.string_value for each in named}


@asynccontextmanager
async def collector(export_interval_ms: int = EXPORT_INTERVAL_MS) -> AsyncIterator[Collector]:
    """For as long as the block runs."""
    found = Collector(f"127.0.0.1:{free_port()}", export_interval_ms)
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

"""A collector of metrics that keeps of each histogram its largest value, and of each gauge its largest."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import grpc
import grpc.aio
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as pb

from rehearsal.processes import free_port

SERVICE = "opentelemetry.proto.collector.metrics.v1.MetricsService"
EXPORT_INTERVAL_MS = 1_000


class Largest:
    """By service, metric and labels. Services that find `environment` in theirs export to it."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._values: dict[tuple[str, str, tuple[str, ...]], float] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self.address}",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRIC_EXPORT_INTERVAL": str(EXPORT_INTERVAL_MS),
        }

    def of(self, service: str, metric: str, *labels: str) -> float:
        return self._values[service, metric, labels]

    def forget(self) -> None:
        """What follows is measured alone, as far as gauges and histograms are the exporter's since then."""
        self._values.clear()

    async def take(self, request: pb.ExportMetricsServiceRequest, context: object) -> pb.ExportMetricsServiceResponse:
        for resource in request.resource_metrics:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = [(each.attributes, each.max) for each in metric.histogram.data_points]
                    points += [(each.attributes, each.as_double) for each in metric.gauge.data_points]
                    for attributes, value in points:
                        key = names["service.name"], metric.name, tuple(one.value.string_value for one in attributes)
                        self._values[key] = max(value, self._values.get(key, 0.0))
        return pb.ExportMetricsServiceResponse()


@asynccontextmanager
async def largest() -> AsyncIterator[Largest]:
    """For as long as the block runs."""
    found = Largest()
    server = grpc.aio.server()
    take = grpc.unary_unary_rpc_method_handler(
        found.take,
        request_deserializer=pb.ExportMetricsServiceRequest.FromString,
        response_serializer=pb.ExportMetricsServiceResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": take}),))
    server.add_insecure_port(found.address)
    await server.start()
    try:
        yield found
    finally:
        await server.stop(None)

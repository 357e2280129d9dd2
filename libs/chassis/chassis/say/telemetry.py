"""Where traces, metrics and log lines go, by the standard OTEL_ variables, and the shell's metrics by name.

Embedded default: spans are written to a folder (CARBONMARKET_SPANS), one JSON line each, which `carbonmarket trace`
reads; metrics go nowhere. With OTEL_EXPORTER_OTLP_ENDPOINT set both go to a collector, by gRPC; an exporter `none`, or
OTEL_SDK_DISABLED, sends nothing anywhere. Every name is listed in docs/telemetry.yaml; a test compares the two.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from pythonjsonlogger.json import JsonFormatter

from chassis.say.tracing import Tracing

COMMAND_DURATION = "carbonmarket.command.duration"
BATCH_SUBMISSIONS = "carbonmarket.batch.submissions"
DECIDE_DURATION = "carbonmarket.decide.duration"
APPEND_DURATION = "carbonmarket.append.duration"
APPEND_RECORDS = "carbonmarket.append.records"
LOG_POSITION = "carbonmarket.log.position"
LOOP_HELD = "carbonmarket.loop.held"
COLLECTION_LONGEST = "carbonmarket.collection.longest"
COLLECTION_FROZEN = "carbonmarket.collection.frozen"
HEARING_LAG_RECORDS = "carbonmarket.hearing.lag.records"
HEARING_LAG_SECONDS = "carbonmarket.hearing.lag.seconds"
HEARING_HALTED = "carbonmarket.hearing.halted"
HEARING_FORGED = "carbonmarket.hearing.forged"
FOLLOWER_LAG_RECORDS = "carbonmarket.follower.lag.records"
SET_ASIDE = "carbonmarket.set_aside"
ORDERS_UNANSWERED = "carbonmarket.orders.unanswered"
ORDERS_REFUSED = "carbonmarket.orders.refused"

FLUSH_SECONDS_MAX = 1.0
SECONDS_BOUNDARIES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
COUNT_BOUNDARIES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)

Gauge = Callable[[], float | Mapping[str, float] | None]
"""Read at export, in the exporter's thread: one value, one for each source or follower, or None for none."""


class Metrics:
    """The shell's instruments. Gauges are read when they are exported, and cost nothing before."""

    def __init__(self, meter: metrics.Meter | None = None) -> None:
        self._meter = meter or metrics.NoOpMeter("chassis")
        self._command = self._seconds(COMMAND_DURATION, "An rpc, from its arrival to its answer")
        self._submissions = self._count(BATCH_SUBMISSIONS, "{submission}", "Decided in one batch")
        self._decide = self._seconds(DECIDE_DURATION, "Deciding one batch")
        self._append = self._seconds(APPEND_DURATION, "One append, from statement to commit")
        self._records = self._count(APPEND_RECORDS, "{record}", "Appended in one transaction")
        self._held = self._seconds(LOOP_HELD, "How long one step held the loop of the process")
        self._position = self._meter.create_gauge(LOG_POSITION, "{record}", "The last committed position of this log")

    def _seconds(self, name: str, what: str) -> metrics.Histogram:
        return self._meter.create_histogram(name, "s", what, explicit_bucket_boundaries_advisory=SECONDS_BOUNDARIES)

    def _count(self, name: str, unit: str, what: str) -> metrics.Histogram:
        return self._meter.create_histogram(name, unit, what, explicit_bucket_boundaries_advisory=COUNT_BOUNDARIES)

    def called(self, rpc: str, outcome: str, seconds: float) -> None:
        self._command.record(seconds, {"rpc": rpc, "outcome": outcome})

    def decided(self, seconds: float, submissions: int) -> None:
        self._submissions.record(submissions)
        self._decide.record(seconds)

    def appended(self, seconds: float, records: int, position: int) -> None:
        self._append.record(seconds)
        self._records.record(records)
        self._position.set(position)

    def held(self, seconds: float, computed_seconds: float) -> None:
        self._held.record(seconds, {"time": "wall"})
        self._held.record(computed_seconds, {"time": "computed"})

    def watch(self, name: str, unit: str, what: str, read: Gauge, label: str = "") -> None:
        def observe(options: CallbackOptions) -> Iterable[Observation]:
            value = read()
            if value is None:
                return []
            if isinstance(value, Mapping):
                return [Observation(float(number), {label: key}) for key, number in value.items()]
            return [Observation(float(value))]

        self._meter.create_observable_gauge(name, [observe], unit, what)


class FileSpanExporter(SpanExporter):
    """Writes each ended span as one JSON line, so that a trace can be drawn without any server."""

    def __init__(self, file: Path, service: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lines = file.open("a", buffering=1)
        self._service = service

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._lines.write("".join(json.dumps(span_as_json(span, self._service)) + "\n" for span in spans))
        self._lines.flush()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._lines.close()


def span_as_json(span: ReadableSpan, service: str) -> dict[str, object]:
    context = span.get_span_context()
    assert context is not None
    return {
        "name": span.name,
        "service": service,
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_span_id": f"{span.parent.span_id:016x}" if span.parent else "",
        "links": [
            {"trace_id": f"{link.context.trace_id:032x}", "span_id": f"{link.context.span_id:016x}"}
            for link in span.links
        ],
        "start_unix_nanos": span.start_time,
        "end_unix_nanos": span.end_time,
        "attributes": dict(span.attributes or {}),
        "status": span.status.status_code.name,
        "reason": span.status.description or "",
    }


def start_tracing(service: str, log_id: str, spans_folder: Path | None) -> tuple[Tracing, Callable[[], None]]:
    """The service's tracing and what flushes it at the end. Without a place for spans no span is ever made."""
    exporter = None if is_disabled() else choose_span_exporter(service, spans_folder)
    if exporter is None:
        return Tracing(), lambda: None
    provider = TracerProvider(resource=resource(service, log_id), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer: trace.Tracer = provider.get_tracer("chassis")
    return Tracing(tracer), lambda: flush(provider.shutdown)


def choose_span_exporter(service: str, spans_folder: Path | None) -> SpanExporter | None:
    if goes_to_collector("TRACES"):
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if spans_folder is not None and not exporter_named("TRACES"):
        return FileSpanExporter(spans_folder / f"{service}-{os.getpid()}.jsonl", service)
    return None


def start_metrics(service: str, log_id: str) -> tuple[Metrics, Callable[[], None]]:
    if is_disabled() or not goes_to_collector("METRICS"):
        return Metrics(), lambda: None
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    reader: MetricReader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], resource=resource(service, log_id), shutdown_on_exit=False)
    return Metrics(provider.get_meter("chassis")), lambda: flush(provider.shutdown)


def flush(shutdown: Callable[[], None]) -> None:
    """Sends what is left, but makes nobody wait for a collector that is away: the next start must not be late."""
    last = threading.Thread(target=shutdown, daemon=True)
    last.start()
    last.join(FLUSH_SECONDS_MAX)


def is_disabled() -> bool:
    return os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"


def exporter_named(signal: str) -> str:
    """`otlp`; anything else, `none` above all, means that this signal goes nowhere; empty: where it usually goes."""
    return os.environ.get(f"OTEL_{signal}_EXPORTER", "")


def goes_to_collector(signal: str) -> bool:
    exporter = exporter_named(signal)
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return exporter == "otlp" or (exporter == "" and bool(endpoint))


def resource(service: str, log_id: str) -> Resource:
    # The variables win, so that an operator can rename a deployment. A service may have several logs.
    return Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", service), "log_id": log_id})


def json_lines(service: str) -> logging.Formatter:
    """One JSON object a line, with the trace, the position and whatever else the line was given as `extra`."""
    return JsonFormatter(
        ("levelname", "name", "message"),
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        static_fields={"service": service},
        timestamp="time",
    )


def start_logging(service: str, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_lines(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # The Kafka client says at every retry that the broker is away; our own lines say it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("faststream").setLevel(logging.ERROR)

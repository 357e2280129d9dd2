"""Where spans, metrics and log lines go, and what a log line carries."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from chassis.core.decider import Rejected
from chassis.core.engine import Engine
from chassis.core.record import HeardUpTo
from chassis.core.submission import HeardRecord
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer
from chassis.say import telemetry
from chassis.say.telemetry import Metrics, flush, json_lines, start_metrics, start_tracing
from chassis.say.tracing import Tracing
from chassis.serving.frame import log_error
from chassis.serving.heading import Heading
from support.shell import tally
from support.shell.tally import TALLY_MAX, Add

TRACEPARENT = f"00-{'b' * 32}-{'2' * 16}-01"
OTEL = ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT")


@pytest.fixture(autouse=True)
def no_otel(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTEL:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "files"),
    [
        ({}, 1),
        ({"OTEL_SDK_DISABLED": "true"}, 0),
        ({"OTEL_TRACES_EXPORTER": "none"}, 0),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, 0),
        ({"OTEL_METRICS_EXPORTER": "none"}, 1),
    ],
)
def test_spans_are_written_to_files_unless_the_standard_variables_say_otherwise(
    environment: dict[str, str], files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    tracing, flush = start_tracing("registry", "registry", tmp_path)
    tracing.root("step").end()
    flush()
    lines = [json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert [(line["service"], line["name"]) for line in lines] == [("registry", "step")] * files


@pytest.mark.parametrize(
    ("environment", "exported"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, True),
    ],
)
def test_metrics_go_to_a_collector_where_one_is_named_and_else_nowhere(
    environment: dict[str, str], exported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    readers: list[InMemoryMetricReader] = []

    def in_memory(exporter: object) -> InMemoryMetricReader:
        readers.append(InMemoryMetricReader())
        return readers[-1]

    monkeypatch.setattr(telemetry, "PeriodicExportingMetricReader", in_memory)
    metrics, flush = start_metrics("registry", "registry")
    metrics.called("RegistryService/OpenAccount", "OK", 0.001)
    assert len(readers) == exported
    flush()


def test_a_collector_that_is_away_keeps_no_process_from_its_end() -> None:
    never = threading.Event()

    def send() -> None:
        never.wait()

    flush(send)
    assert not never.is_set(), "it went on without the last figures"
    never.set()


def test_a_gauge_is_read_only_when_it_is_exported_and_says_nothing_where_there_is_nothing() -> None:
    reads: list[str] = []
    figures: Iterator[float | None] = iter([None, True])

    def read() -> float | None:
        reads.append("read")
        return next(figures)

    unused = Metrics()
    unused.watch("carbonmarket.log.position", "1", "what", read)
    reader = InMemoryMetricReader()
    exported = Metrics(MeterProvider([reader]).get_meter("test"))
    exported.watch("carbonmarket.log.position", "1", "what", read)
    assert reads == []
    assert reader.get_metrics_data() is None
    data = reader.get_metrics_data()
    assert data is not None
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert type(point.value) is float, "a collector takes no booleans"  # type: ignore[union-attr]  # a gauge's point
    assert reads == ["read", "read"]


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    formatter = json_lines("tally")
    return [json.loads(formatter.format(record)) for record in caplog.records]


def test_a_refusal_is_logged_with_who_what_why_and_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    heading = Heading("participant:ada")
    log_error(Rejected("TALLY_FULL", total=3), "TallyService/Add", heading, TRACEPARENT)
    (line,) = lines_of(caplog)
    logged = {name: line[name] for name in ("level", "rpc", "actor", "reason", "traceparent")}
    assert logged == {
        "level": "INFO",
        "rpc": "TallyService/Add",
        "actor": "participant:ada",
        "reason": "TALLY_FULL",
        "traceparent": TRACEPARENT,
    }
    assert "total=3" in str(line["message"])
    assert datetime.fromisoformat(str(line["time"])).utcoffset() == timedelta(0)


def test_a_bug_is_logged_as_an_error_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError as error:
        log_error(error, "TallyService/Add", Heading("participant:ada", TRACEPARENT))
    (line,) = lines_of(caplog)
    assert (line["level"], line["reason"], line["traceparent"]) == ("ERROR", "INTERNAL", TRACEPARENT)
    assert "test_telemetry.py" in str(line["exception"])


async def test_what_is_set_aside_is_logged_with_its_position_in_both_logs(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog(MemoryStore("tally"))
    await log.lead()
    writer = Writer(Engine("tally", tally.decider(), tally.WIRE, Tracing()), log, Metrics())
    running = asyncio.create_task(writer.run())
    upto = HeardUpTo("google", 1, b"digest")
    await writer.insist(HeardRecord(upto, "google.protobuf.Int64Value", Add(TALLY_MAX + 1), TRACEPARENT))
    running.cancel()
    await asyncio.wait([running])
    (line,) = [line for line in lines_of(caplog) if line["level"] == "WARNING"]
    assert {name: line[name] for name in ("position", "source", "source_position", "traceparent")} == {
        "position": 1,
        "source": "google",
        "source_position": 1,
        "traceparent": TRACEPARENT,
    }
    assert line["reason"] == "TALLY_FULL"
    assert "google.protobuf.Int64Value" in str(line["message"])

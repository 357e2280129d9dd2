"""What services tell in files: spans and log lines, as a test reads them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

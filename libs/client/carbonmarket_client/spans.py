"""Spans read from files and drawn as one tree over all services.

A span file holds one JSON object per line: name, service, trace_id, span_id, parent_span_id, links, start_unix_nanos,
end_unix_nanos, attributes, status. Each service writes its own files; a trace is what carries one id in all of them.

Links join traces: a trade continues its taker's trace and links its maker's; a settled leg links its run's. Following
every link would drag a whole day in, so a tree shows the trace asked for, whole, and of every trace joined to it only
the ways from its root down to the spans at the other ends of the links. A trace of one span that only gathers others,
as the writing of a batch does, says nothing of the way and is left out.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

JOINED_MAX = 20
"""The most joined traces that are drawn; of the others only the number is shown."""


class SpansUnreadable(Exception):
    """The folder has no span files, or a file is not one."""


@dataclass(frozen=True, slots=True)
class SpanKey:
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Span:
    """One step of work. Times are nanoseconds since 1970; `parent_span_id` is empty at a root."""

    key: SpanKey
    parent_span_id: str
    name: str
    service: str
    start_nanos: int
    end_nanos: int
    status: str
    reason: str = ""
    links: tuple[SpanKey, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration_nanos(self) -> int:
        return self.end_nanos - self.start_nanos


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a drawn tree. `lead` are the tree's strokes before the name; `meets` are, on a joined trace, the
    spans of ours that this one links or is linked by.
    """

    lead: str
    span: Span
    meets: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """A trace that meets the one asked for, first `at` one of its spans: the ways from its root to where they meet."""

    trace_id: str
    at: Span
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class TraceTree:
    """What is drawn of a trace: its own lines, then the traces joined to it, and how many of those are left out."""

    trace_id: str
    start_nanos: int
    lines: tuple[Line, ...]
    joined: tuple[Joined, ...]
    left_out: int

    @property
    def services(self) -> list[str]:
        """Every service it went through, in the order in which it came there."""
        in_time = sorted((line.span for line in self.lines), key=lambda span: span.start_nanos)
        return list(dict.fromkeys(span.service for span in in_time))


def read_trace(folder: Path, trace_id: str) -> list[Span]:
    """The spans of one trace and of the traces joined to it, from the folder's *.jsonl, *.ndjson and *.json files at
    any depth.

    Raises SpansUnreadable. Files of a whole year are read line by line and only the lines that name a trace in
    question are parsed. A last line without its end is still being written and is left out.
    """
    if not folder.is_dir():
        raise SpansUnreadable(f"there is no folder {folder}")
    paths = sorted(path for ending in ("jsonl", "ndjson", "json") for path in folder.rglob(f"*.{ending}"))
    if not paths:
        raise SpansUnreadable(f"{folder} holds no span files (*.jsonl)")
    naming_it = list(_spans_naming(paths, [trace_id]))
    others = {span.key.trace_id for span in naming_it} | {
        link.trace_id for span in naming_it if span.key.trace_id == trace_id for link in span.links
    }
    others.discard(trace_id)
    joined = (span for span in _spans_naming(paths, sorted(others)) if span.key.trace_id in others) if others else ()
    return list({span.key: span for span in [*naming_it, *joined]}.values())


def _spans_naming(paths: Iterable[Path], trace_ids: Sequence[str]) -> Iterator[Span]:
    named = re.compile("|".join(re.escape(trace_id) for trace_id in trace_ids))
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith("\n") or named.search(line) is None:
                    continue
                try:
                    yield _span(json.loads(line))
                except (KeyError, TypeError, ValueError) as fault:
                    raise SpansUnreadable(f"{path}, line {number} is not a span: {fault!r}") from fault


def _span(row: Mapping[str, Any]) -> Span:
    return Span(
        key=SpanKey(row["trace_id"], row["span_id"]),
        parent_span_id=row.get("parent_span_id") or "",
        name=row["name"],
        service=row["service"],
        start_nanos=int(row["start_unix_nanos"]),
        end_nanos=int(row["end_unix_nanos"]),
        status=str(row.get("status") or ""),
        reason=str(row.get("reason") or ""),
        links=tuple(SpanKey(link["trace_id"], link["span_id"]) for link in row.get("links") or ()),
        attributes=row.get("attributes") or {},
    )


def trace_tree(spans: Iterable[Span], trace_id: str) -> TraceTree | None:
    """Draw one trace, or None when no span carries its id."""
    everything = list(spans)
    by_trace: dict[str, list[Span]] = defaultdict(list)
    for span in everything:
        by_trace[span.key.trace_id].append(span)
    own = by_trace.get(trace_id)
    if not own:
        return None
    joints = _joints(by_trace, own, trace_id)
    return TraceTree(
        trace_id=trace_id,
        start_nanos=min(span.start_nanos for span in own),
        lines=tuple(_lines(own)),
        joined=tuple(_joined(by_trace, other_id, met) for other_id, met in joints[:JOINED_MAX]),
        left_out=max(0, len(joints) - JOINED_MAX),
    )


Met = Mapping[str, list[Span]]
"""Where a trace meets ours: by its own span's id, the spans of ours that are linked with it, in time order."""


def _joints(by_trace: Mapping[str, list[Span]], own: Iterable[Span], trace_id: str) -> list[tuple[str, Met]]:
    """The traces that meet this one, in the order in which they do."""
    ours = {span.key: span for span in own}
    linked = [(span, link) for span in ours.values() for link in span.links if link.trace_id != trace_id]
    known = {link.trace_id for _, link in linked}
    for other_id, spans in by_trace.items():
        if other_id != trace_id and (other_id in known or len(spans) > 1):
            linked += [(ours[link], span.key) for span in spans for link in span.links if link in ours]
    met: dict[str, dict[str, list[Span]]] = {}
    for at, far_end in sorted(linked, key=lambda joint: (joint[0].start_nanos, joint[1].trace_id, joint[1].span_id)):
        met.setdefault(far_end.trace_id, {}).setdefault(far_end.span_id, []).append(at)
    return list(met.items())


def _joined(by_trace: Mapping[str, list[Span]], trace_id: str, met: Met) -> Joined:
    by_id = {span.key.span_id: span for span in by_trace.get(trace_id, [])}
    ways: dict[str, Span] = {}
    for far_end in met:
        span = by_id.get(far_end)
        while span is not None and span.key.span_id not in ways:
            ways[span.key.span_id] = span
            span = by_id.get(span.parent_span_id)
    lines = (replace(line, meets=tuple(met.get(line.span.key.span_id, ()))) for line in _lines(list(ways.values())))
    first = min((span for spans in met.values() for span in spans), key=lambda span: span.start_nanos)
    return Joined(trace_id=trace_id, at=first, lines=tuple(lines))


def _lines(own: list[Span]) -> Iterator[Line]:
    """The spans as a tree, earlier ones first. A span whose parent is in no file is a root."""
    known = {span.key.span_id for span in own}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(own, key=lambda span: (span.start_nanos, span.end_nanos, span.key.span_id)):
        children[span.parent_span_id if span.parent_span_id in known else ""].append(span)

    waiting = [("", "", root) for root in reversed(children[""])]
    while waiting:
        lead, below, span = waiting.pop()
        yield Line(lead, span)
        under = children[span.key.span_id]
        for place, child in reversed(list(enumerate(under, 1))):
            last = place == len(under)
            waiting.append((below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), child))

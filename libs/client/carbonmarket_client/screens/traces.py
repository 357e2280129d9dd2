"""A trace as a tree over all services, with the traces that meet it."""

from collections.abc import Sequence

from rich.console import RenderableType

from carbonmarket_client.screens.layout import Screen, numbers, words
from carbonmarket_client.spans import Joined, Line, TraceTree
from carbonmarket_client.values import moment, span

APPEND = "append"
"""What the services call the step that writes a batch of records to a log."""

AS_IT_SHOULD = ("", "OK", "UNSET")


def tree_screens(tree: TraceTree) -> list[RenderableType]:
    """The tree of the trace itself, then a line for each trace that meets it, where there are any."""
    began = moment(tree.start_nanos // 1_000_000)
    title = f"Trace {tree.trace_id}, begun {began}\n{len(tree.lines)} steps in {', '.join(tree.services)}"
    screens: list[RenderableType] = [steps_screen(title, tree.lines, tree.start_nanos)]
    if tree.joined:
        screens.append(joined_screen(tree))
    return screens


def steps_screen(title: str, lines: Sequence[Line], start_nanos: int) -> Screen:
    return Screen(
        title,
        [words("step"), words("service"), numbers("after"), numbers("took"), words("status")],
        [
            (
                line.lead + line.span.name,
                line.span.service,
                span(line.span.start_nanos - start_nanos),
                span(line.span.duration_nanos),
                _status(line),
            )
            for line in lines
        ],
    )


def joined_screen(tree: TraceTree) -> Screen:
    """The way from each other trace's root to where it meets this one, by the time it came there.

    Every step was written to a log with others in one append, which is a trace of its own: these are only counted.
    """
    ways = [joined for joined in tree.joined if not _is_append(joined)]
    title = "Other traces that meet it: the maker's order, the run"
    left_out = len(tree.joined) - len(ways)
    if left_out:
        title += f"; and {left_out} appends to logs"
    if tree.left_out:
        title += f"; {tree.left_out} more"
    return Screen(
        title,
        [
            words("trace"),
            words("way there", wraps=True),
            words("service"),
            numbers("after"),
            words("meets", spare=True),
        ],
        [_joined_row(joined, tree.start_nanos) for joined in ways],
        "None but these.",
    )


def _is_append(joined: Joined) -> bool:
    return [line.span.name for line in joined.lines] == [APPEND]


def _joined_row(joined: Joined, start_nanos: int) -> tuple[str, ...]:
    if not joined.lines:
        return joined.trace_id, "not in these files", "", "", joined.at.name
    way = " › ".join(line.span.name for line in joined.lines)
    last = joined.lines[-1].span
    return joined.trace_id, way, last.service, span(last.start_nanos - start_nanos), joined.at.name


def _status(line: Line) -> str:
    status = line.span.status
    return "" if status.upper() in AS_IT_SHOULD else status

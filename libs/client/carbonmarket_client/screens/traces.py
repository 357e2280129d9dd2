"""A trace as a tree over all services, with the traces that meet it."""

from rich.console import RenderableType

from carbonmarket_client.screens.layout import Screen, numbers, words
from carbonmarket_client.spans import Joined, Line, Span, TraceTree
from carbonmarket_client.values import moment, span

AS_IT_SHOULD = ("", "OK", "UNSET")


def tree_screens(tree: TraceTree) -> list[RenderableType]:
    """The tree of the trace itself, then of the traces that meet it, where there are any."""
    screens: list[RenderableType] = [own_screen(tree)]
    if tree.joined:
        screens.append(joined_screen(tree))
    return screens


def own_screen(tree: TraceTree) -> Screen:
    """Every step: the record of which log it wrote or heard, when it began and how long it took."""
    began = moment(tree.start_nanos // 1_000_000)
    columns = [
        words("step", tree=True),
        words("service", spare=2),
        words("record"),
        numbers("after", spare=1),
        numbers("took"),
    ]
    failed = any(_status(line.span) for line in tree.lines)
    steps = f"{len(tree.lines)} steps in {', '.join(tree.services)}"
    return Screen(
        f"Trace {tree.trace_id}, {steps}\nbegun {began} (China time) by this machine's clock, not the market's",
        [*columns, words("status", wraps=True)] if failed else columns,
        [
            (*_row(line, tree.start_nanos), _status(line.span)) if failed else _row(line, tree.start_nanos)
            for line in tree.lines
        ],
    )


def _row(line: Line, start_nanos: int) -> tuple[str, ...]:
    return (
        line.lead + _own_name(line.span),
        line.span.service,
        _record(line.span),
        span(line.span.start_nanos - start_nanos),
        span(line.span.duration_nanos),
    )


def joined_screen(tree: TraceTree) -> Screen:
    """Of each other trace the ways from its root to where it meets this one: the maker's order, the run."""
    title = "Other traces that meet it, each from its root to the steps that meet"
    if tree.left_out:
        title += f"; {tree.left_out} more"
    return Screen(
        title,
        [
            words("step", tree=True),
            words("service", spare=2),
            words("record"),
            numbers("after", spare=1),
            words("meets", wraps=True),
        ],
        [row for joined in tree.joined for row in _joined_rows(joined, tree.start_nanos)],
    )


def _joined_rows(joined: Joined, start_nanos: int) -> list[tuple[str, ...]]:
    if not joined.lines:
        return [(joined.trace_id, "", "", "", f"{joined.at.name}; not in these files")]
    return [(joined.trace_id, "", "", "", ""), *(_joined_row(line, start_nanos) for line in joined.lines)]


def _joined_row(line: Line, start_nanos: int) -> tuple[str, ...]:
    after = span(line.span.start_nanos - start_nanos)
    meets = ", ".join(dict.fromkeys(_own_name(each) for each in line.meets))
    return "  " + line.lead + _own_name(line.span), line.span.service, _record(line.span), after, meets


def _own_name(step: Span) -> str:
    """An rpc without its service, so that a deep tree stays on the screen."""
    return step.name.rpartition("/")[2]


def _record(step: Span) -> str:
    """Where to look it up: a position of the step's own log, or the one that it heard in another."""
    if "source_position" in step.attributes:
        return f"{step.attributes.get('source', '')} {step.attributes['source_position']}"
    return f"{step.service} {step.attributes['position']}" if step.attributes.get("position") else ""


def _status(step: Span) -> str:
    return "" if step.status.upper() in AS_IT_SHOULD else step.reason or step.status

"""A trace as a tree over all services, with the traces that meet it."""

from rich.console import RenderableType
from rich.text import Text

from carbonmarket_client.screens.layout import (
    Screen,
    numbers,
    words,
)
from carbonmarket_client.spans import Line, TraceTree
from carbonmarket_client.values import moment, span


def tree_screens(tree: TraceTree) -> list[RenderableType]:
    began = moment(tree.start_nanos // 1_000_000)
    title = f"Trace {tree.trace_id}, begun {began}\n{len(tree.lines)} steps in {', '.join(tree.services)}"
    screens: list[RenderableType] = [_steps(title, tree.lines, tree.start_nanos)]
    for joined in tree.joined:
        if joined.lines:
            meets = f"Meets trace {joined.trace_id} at {joined.at.name} ({joined.at.service})"
            screens.append(_steps(meets, joined.lines, tree.start_nanos))
        else:
            screens.append(Text(f"Meets trace {joined.trace_id} at {joined.at.name}, which these files do not have."))
    if tree.left_out:
        screens.append(Text(f"{tree.left_out} more traces meet this one."))
    return screens


def _steps(title: str, lines: tuple[Line, ...], start_nanos: int) -> RenderableType:
    return Screen(
        title,
        [words("step"), words("service"), numbers("after"), numbers("took"), words("status")],
        [
            (
                line.lead + line.span.name,
                line.span.service,
                span(line.span.start_nanos - start_nanos),
                span(line.span.duration_nanos),
                "" if line.span.status.upper() in ("", "OK", "UNSET") else line.span.status,
            )
            for line in lines
        ],
    )

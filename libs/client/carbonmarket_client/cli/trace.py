"""`trace`: the way of one trade, or of any request, through all services, drawn as a tree."""

import re
from pathlib import Path

import click

from carbonmarket_client.cli.app import Session, cli, command
from carbonmarket_client.cli.failures import NotTraced
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.traces import tree_screens
from carbonmarket_client.settings import SPANS_VARIABLE
from carbonmarket_client.spans import Line, SpansUnreadable, TraceTree, read_trace, trace_tree
from carbonmarket_client.values import NotANumber, number_of

TRACE_ID = re.compile(r"[0-9a-f]{32}")


@command(
    cli,
    "trace",
    ["carbonmarket trace 17", "carbonmarket trace 4bf92f3577b34da6a3ce929d0e0e4736 --spans var/spans"],
)
@click.argument("id")
@click.option(
    "--spans", type=click.Path(path_type=Path), envvar=SPANS_VARIABLE, required=True, help="Folder of span files."
)
async def trace(market: CarbonMarket, session: Session, id: str, spans: Path) -> None:
    """Draw a trace over all services.

    ID is a trade's number or a trace's 32 hexadecimal digits. The lines below a line were caused by it. Other traces
    that meet this one are drawn below it, each from its root down to the step where they meet: the order a trade was
    made from, the run it was settled in.
    """
    trace_id = id.lower()
    if not TRACE_ID.fullmatch(trace_id):
        try:
            trade_id = number_of(id)
        except NotANumber:
            raise click.UsageError(
                f"{id!r} is neither a trade's number nor a trace id of 32 hexadecimal digits"
            ) from None
        trace_id = (await market.trading.get_trade(trade_id)).trade.trace_id
        if not trace_id:
            raise NotTraced(f"trade {id} was not traced")
    try:
        tree = trace_tree(read_trace(spans, trace_id), trace_id)
    except SpansUnreadable as fault:
        raise click.UsageError(str(fault)) from fault
    if tree is None:
        raise NotTraced(f"no file in {spans} has trace {trace_id}; spans are written a moment after the fact")
    session.show(plain_tree(tree), *tree_screens(tree))


def plain_tree(tree: TraceTree) -> dict[str, object]:
    return {
        "trace_id": tree.trace_id,
        "services": tree.services,
        "spans": [_plain_line(line) for line in tree.lines],
        "joined": [
            {
                "trace_id": joined.trace_id,
                "at_span_id": joined.at.key.span_id,
                "spans": [*map(_plain_line, joined.lines)],
            }
            for joined in tree.joined
        ],
        "joined_left_out": tree.left_out,
    }


def _plain_line(line: Line) -> dict[str, object]:
    step = line.span
    return {
        "name": step.name,
        "service": step.service,
        "trace_id": step.key.trace_id,
        "span_id": step.key.span_id,
        "parent_span_id": step.parent_span_id,
        "start_unix_nanos": step.start_nanos,
        "end_unix_nanos": step.end_nanos,
        "status": step.status,
        "reason": step.reason,
        "attributes": dict(step.attributes),
        "meets_span_ids": [met.key.span_id for met in line.meets],
    }

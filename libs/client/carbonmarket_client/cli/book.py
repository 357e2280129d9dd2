"""`book`: the best price levels of an instrument and the listings at each, once or live."""

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket_client.cli.app import Session, cli, command
from carbonmarket_client.cli.plain import as_json, plain
from carbonmarket_client.cli.screens import RULE
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.values import amount, tonnes

LISTINGS_SHOWN_MAX = 6
"""So many listings of a level stand on the screen; `--json` has them all."""


@command(cli, "book", ["carbonmarket book CEA", "carbonmarket book CEA --watch", "carbonmarket book CEA --json"])
@click.argument("instrument")
@click.option("--watch", is_flag=True, help="Stay and show every change until Ctrl-C; with --json a line each.")
@click.option("--updates", type=click.IntRange(1), help="Watch so many pictures, then end.")
async def book(market: CarbonMarket, session: Session, instrument: str, watch: bool, updates: int | None) -> None:
    """Show the best price levels of both sides and the listings at each: what may be picked.

    A listing is picked by its number: `carbonmarket orders take --help`. Levels beyond the best are not shown and
    cannot be picked.
    """
    pictures = market.trading.stream_market_data(instrument)
    wanted = updates or (None if watch else 1)
    if session.json:
        seen = 0
        async for picture in pictures:
            print(as_json(plain(picture), one_line=wanted != 1), flush=True)
            seen += 1
            if seen == wanted:
                return
        return
    if not watch and updates is None:
        session.console.print(book_screen(await anext(pictures)))
        return
    with Live(console=session.console, auto_refresh=False) as live:
        seen = 0
        async for picture in pictures:
            live.update(book_screen(picture), refresh=True)
            seen += 1
            if seen == wanted:
                return


def book_screen(picture: query.StreamMarketDataResponse) -> RenderableType:
    book, prices = picture.book, picture.prices
    when = f"on {picture.day}" if picture.day else "no day is open"
    title = Text(f"{book.instrument}, {when}, as of trading position {picture.position:,}", style="bold")
    return Group(title, _prices_line(prices), Text(), _levels(book))


def _prices_line(prices: query.DayPrices) -> Text:
    if not prices.trades:
        return Text("No trade yet on this day.")
    line = f"trades {prices.trades:,}   listed {tonnes(prices.listed_tonnes)} t   block {tonnes(prices.block_tonnes)} t"
    if prices.listed_tonnes:
        line = (
            f"last {amount(prices.last_fen)}   open {amount(prices.open_fen)}   high {amount(prices.high_fen)}   "
            f"low {amount(prices.low_fen)}   average {amount(prices.average_fen)} CNY\n{line}"
        )
    return Text(line)


def _levels(book: query.Book) -> RenderableType:
    """Buyers on the left, sellers on the right, best prices on top, so that the spread stands in the middle."""
    table = Table(box=RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for heading in ("listings to sell to", "tonnes", "BUY at CNY"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for heading, justify in (("SELL at CNY", "left"), ("tonnes", "right"), ("listings to buy from", "left")):
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    if not book.bids and not book.asks:
        return Text("The book is empty: `carbonmarket orders place --help` shows how to put a listing in.")
    for place in range(max(len(book.bids), len(book.asks))):
        bid = _cells(book.bids[place]) if place < len(book.bids) else ("", "", "")
        ask = _cells(book.asks[place]) if place < len(book.asks) else ("", "", "")
        table.add_row(*map(Text, (bid[2], bid[1], bid[0], "│", ask[0], ask[1], ask[2])))
    return table


def _cells(level: query.BookLevel) -> tuple[str, str, str]:
    shown = [f"#{listing.order_id}  {tonnes(listing.quantity_tonnes):>7}" for listing in level.listings]
    if len(shown) > LISTINGS_SHOWN_MAX:
        left = len(shown) - LISTINGS_SHOWN_MAX + 1
        shown = [*shown[: LISTINGS_SHOWN_MAX - 1], f"and {left} more"]
    return amount(level.price_fen), tonnes(level.quantity_tonnes), "\n".join(shown)

"""The book: buyers on the left, sellers on the right, best prices on top."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket_client.screens.layout import (
    RULE,
)
from carbonmarket_client.values import amount, tonnes

WIDEST = 1_000
"""Wider than any book, to see how wide one is."""
LISTINGS_SHOWN_MAX = 6
"""So many listings of a level are shown; `--json` has them all."""


def book_screen(picture: trading.StreamMarketDataResponse) -> RenderableType:
    book, prices = picture.book, picture.prices
    when = f"on {picture.day}" if picture.day else "no day is open"
    title = Text(f"{book.instrument}, {when}, as of trading position {picture.position:,}", style="bold")
    return Group(title, _prices_line(prices), Text(), levels_screen(book))


def _prices_line(prices: trading.DayPrices) -> Text:
    if not prices.trades:
        return Text("No trade yet on this day.")
    line = f"trades {prices.trades:,}   listed {tonnes(prices.listed_tonnes)} t   block {tonnes(prices.block_tonnes)} t"
    if prices.listed_tonnes:
        line = (
            f"last {amount(prices.last_fen)}   open {amount(prices.open_fen)}   high {amount(prices.high_fen)}   "
            f"low {amount(prices.low_fen)}   average {amount(prices.average_fen)} CNY\n{line}"
        )
    return Text(line)


def levels_screen(book: trading.Book) -> RenderableType:
    """The best levels alone, as GetBook has them."""
    if not book.bids and not book.asks:
        return Text("The book is empty: `carbonmarket orders place --help` shows how to put a listing in.")
    return _Levels(book)


@dataclass(frozen=True, slots=True)
class _Levels:
    """Side by side with the spread in the middle; one above the other where that is too wide, so that no number is
    cut.
    """

    book: trading.Book

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        wide = _side_by_side(self.book)
        fits = console.measure(wide, options=options.update(max_width=WIDEST)).maximum <= options.max_width
        yield wide if fits else _one_above_the_other(self.book)


def _table() -> Table:
    return Table(box=RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")


def _side_by_side(book: trading.Book) -> Table:
    table = _table()
    for heading in ("listings to sell to", "tonnes", "BUY at CNY"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for heading, justify in (("SELL at CNY", "left"), ("tonnes", "right"), ("listings to buy from", "left")):
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    for place in range(max(len(book.bids), len(book.asks))):
        bid = _cells(book.bids[place]) if place < len(book.bids) else ("", "", "")
        ask = _cells(book.asks[place]) if place < len(book.asks) else ("", "", "")
        table.add_row(*map(Text, (bid[2], bid[1], bid[0], "│", ask[0], ask[1], ask[2])))
    return table


def _one_above_the_other(book: trading.Book) -> Table:
    """Prices fall from the top: the spread is between the two sides."""
    table = _table()
    for heading in ("", "CNY", "tonnes", "listings"):
        table.add_column(heading, justify="left" if heading in ("", "listings") else "right", no_wrap=True)
    for side, levels in (("SELL", reversed(book.asks)), ("BUY", iter(book.bids))):
        for level in levels:
            price, quantity, listings = _cells(level)
            table.add_row(*map(Text, (side, price, quantity, listings)))
    return table


def _cells(level: trading.BookLevel) -> tuple[str, str, str]:
    shown = [f"#{listing.order_id}  {tonnes(listing.quantity_tonnes):>7}" for listing in level.listings]
    if len(shown) > LISTINGS_SHOWN_MAX:
        left = len(shown) - LISTINGS_SHOWN_MAX + 1
        shown = [*shown[: LISTINGS_SHOWN_MAX - 1], f"and {left} more"]
    return amount(level.price_fen), tonnes(level.quantity_tonnes), "\n".join(shown)

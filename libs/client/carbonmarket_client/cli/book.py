"""`book`: the best price levels of an instrument and the listings at each, once or live."""

import click
from rich.live import Live

from carbonmarket_client.cli.app import PICTURES, Session, cli, command
from carbonmarket_client.cli.plain import as_json, plain
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.book import book_screen


@command(cli, "book", ["carbonmarket book CEA", "carbonmarket book CEA --watch", "carbonmarket book CEA --json"])
@click.argument("instrument")
@click.option("--watch", is_flag=True, help="Stay and show every change until Ctrl-C; with --json a line each.")
@click.option("--updates", type=PICTURES, help="Watch so many pictures, then end.")
async def book(market: CarbonMarket, session: Session, instrument: str, watch: bool, updates: int | None) -> None:
    """Show an instrument's best price levels and their listings: what may be taken.

    A listing is taken by its number: `carbonmarket orders take --help`. Levels beyond the best are not shown and
    cannot be taken.
    """
    session.endless = watch
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

"""`book`: the best price levels of an instrument and the listings at each, once or live."""

import click
from rich.console import Console, RenderableType
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
    with Pictures(session.console) as shown:
        seen = 0
        async for picture in pictures:
            shown.show(book_screen(picture))
            seen += 1
            if seen == wanted:
                return


class Pictures:
    """What is shown again and again: in place on a terminal, else one after another, each written at once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> "Pictures":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, screen: RenderableType) -> None:
        if self._live:
            self._live.update(screen, refresh=True)
            return
        self._console.print(screen)
        self._console.print()

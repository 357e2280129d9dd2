"""`days`, `bulletins`, `instruments`, `rules`: the exchange's calendar, what is traded, and by which rules."""

from collections.abc import Sequence
from datetime import timedelta

import click

from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.calendar import CalendarTooShort, proposed_days
from carbonmarket_client.cli.app import DAY, Noun, Session, cli, command, request_id_option
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.errors import NotFound
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.days import bulletin_screens, day_card, days_screen
from carbonmarket_client.screens.pending import another_approves
from carbonmarket_client.values import date_of

DAYS_LISTED_MAX = 100
DAYS_BACK_MAX = 21
"""So far back the last closed day is looked for: beyond the longest holidays."""


@cli.group(cls=Noun)
def days() -> None:
    """Trading days: their state, and opening and closing them."""


@command(days, "show", ["carbonmarket days", "carbonmarket days show 2021-07-16"])
@click.argument("day", type=DAY, required=False)
async def show_day(market: CarbonMarket, session: Session, day: str | None) -> None:
    """Show a trading day and what keeps it from opening. Without a day the open one, else the next, else the last."""
    answer = await market.trading.get_day(day or "")
    session.show(answer, day_card(answer))


@command(days, "list", ["carbonmarket days list", "carbonmarket days list --from 2021-07-16 --to 2021-07-30"])
@click.option("--from", "first", type=DAY, help="From this day on; else from 13 days before the last.")
@click.option("--to", "last", type=DAY, help="Up to this day; else the one `carbonmarket days` shows.")
async def list_days(market: CarbonMarket, session: Session, first: str | None, last: str | None) -> None:
    """List the trading days of a span, at most 100 calendar days of it."""
    until = date_of(last or (await market.trading.get_day()).day)
    since = date_of(first) if first else until - timedelta(days=13)
    span = min((until - since).days + 1, DAYS_LISTED_MAX)
    answers = []
    for offset in range(span):
        try:
            answers.append(await market.trading.get_day((since + timedelta(days=offset)).isoformat()))
        except NotFound:
            continue
    session.show({"days": [plain(answer) for answer in answers]}, days_screen(answers))


@command(days, "open", ["carbonmarket days open 2021-07-16"])
@click.argument("day", type=DAY)
@request_id_option
async def open_day(market: CarbonMarket, session: Session, day: str, request_id: str) -> None:
    """Open a trading day. Earlier days must be settled and the books agreed."""
    answer = await market.trading.open_day(day, request_id=request_id)
    session.done(answer, request_id, f"{day} is open.")


@command(days, "close", ["carbonmarket days close 2021-07-16"])
@click.argument("day", type=DAY)
@request_id_option
async def close_day(market: CarbonMarket, session: Session, day: str, request_id: str) -> None:
    """Close the trading day after its last session. A timer does the same."""
    answer = await market.trading.close_day(day, request_id=request_id)
    session.done(answer, request_id, f"{day} is closed: `carbonmarket bulletins {day}`.")


@command(
    days,
    "announce",
    [
        "carbonmarket days announce 2021-07-16 2021-07-19 2021-07-20",
        "carbonmarket days announce --from 2021-07-16 --to 2021-12-31 --yes",
    ],
)
@click.argument("named", type=DAY, nargs=-1, metavar="[DAY]...")
@click.option("--from", "first", type=DAY, help="Propose from the Shanghai exchange's calendar, from this day on.")
@click.option("--to", "last", type=DAY, help="Up to this day.")
@click.option("--yes", is_flag=True, help="Announce the proposed days without asking.")
@request_id_option
async def announce(
    market: CarbonMarket,
    session: Session,
    named: Sequence[str],
    first: str | None,
    last: str | None,
    yes: bool,
    request_id: str,
) -> None:
    """Announce trading days. They are named, or proposed by a calendar, which a person should look at."""
    if bool(named) == bool(first and last):
        raise click.UsageError("name the days, or give both --from and --to")
    announced = list(named)
    if first and last:
        try:
            announced = proposed_days(first, last)
        except CalendarTooShort as fault:
            raise click.UsageError(str(fault)) from fault
        if not yes and not session.json:
            click.echo("\n".join(announced))
            click.confirm(f"Announce these {len(announced)} days?", abort=True)
    answer = await market.trading.announce_trading_days(announced, request_id=request_id)
    session.done(answer, request_id, f"{len(announced)} trading days are announced, the last of them {announced[-1]}.")


@command(days, "override", ['carbonmarket days override 2021-07-19 --ground "bank away, see ticket 12"'])
@click.argument("day", type=DAY)
@click.option("--ground", required=True, help="Why it opens nevertheless.")
@request_id_option
async def override(market: CarbonMarket, session: Session, day: str, ground: str, request_id: str) -> None:
    """Propose that a day opens in spite of what keeps it closed now. It takes two operators.

    `carbonmarket pending` shows what it would cover. What is unsettled stays blocked.
    """
    answer = await market.trading.override_opening(day, ground, request_id=request_id)
    session.done(answer, request_id, another_approves("trading", answer))


@cli.group(cls=Noun)
def bulletins() -> None:
    """Bulletins: a closed day's prices and volumes."""


@command(bulletins, "show", ["carbonmarket bulletins", "carbonmarket bulletins 2021-07-16 --json"])
@click.argument("day", type=DAY, required=False)
async def show_bulletin(market: CarbonMarket, session: Session, day: str | None) -> None:
    """Show the bulletin of a closed day; without a day of the last one."""
    answer = await market.trading.get_bulletin(day or await last_closed_day(market))
    session.show(answer, *bulletin_screens(answer))


async def last_closed_day(market: CarbonMarket) -> str:
    """The trading day that closed last. Raises a usage error where none did lately."""
    newest = date_of((await market.trading.get_day()).day)
    for back in range(DAYS_BACK_MAX):
        try:
            answer = await market.trading.get_day((newest - timedelta(days=back)).isoformat())
        except NotFound:
            continue
        if answer.phase == types.DAY_PHASE_CLOSED:
            return answer.day
    raise click.UsageError(f"name the DAY: none of the {DAYS_BACK_MAX} days up to {newest} is closed")

"""`instruments`, `rules`: what is traded, and by which rules."""

from collections.abc import Sequence

import click

from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.cli.app import (
    CNY,
    DAY,
    SMALL_COUNT,
    SMALL_NUMBER,
    Noun,
    Session,
    cli,
    command,
    gathered,
    request_id_option,
)
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.instruments import instruments_screens, rules_card
from carbonmarket_client.values import NotANumber, minute_of, number_of, share


@cli.group(cls=Noun)
def instruments() -> None:
    """Instruments: what is traded, between which limits, and at which prices."""


@command(instruments, "show", ["carbonmarket instruments"])
async def show_instruments(market: CarbonMarket, session: Session) -> None:
    """Show every instrument with the open day's limits and prices."""
    answer = await gathered(
        lambda size, token: market.trading.list_instruments(page_size=size, page_token=token), "instruments", 0
    )
    session.show(answer, *instruments_screens(answer))


@command(instruments, "admit", ["carbonmarket instruments admit CEA --from 2021-07-16 --reference 48.00"])
@click.argument("instrument")
@click.option("--from", "day", type=DAY, required=True, help="Its first trading day.")
@click.option("--reference", type=CNY, default=0, help="Reference price, if the market has not begun; none later.")
@request_id_option
async def admit_instrument(
    market: CarbonMarket, session: Session, instrument: str, day: str, reference: int, request_id: str
) -> None:
    """Admit a vintage to trading as an instrument, from a trading day on."""
    answer = await market.trading.admit_instrument(
        instrument, day, reference_price_fen=reference, request_id=request_id
    )
    session.done(answer, request_id, f"{instrument} is admitted to trading from {day} on.")


@command(instruments, "suspend", ['carbonmarket instruments suspend CEA --ground "news pending"'])
@click.argument("instrument", default="", required=False)
@click.option("--ground", required=True, help="Why.")
@request_id_option
async def suspend(market: CarbonMarket, session: Session, instrument: str, ground: str, request_id: str) -> None:
    """Stop trading in an instrument, or in all when none is named. Open orders stay and may be cancelled."""
    answer = await market.trading.suspend_trading(ground, instrument=instrument, request_id=request_id)
    session.done(answer, request_id, f"Trading in {instrument or 'all instruments'} is suspended.")


@command(instruments, "resume", ["carbonmarket instruments resume CEA"])
@click.argument("instrument", default="", required=False)
@request_id_option
async def resume(market: CarbonMarket, session: Session, instrument: str, request_id: str) -> None:
    """Resume trading."""
    answer = await market.trading.resume_trading(instrument=instrument, request_id=request_id)
    session.done(answer, request_id, f"Trading in {instrument or 'all instruments'} goes on.")


@cli.group(cls=Noun)
def rules() -> None:
    """Rules: bands, sizes, hours and fees, each valid from a day on."""


@command(rules, "show", ["carbonmarket rules"])
async def show_rules(market: CarbonMarket, session: Session) -> None:
    """Show the rules and fees of the open day, else of the next."""
    answer = await market.trading.list_instruments()
    shown = {
        "rules": plain(answer.rules) if answer.HasField("rules") else None,
        "buyer_fee_ppm": answer.buyer_fee_ppm,
        "seller_fee_ppm": answer.seller_fee_ppm,
        "position": answer.position,
    }
    session.show(shown, rules_card(answer))


@command(rules, "fees", ['carbonmarket rules fees 2021-07-16 --buyer 500 --seller 500 --source "notice 2021-9"'])
@click.argument("day", type=DAY)
@click.option("--buyer", type=SMALL_COUNT, required=True, help="Parts per million of a day's value.")
@click.option("--seller", type=SMALL_COUNT, required=True, help="Parts per million of a day's value.")
@click.option("--source", required=True, help="Where the fees were announced.")
@request_id_option
async def set_fees(
    market: CarbonMarket, session: Session, day: str, buyer: int, seller: int, source: str, request_id: str
) -> None:
    """Set the fees from a day on."""
    answer = await market.trading.set_fees(
        day, buyer_fee_ppm=buyer, seller_fee_ppm=seller, source=source, request_id=request_id
    )
    session.done(answer, request_id, f"From {day} on buyers pay {share(buyer)}, sellers {share(seller)}.")


@command(rules, "weights", ['carbonmarket rules weights 2026-01-05 CEA25=1 --source "scheme of 2026"'])
@click.argument("day", type=DAY)
@click.argument("weights", nargs=-1, required=True, metavar="INSTRUMENT=WEIGHT...")
@click.option("--source", required=True, help="Where the weights were announced.")
@request_id_option
async def set_weights(
    market: CarbonMarket, session: Session, day: str, weights: Sequence[str], source: str, request_id: str
) -> None:
    """Set the weight of each instrument in the composite price from a day on."""
    pairs = {}
    for pair in weights:
        instrument, equals, weight = pair.partition("=")
        try:
            if not equals or instrument in pairs:
                raise NotANumber
            pairs[instrument] = number_of(weight, 0, 2**31 - 1)
        except NotANumber:
            raise click.UsageError(f"{pair!r} is not INSTRUMENT=WEIGHT, each once, for example CEA25=1") from None
    answer = await market.trading.set_composite_weights(day, pairs, source=source, request_id=request_id)
    session.done(answer, request_id, f"The composite price has new weights from {day} on.")


@command(
    rules,
    "set",
    [
        'carbonmarket rules set 2021-07-16 --source "notices of June 2021"',
        "carbonmarket rules set 2026-01-05 --listed-band-bp 1000 --source ...",
    ],
)
@click.argument("day", type=DAY)
@click.option("--source", required=True, help="Where the rules were announced.")
@click.option("--listed-band-bp", type=SMALL_NUMBER, default=1_000, show_default=True, help="Hundredths of a per cent.")
@click.option("--block-band-bp", type=SMALL_NUMBER, default=3_000, show_default=True, help="Hundredths of a per cent.")
@click.option("--price-tick", type=CNY, default="0.01", show_default=True)
@click.option("--quantity-tick-tonnes", type=SMALL_NUMBER, default=1, show_default=True)
@click.option(
    "--listed-tonnes-max", type=SMALL_NUMBER, default=99_999, show_default=True, help="The largest listed order."
)
@click.option("--block-tonnes-min", type=SMALL_NUMBER, default=100_000, show_default=True, help="The smallest block.")
@click.option("--listed-sessions", default="09:30-11:30,13:00-15:00", show_default=True)
@click.option("--block-sessions", default="13:00-15:00", show_default=True)
@click.option(
    "--book-levels", type=SMALL_NUMBER, default=5, show_default=True, help="Price levels a taker may take from."
)
@click.option(
    "--day-trades-max", type=SMALL_NUMBER, default=0, help="Trades of one day; as many as can be settled by default."
)
@request_id_option
async def set_rules(
    market: CarbonMarket,
    session: Session,
    day: str,
    source: str,
    listed_band_bp: int,
    block_band_bp: int,
    price_tick: int,
    quantity_tick_tonnes: int,
    listed_tonnes_max: int,
    block_tonnes_min: int,
    listed_sessions: str,
    block_sessions: str,
    book_levels: int,
    day_trades_max: int,
    request_id: str,
) -> None:
    """Set the rules of trading from a day on. What is left out has the value of the market's start in 2021."""
    wanted = types.TradingRules(
        valid_from_day=day,
        source=source,
        listed_band_bp=listed_band_bp,
        block_band_bp=block_band_bp,
        price_tick_fen=price_tick,
        quantity_tick_tonnes=quantity_tick_tonnes,
        listed_tonnes_max=listed_tonnes_max,
        block_tonnes_min=block_tonnes_min,
        listed_sessions=sessions_of(listed_sessions),
        block_sessions=sessions_of(block_sessions),
        book_levels=book_levels,
        day_trades_max=day_trades_max,
    )
    answer = await market.trading.set_trading_rules(wanted, request_id=request_id)
    session.done(answer, request_id, f"The rules are set from {day} on.")


def sessions_of(text: str) -> list[types.Session]:
    """Read sessions as `09:30-11:30,13:00-15:00`."""
    sessions = []
    for part in text.split(","):
        try:
            start, end = map(minute_of, part.split("-"))
        except ValueError:
            raise click.UsageError(f"{part!r} is not a session: write 09:30-11:30") from None
        sessions.append(types.Session(open_minute=start, close_minute=end))
    return sessions

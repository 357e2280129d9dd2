"""`days`, `bulletins`, `instruments`, `rules`: the exchange's calendar, what is traded, and by which rules."""

from collections.abc import Sequence
from datetime import date, timedelta

import click
from rich.console import RenderableType

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.calendar import proposed_days
from carbonmarket_client.cli.app import CNY, DAY, Noun, Session, cli, command, request_id_option
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.cli.screens import Screen, card, fact, label, numbers, said, words, yes
from carbonmarket_client.errors import NotFound
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.values import amount, minutes, moment, money, percent, share, tonnes

DAYS_LISTED_MAX = 100


@cli.group(cls=Noun)
def days() -> None:
    """Trading days: where they stand, and opening and closing them."""


@command(days, "show", ["carbonmarket days", "carbonmarket days show 2021-07-16"])
@click.argument("day", type=DAY, default="", required=False)
async def show_day(market: CarbonMarket, session: Session, day: str) -> None:
    """Show a trading day and what keeps it from opening; without a day the open one, else the next, else the last."""
    answer = await market.trading.get_day(day)
    session.show(answer, day_card(answer))


@command(days, "list", ["carbonmarket days list", "carbonmarket days list --from 2021-07-16 --to 2021-07-30"])
@click.option("--from", "first", type=DAY, help="From this day on; else ten days before the last.")
@click.option("--to", "last", type=DAY, help="Up to this day; else the one `carbonmarket days` shows.")
async def list_days(market: CarbonMarket, session: Session, first: str | None, last: str | None) -> None:
    """List the trading days of a span, at most 100 calendar days of it."""
    until = date.fromisoformat(last or (await market.trading.get_day()).day)
    since = date.fromisoformat(first) if first else until - timedelta(days=13)
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
    """Close the trading day after its last session. The clock does the same by itself."""
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
    """Announce trading days: those named, or those a calendar proposes, which a person should look at."""
    if bool(named) == bool(first and last):
        raise click.UsageError("name the days, or give both --from and --to")
    announced = list(named)
    if first and last:
        announced = proposed_days(first, last)
        if not yes and not session.json:
            click.echo("\n".join(announced))
            click.confirm(f"Announce these {len(announced)} days?", abort=True)
    answer = await market.trading.announce_trading_days(announced, request_id=request_id)
    session.done(answer, request_id, f"{len(announced)} trading days are announced, the last of them {announced[-1]}.")


@command(days, "override", ['carbonmarket days override 2021-07-19 --ground "bank away, see minutes 12"'])
@click.argument("day", type=DAY)
@click.option("--ground", required=True, help="Why it opens although an earlier day is not settled.")
@request_id_option
async def override(market: CarbonMarket, session: Session, day: str, ground: str, request_id: str) -> None:
    """Propose, or as a second operator approve, that a day open although an earlier one is not settled."""
    answer = await market.trading.override_opening(day, ground, request_id=request_id)
    sentence = (
        f"Approved: {day} may be opened, what is unsettled stays blocked."
        if answer.approved
        else f"Proposed: another exchange operator approves it by the same command for {day}."
    )
    session.done(answer, request_id, sentence)


@cli.group(cls=Noun)
def bulletins() -> None:
    """Bulletins: a closed day's prices and volumes."""


@command(bulletins, "show", ["carbonmarket bulletins 2021-07-16", "carbonmarket bulletins 2021-07-16 --json"])
@click.argument("day", type=DAY)
async def show_bulletin(market: CarbonMarket, session: Session, day: str) -> None:
    """Show the bulletin of a closed day."""
    answer = await market.trading.get_bulletin(day)
    session.show(answer, *bulletin_screens(answer))


@cli.group(cls=Noun)
def instruments() -> None:
    """Instruments: what is traded, between which limits, and at which prices."""


@command(instruments, "show", ["carbonmarket instruments"])
async def show_instruments(market: CarbonMarket, session: Session) -> None:
    """Show every instrument with the open day's limits and prices."""
    answer = await market.trading.list_instruments()
    session.show(answer, *instruments_screens(answer))


@command(instruments, "list", ["carbonmarket instruments list CEA --from 2021-07-16 --reference 48.00"])
@click.argument("instrument")
@click.option("--from", "day", type=DAY, required=True, help="Its first trading day.")
@click.option("--reference", type=CNY, default=0, help="Reference price of the market's first instrument; none later.")
@request_id_option
async def list_instrument(
    market: CarbonMarket, session: Session, instrument: str, day: str, reference: int, request_id: str
) -> None:
    """List a vintage as an instrument, from a trading day on."""
    answer = await market.trading.list_instrument(instrument, day, reference_price_fen=reference, request_id=request_id)
    session.done(answer, request_id, f"{instrument} is listed from {day} on.")


@command(instruments, "suspend", ['carbonmarket instruments suspend CEA --ground "news pending"'])
@click.argument("instrument", default="", required=False)
@click.option("--ground", required=True, help="Why.")
@request_id_option
async def suspend(market: CarbonMarket, session: Session, instrument: str, ground: str, request_id: str) -> None:
    """Stop trading in an instrument, or in all when none is named. Orders rest and may be cancelled."""
    answer = await market.trading.suspend_trading(ground, instrument=instrument, request_id=request_id)
    session.done(answer, request_id, f"Trading in {instrument or 'all instruments'} is suspended.")


@command(instruments, "resume", ["carbonmarket instruments resume CEA"])
@click.argument("instrument", default="", required=False)
@request_id_option
async def resume(market: CarbonMarket, session: Session, instrument: str, request_id: str) -> None:
    """Let trading go on."""
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
@click.option("--buyer", type=click.IntRange(0), required=True, help="Millionths of a trade's value.")
@click.option("--seller", type=click.IntRange(0), required=True, help="Millionths of a trade's value.")
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
    """Set what each instrument counts for in the composite price from a day on."""
    pairs = {}
    for pair in weights:
        instrument, equals, weight = pair.partition("=")
        if not equals or not weight.isdecimal():
            raise click.UsageError(f"{pair!r} is not INSTRUMENT=WEIGHT, for example CEA25=1")
        pairs[instrument] = int(weight)
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
@click.option("--listed-band-bp", type=int, default=1_000, show_default=True, help="Hundredths of a per cent.")
@click.option("--block-band-bp", type=int, default=3_000, show_default=True, help="Hundredths of a per cent.")
@click.option("--price-tick", type=CNY, default="0.01", show_default=True)
@click.option("--quantity-tick-tonnes", type=int, default=1, show_default=True)
@click.option("--listed-tonnes-max", type=int, default=99_999, show_default=True, help="The largest listed order.")
@click.option("--block-tonnes-min", type=int, default=100_000, show_default=True, help="The smallest block.")
@click.option("--listed-sessions", default="09:30-11:30,13:00-15:00", show_default=True)
@click.option("--block-sessions", default="13:00-15:00", show_default=True)
@click.option("--book-levels", type=int, default=5, show_default=True, help="Price levels a taker may pick from.")
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
    request_id: str,
) -> None:
    """Set the rules of trading from a day on; what is left out is as the market began in 2021."""
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
    )
    answer = await market.trading.set_trading_rules(wanted, request_id=request_id)
    session.done(answer, request_id, f"The rules are set from {day} on.")


def sessions_of(text: str) -> list[types.Session]:
    """Read sessions as `09:30-11:30,13:00-15:00`."""
    sessions = []
    for part in text.split(","):
        try:
            start, end = ([int(number) for number in side.split(":")] for side in part.split("-"))
            sessions.append(types.Session(open_minute=start[0] * 60 + start[1], close_minute=end[0] * 60 + end[1]))
        except (ValueError, IndexError):
            raise click.UsageError(f"{part!r} is not a session: write 09:30-11:30") from None
    return sessions


# Screens


def sessions_text(sessions: Sequence[types.Session]) -> str:
    return ", ".join(f"{minutes(part.open_minute)}-{minutes(part.close_minute)}" for part in sessions) or "-"


def day_card(answer: query.GetDayResponse) -> RenderableType:
    phase = said(answer, "phase")
    rows = [
        ("market's time", moment(answer.now_ms)),
        ("listed agreement", sessions_text(answer.listed_sessions)),
        ("block agreement", sessions_text(answer.block_sessions)),
    ]
    if answer.opened_ms:
        rows.append(("opened", moment(answer.opened_ms)))
    if answer.override_approved_by:
        rows.append(("opened nevertheless by", f"{answer.override_proposed_by} and {answer.override_approved_by}"))
    elif answer.override_proposed_by:
        rows.append(("proposed to open nevertheless", answer.override_proposed_by))
    for obstacle in answer.obstacles:
        named = ", ".join(f"{label(name)} {fact(name, text)}" for name, text in sorted(obstacle.facts.items()))
        rows.append(("cannot open", f"{obstacle.reason} ({named})" if named else obstacle.reason))
    if answer.opened_ms:
        rows.append(("trades", f"{answer.trades:,}, {tonnes(answer.quantity_tonnes)} t, {money(answer.value_fen)}"))
    if answer.closed_ms:
        rows.append(("closed", moment(answer.closed_ms)))
        rows.append(("settled", yes(answer.settled)))
        rows.append(("books agreed", yes(answer.books_agreed)))
    return card(f"{answer.day}: {phase}", rows)


def days_screen(answers: Sequence[query.GetDayResponse]) -> Screen:
    return Screen(
        "Trading days",
        [
            words("day"),
            words("phase"),
            words("settled"),
            words("books agreed"),
            numbers("trades"),
            numbers("tonnes"),
            numbers("value CNY"),
        ],
        [
            (
                answer.day,
                said(answer, "phase"),
                yes(answer.settled),
                yes(answer.books_agreed),
                f"{answer.trades:,}",
                tonnes(answer.quantity_tonnes),
                amount(answer.value_fen),
            )
            for answer in answers
        ],
        "No trading day is announced in this span: `carbonmarket days announce --help`.",
    )


def bulletin_screens(answer: query.GetBulletinResponse) -> list[RenderableType]:
    prices = [
        (
            line.instrument,
            amount(line.open_fen),
            amount(line.high_fen),
            amount(line.low_fen),
            amount(line.close_fen),
            amount(line.previous_close_fen),
            percent(line.change_bp),
        )
        for line in answer.lines
    ]
    if answer.HasField("composite"):
        composite = answer.composite
        prices.append(
            (
                "composite",
                amount(composite.open_fen),
                amount(composite.high_fen),
                amount(composite.low_fen),
                amount(composite.close_fen),
                amount(composite.previous_close_fen),
                percent(composite.change_bp),
            )
        )
    volumes = [
        row
        for line in answer.lines
        for row in (
            (line.instrument, "listed", tonnes(line.listed_tonnes), amount(line.listed_value_fen)),
            ("", "block", tonnes(line.block_tonnes), amount(line.block_value_fen)),
            ("", "this year", tonnes(line.year_tonnes), amount(line.year_value_fen)),
            ("", "since listing", tonnes(line.total_tonnes), amount(line.total_value_fen)),
        )
    ]
    volumes.append(("the day", f"{answer.trades:,} trades", tonnes(answer.quantity_tonnes), amount(answer.value_fen)))
    return [
        Screen(
            f"Bulletin of {answer.day}: prices of listed trades, CNY a tonne",
            [words("instrument"), *map(numbers, ("open", "high", "low", "close", "previous close", "change"))],
            prices,
        ),
        Screen(
            "Volumes",
            [words("instrument"), words("of"), numbers("tonnes"), numbers("value CNY")],
            volumes,
        ),
    ]


def instruments_screens(answer: query.ListInstrumentsResponse) -> list[RenderableType]:
    rows = []
    for known in answer.instruments:
        limits, blocks, prices = "", "", known.prices
        if known.HasField("limits"):
            limits = f"{amount(known.limits.listed_low_fen)} - {amount(known.limits.listed_high_fen)}"
            blocks = f"{amount(known.limits.block_low_fen)} - {amount(known.limits.block_high_fen)}"
        state = (
            f"suspended: {known.suspended_ground}"
            if known.suspended_ground
            else ""
            if known.listed_day
            else "not listed"
        )
        rows.append(
            (
                known.instrument,
                known.listed_day,
                amount(known.previous_close_fen) if known.previous_close_fen else "",
                limits,
                blocks,
                amount(prices.last_fen) if prices.last_fen else "",
                amount(prices.average_fen) if prices.average_fen else "",
                state,
            )
        )
    return [
        Screen(
            "Instruments, CNY a tonne",
            [
                words("instrument"),
                words("listed from"),
                numbers("previous close"),
                numbers("listed limits"),
                numbers("block limits"),
                numbers("last"),
                numbers("average"),
                words("state", wraps=True),
            ],
            rows,
            "There are no instruments yet: the registry creates vintages, `carbonmarket vintages create --help`.",
        )
    ]


def rules_card(answer: query.ListInstrumentsResponse) -> RenderableType:
    if not answer.HasField("rules"):
        return "No rules are set yet: `carbonmarket rules set --help`."
    rules = answer.rules
    return card(
        f"Rules valid from {rules.valid_from_day}",
        [
            ("source", rules.source),
            ("listed price", f"within {percent(rules.listed_band_bp)[1:]} of the previous close"),
            ("block price", f"within {percent(rules.block_band_bp)[1:]} of the previous close"),
            ("price tick", money(rules.price_tick_fen)),
            ("quantity tick", f"{tonnes(rules.quantity_tick_tonnes)} t"),
            ("listed order", f"{tonnes(rules.listed_tonnes_max)} t at most"),
            ("block", f"{tonnes(rules.block_tonnes_min)} t at least"),
            ("listed sessions", sessions_text(rules.listed_sessions)),
            ("block sessions", sessions_text(rules.block_sessions)),
            ("book", f"the best {rules.book_levels} levels of each side may be picked"),
            ("fees", f"buyer {share(answer.buyer_fee_ppm)}, seller {share(answer.seller_fee_ppm)} of the value"),
        ],
    )

"""The live state as protobuf messages: books, prices, days, positions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter, itemgetter

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.codec import codec_of
from chassis.core.decider import Context
from chassis.followers.rows import from_value
from chassis.serving.pages import Page
from chassis.serving.slices import in_slices
from trading.domain.balances import Account
from trading.domain.book import Book, BookSide
from trading.domain.calendar import known_day
from trading.domain.overriding import is_covered, obstacles
from trading.domain.rules import fees_on
from trading.domain.state import Calendar, Day, DayPhase, DayPrices, Instrument, Limits, Market, Session, TradingRules

LIMITS = codec_of(Limits, types.InstrumentLimits)
RULES = codec_of(TradingRules, types.TradingRules)
SESSION = codec_of(Session, types.Session)


def book(instrument: str, live: Book, levels: int) -> pb.Book:
    return pb.Book(
        instrument=instrument,
        bids=book_levels(live.bids, levels),
        asks=book_levels(live.asks, levels),
    )


def book_levels(side: BookSide, levels: int) -> list[pb.BookLevel]:
    return [
        pb.BookLevel(
            price_fen=level.price_fen,
            quantity_tonnes=level.quantity_tonnes,
            listings=[
                pb.Listing(order_id=order.order_id, quantity_tonnes=order.remaining_tonnes)
                for order in level.listings.values()
            ],
        )
        for level in side.best(levels)
    ]


def levels_shown(market: Market) -> int:
    """Return how many price levels of a book are public, by the rules of the last day opened; zero before the first."""
    rules = market.rules.trading.on(market.calendar.last_opened)
    return rules.book_levels if rules else 0


def day_prices(prices: DayPrices) -> pb.DayPrices:
    return from_value(pb.DayPrices, prices)


def instruments(market: Market, page: Page) -> pb.ListInstrumentsResponse:
    calendar = market.calendar
    day = calendar.open_day or next_day(calendar) or calendar.last_opened
    rules = market.rules.trading.on(day)
    fees = fees_on(market.rules, day)
    names = sorted(name for name in market.instruments if name > page.key)
    return pb.ListInstrumentsResponse(
        instruments=[instrument(market, market.instruments[name]) for name in names[: page.rows_max]],
        next_page_token=page.token_after(names[page.rows_max - 1]) if len(names) > page.rows_max else "",
        rules=RULES.encode(rules) if rules else None,
        buyer_fee_ppm=fees.buyer_fee_ppm,
        seller_fee_ppm=fees.seller_fee_ppm,
    )


def instrument(market: Market, live: Instrument) -> pb.Instrument:
    shows_limits = live.limits is not None and live.admitted_on(market.calendar.open_day)
    return pb.Instrument(
        instrument=live.instrument,
        first_day=live.first_day,
        previous_close_fen=live.previous_close_fen,
        limits=LIMITS.encode(live.limits) if live.limits is not None and shows_limits else None,
        prices=day_prices(live.prices),
        suspended_ground=market.suspended_ground or live.suspended_ground,
    )


def next_day(calendar: Calendar) -> str:
    """The first day announced after the last one opened; empty when there is none."""
    after = (day for day in calendar.days if day > calendar.last_opened)
    return next(after, "")


def day(market: Market, name: str, context: Context) -> pb.GetDayResponse:
    """Return the named day; if none is named the open one, else the next, else the last opened.

    Raises NotFound (`DAY_UNKNOWN`).
    """
    calendar = market.calendar
    live: Day = known_day(calendar, name or calendar.open_day or next_day(calendar) or calendar.last_opened)
    rules = market.rules.trading.on(live.day)
    waits = live.phase is DayPhase.ANNOUNCED and live.day > calendar.last_opened
    return pb.GetDayResponse(
        day=live.day,
        phase=types.DayPhase.ValueType(live.phase),
        listed_sessions=[SESSION.encode(one) for one in rules.listed_sessions] if rules else [],
        block_sessions=[SESSION.encode(one) for one in rules.block_sessions] if rules else [],
        obstacles=[
            pb.OpeningObstacle(
                reason=refusal.reason,
                facts={name: str(value) for name, value in refusal.facts.items()},
                subject=obstacle.subject,
                covered=is_covered(market, obstacle),
            )
            for obstacle, refusal in (obstacles(market, live.day, context) if waits else {}).items()
        ],
        override_proposed_by=live.override_proposed_by,
        override_approved_by=live.override_approved_by,
        settled=live.settled,
        books_agreed=live.books_agreed,
        trades=live.whole.trades,
        quantity_tonnes=live.whole.quantity_tonnes,
        value_fen=live.whole.value_fen,
        first_trade_id=live.first_trade_id,
        last_trade_id=live.last_trade_id,
        opened_ms=live.opened_ms,
        closed_ms=live.closed_ms,
        now_ms=context.now_ms,
    )


def position(account: Account) -> pb.GetPositionResponse:
    funds = account.funds
    return pb.GetPositionResponse(
        account=account.account,
        eligible_to_trade=account.eligible_to_trade,
        stopped_ground=account.stopped_ground,
        units=[from_value(pb.UnitPosition, units, instrument=name) for name, units in sorted(account.units.items())],
        funds=from_value(pb.FundPosition, funds),
    )


UNITS = (
    "available_tonnes",
    "locked_tonnes",
    "bought_tonnes",
    "blocked_tonnes",
    "bought_unsettled_tonnes",
    "sold_unsettled_tonnes",
)
units_of = attrgetter(*UNITS)
FUNDS = ("total_fen", "paid_unsettled_fen", "received_unsettled_fen", "blocked_fen")
funds_of = attrgetter(*FUNDS)
ACCOUNTS_IN_A_SLICE = 40
"""Each may have units of every vintage."""


@dataclass(frozen=True, slots=True)
class Positions:
    """What every account had at one position of the log, as plain numbers in the order of the names above."""

    accounts: list[tuple[str, tuple[str, ...], list[tuple[int, ...]], tuple[int, ...]]]
    """Each account's instruments, its units of each of them, and its funds."""
    returning_tonnes: Mapping[tuple[str, str], int]
    releasing_fen: Mapping[str, int]
    heard_clearing_entry_number: int
    settled_day: str


def copy_positions(market: Market) -> Positions:
    """Copy numbers only: this is one step of the writer, and 250,000 messages would hold it for a second."""
    returning: Counter[tuple[str, str]] = Counter()
    for one in market.returns.values():
        returning[one.account, one.instrument] += one.quantity_tonnes
    releasing: Counter[str] = Counter()
    for release in market.releases.values():
        releasing[release.account] += release.amount_fen
    return Positions(
        [
            (name, tuple(account.units), list(map(units_of, account.units.values())), funds_of(account.funds))
            for name, account in market.accounts.items()
        ],
        returning,
        releasing,
        market.entries_counted.last,
        market.calendar.last_settled,
    )


async def all_positions(copied: Positions) -> pb.GetAllPositionsResponse:
    """Return every account's units (tonnes) and funds (fen), with what is in flight, for the reconciliation."""
    answer = pb.GetAllPositionsResponse(
        heard_clearing_entry_number=copied.heard_clearing_entry_number, settled_day=copied.settled_day
    )
    accounts = sorted(copied.accounts, key=itemgetter(0))
    async for some in in_slices(accounts, ACCOUNTS_IN_A_SLICE):
        for account, instruments, units, funds in some:
            for instrument, numbers in sorted(zip(instruments, units, strict=True)):
                returning_tonnes = copied.returning_tonnes.get((account, instrument), 0)
                if any(numbers) or returning_tonnes:
                    answer.units.append(account_units(account, instrument, numbers, returning_tonnes))
            releasing_fen = copied.releasing_fen.get(account, 0)
            if any(funds) or releasing_fen:
                answer.funds.add(
                    account=account,
                    releases_unacknowledged_fen=releasing_fen,
                    **dict(zip(FUNDS, funds, strict=True)),
                )
    return answer


def account_units(account: str, instrument: str, numbers: tuple[int, ...], returning_tonnes: int) -> pb.AccountUnits:
    available, locked, bought, blocked, bought_unsettled, sold_unsettled = numbers
    return pb.AccountUnits(
        account=account,
        instrument=instrument,
        total_tonnes=available + locked + bought + blocked,
        blocked_tonnes=blocked,
        bought_unsettled_tonnes=bought_unsettled,
        sold_unsettled_tonnes=sold_unsettled,
        returns_unacknowledged_tonnes=returning_tonnes,
    )

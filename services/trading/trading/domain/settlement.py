"""Settlement on trading's side: what clearing reports of trades and days, and T+1 (rulebook 3.6).

Clearing settles; trading hears of it trade by trade. A settled purchase becomes sellable when the next day opens
(AllowancesReleased). So T+1 holds, and a purchase that settles late is released at the opening after its settlement.

A trade that two people excluded from its run is blocked. The seller's units, and as much of the buyer's money as
clearing states, stay in trading and cannot be used. The buyer gets back the rest of what the trade would have cost, and
the seller's proceeds are taken back. Clearing alone decides how much money an excluded trade blocks, so that both
services let the same amount leave. Proceeds that the seller has spent already are owed, until trading hears, a few
records later, that the purchases paid with them are excluded too.

Invariants: a trade settles once or is blocked once; only a settled trade is released, once, on a later day than its
own; the blocked money is what clearing stated.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from chassis.core.decider import Context, Decide, Evolve, Rejected, Timer, applies, handles, merged
from trading.domain.calendar import known_day
from trading.domain.restriction import returns_when_released, wound_up_by_settling
from trading.domain.state import DayPhase, Market, Settlement, Trade
from trading.domain.values import differing_facts

RELEASES_PER_PAGE_MAX = 500
"""In one decision: an opening releases the first page and a timer the others, so that none occupies the writer long."""

# Commands


@dataclass(frozen=True, slots=True)
class MarkTradeSettled:
    """Heard: the trade was delivered and paid."""

    trade_id: int
    buyer: str
    seller: str
    instrument: str
    quantity_tonnes: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class BlockTrade:
    """Heard: two people excluded the trade from its run."""

    trade_id: int
    blocked_fen: int


@dataclass(frozen=True, slots=True)
class NoteSettlementDay:
    """Heard: every trade of the day is settled or excluded."""

    day: str


@dataclass(frozen=True, slots=True)
class NoteBooksAgreement:
    """Heard: the three books were compared after the day. `disagreement` names what differs; empty if they agreed."""

    day: str
    agreed: bool
    disagreement: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseAllowances:
    """From the timer: release the next page of the purchases that an opening releases, from this trade on."""

    trade_id: int


# Events


@dataclass(frozen=True, slots=True)
class TradeMarkedSettled:
    trade_id: int


@dataclass(frozen=True, slots=True)
class TradeBlocked:
    trade_id: int
    buyer: str
    seller: str
    blocked_fen: int


@dataclass(frozen=True, slots=True)
class SettlementDayNoted:
    day: str


@dataclass(frozen=True, slots=True)
class BooksAgreementNoted:
    day: str
    agreed: bool
    disagreement: str


@dataclass(frozen=True, slots=True)
class AllowancesReleased:
    trade_id: int
    account: str
    instrument: str
    quantity_tonnes: int


# Decisions


def mark_trade_settled(market: Market, command: MarkTradeSettled, context: Context) -> list[object]:
    trade = awaited_trade(market, command.trade_id)
    differing = differing_facts(
        buyer=(trade.buyer, command.buyer),
        seller=(trade.seller, command.seller),
        instrument=(trade.instrument, command.instrument),
        quantity_tonnes=(trade.quantity_tonnes, command.quantity_tonnes),
        value_fen=(trade.value_fen, command.value_fen),
    )
    if differing:
        raise Rejected("TRADE_DIFFERS", trade_id=command.trade_id, **differing)
    settled_fen = market.accounts[trade.buyer].funds.settled_fen
    if trade.buyer_pays_fen > settled_fen:
        raise Rejected(
            "SETTLEMENT_WITHOUT_FUNDS",
            trade_id=command.trade_id,
            account=trade.buyer,
            buyer_pays_fen=trade.buyer_pays_fen,
            settled_fen=settled_fen,
        )

    return [TradeMarkedSettled(trade_id=command.trade_id), *wound_up_by_settling(market, trade)]


def block_trade(market: Market, command: BlockTrade, context: Context) -> list[object]:
    trade = awaited_trade(market, command.trade_id)
    if not 0 <= command.blocked_fen <= trade.buyer_pays_fen:
        raise Rejected(
            "BLOCKED_AMOUNT_OUT_OF_RANGE",
            trade_id=command.trade_id,
            blocked_fen=command.blocked_fen,
            blocked_fen_max=trade.buyer_pays_fen,
        )

    return [
        TradeBlocked(trade_id=command.trade_id, buyer=trade.buyer, seller=trade.seller, blocked_fen=command.blocked_fen)
    ]


def awaited_trade(market: Market, trade_id: int) -> Trade:
    """Return a trade that is neither settled nor blocked. Raises Rejected for any other."""
    trade = market.trades.get(trade_id)
    if trade is None or trade.settlement is not Settlement.AWAITED:
        raise Rejected("TRADE_NOT_AWAITING_SETTLEMENT", trade_id=trade_id)
    return trade


def note_settlement_day(market: Market, command: NoteSettlementDay, context: Context) -> list[object]:
    day = known_day(market.calendar, command.day)
    if day.phase is not DayPhase.CLOSED:
        raise Rejected("DAY_NOT_CLOSED", day=command.day)

    return [SettlementDayNoted(day=command.day)]


def note_books_agreement(market: Market, command: NoteBooksAgreement, context: Context) -> list[object]:
    if command.day not in market.calendar.days and command.day <= market.calendar.last_forgotten:
        # An old day was compared again. It is finished and not in the state any more; whether the books agree now is
        # reported for the newest day.
        return []
    day = known_day(market.calendar, command.day)
    if day.phase is not DayPhase.CLOSED:
        raise Rejected("DAY_NOT_CLOSED", day=command.day)
    if command.agreed == bool(command.disagreement):
        raise Rejected("DISAGREEMENT_UNNAMED", day=command.day, disagreement=command.disagreement)

    return [BooksAgreementNoted(day=command.day, agreed=command.agreed, disagreement=command.disagreement)]


def settled_purchases(market: Market) -> Iterator[int]:
    """Ids of the trades that the opening of a day releases; all are of earlier days (T+1, rulebook 3.6)."""
    return (trade.trade_id for trade in market.trades.values() if trade.settlement is Settlement.SETTLED)


def release_page(market: Market, trade_ids: Iterable[int]) -> list[object]:
    """The events that release the first page of these purchases; units of stopped accounts return to the registry."""
    trades = [market.trades[trade_id] for trade_id in islice(trade_ids, RELEASES_PER_PAGE_MAX)]
    released = ((trade.buyer, trade.instrument, trade.quantity_tonnes) for trade in trades)
    return [
        *(AllowancesReleased(one.trade_id, one.buyer, one.instrument, one.quantity_tonnes) for one in trades),
        *returns_when_released(market, released),
    ]


def release_allowances(market: Market, command: ReleaseAllowances, context: Context) -> list[object]:
    assert market.releasing[0] == command.trade_id, "a timer is decided only while it is due"
    return release_page(market, market.releasing)


def due(market: Market) -> Timer | None:
    """The timer for the next page that the last opening has not released yet; it is due at once."""
    if not market.releasing:
        return None
    trade_id, day = market.releasing[0], market.calendar.last_opened
    return Timer(market.calendar.days[day].opened_ms, f"release/{day}/{trade_id}", ReleaseAllowances(trade_id))


# Changes


def on_trade_marked_settled(market: Market, event: TradeMarkedSettled) -> None:
    trade = market.trades[event.trade_id]
    assert trade.settlement is Settlement.AWAITED
    trade.settlement = Settlement.SETTLED
    buyer, seller = market.accounts[trade.buyer], market.accounts[trade.seller]
    sold_today = trade.day == market.calendar.last_opened
    buyer.units_of(trade.instrument).settle_bought(trade.quantity_tonnes)
    buyer.money().settle_paid(trade.buyer_pays_fen)
    seller.units_of(trade.instrument).settle_sold(trade.quantity_tonnes)
    seller.money().settle_received(trade.seller_receives_fen, sold_today=sold_today)


def on_trade_blocked(market: Market, event: TradeBlocked) -> None:
    trade = market.trades[event.trade_id]
    assert trade.settlement is Settlement.AWAITED
    trade.settlement = Settlement.BLOCKED
    buyer, seller = market.accounts[trade.buyer], market.accounts[trade.seller]
    sold_today = trade.day == market.calendar.last_opened
    buyer.units_of(trade.instrument).exclude_bought(trade.quantity_tonnes)
    buyer.money().exclude_paid(trade.buyer_pays_fen, blocked_fen=event.blocked_fen)
    buyer.trades_blocked += 1
    seller.units_of(trade.instrument).block_sold(trade.quantity_tonnes)
    seller.money().exclude_received(trade.seller_receives_fen, sold_today=sold_today)
    seller.trades_blocked += 1


def on_settlement_day_noted(market: Market, event: SettlementDayNoted) -> None:
    day = market.calendar.days[event.day]
    assert day.phase is DayPhase.CLOSED
    day.settled = True
    market.calendar.last_settled = max(market.calendar.last_settled, event.day)


def on_books_agreement_noted(market: Market, event: BooksAgreementNoted) -> None:
    """Books are cumulative: an agreement after a day is one for all settled days before it."""
    calendar = market.calendar
    day = calendar.days[event.day]
    assert day.phase is DayPhase.CLOSED
    day.books_agreed = event.agreed
    if event.day < calendar.last_compared:
        return
    calendar.last_compared = event.day
    calendar.disagreement = event.disagreement
    if event.agreed:
        for earlier in calendar.days.values():
            earlier.books_agreed |= earlier.settled and earlier.day <= event.day


def on_allowances_released(market: Market, event: AllowancesReleased) -> None:
    first_due = market.releasing.popleft()
    assert first_due == event.trade_id
    trade = market.trades.pop(event.trade_id)
    assert trade.settlement is Settlement.SETTLED
    assert trade.day < market.calendar.last_opened, "T+1"
    assert (trade.buyer, trade.instrument, trade.quantity_tonnes) == (
        event.account,
        event.instrument,
        event.quantity_tonnes,
    )
    market.accounts[event.account].units_of(event.instrument).release(event.quantity_tonnes)


DECIDE: Decide[Market] = merged(
    handles(MarkTradeSettled, mark_trade_settled),
    handles(BlockTrade, block_trade),
    handles(NoteSettlementDay, note_settlement_day),
    handles(NoteBooksAgreement, note_books_agreement),
    handles(ReleaseAllowances, release_allowances),
)

EVOLVE: Evolve[Market] = merged(
    applies(TradeMarkedSettled, on_trade_marked_settled),
    applies(TradeBlocked, on_trade_blocked),
    applies(SettlementDayNoted, on_settlement_day_noted),
    applies(BooksAgreementNoted, on_books_agreement_noted),
    applies(AllowancesReleased, on_allowances_released),
)

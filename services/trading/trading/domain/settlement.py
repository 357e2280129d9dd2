"""Settlement as trading lives it: what clearing says of trades and days, the exchange's confirmation of a run, and T+1.

Clearing settles; trading hears of it trade by trade. A settled purchase waits on until the next day opens
(AllowancesReleased); so T+1 holds, and what settles late is released at the opening after. A trade that two people
took out of its run is blocked: the buyer's money and the seller's units stay here and cannot be used, the seller's
proceeds are taken back. If they were spent, the seller owes them; the purchases they paid are taken out of the run
too, and what is blocked of those covers what is owed.

Before delivery both sides confirm a run (rulebook 4.2, step 5): trading compares it with its own totals of the day.
A difference is an answer, recorded on both sides.

Invariants: a trade settles once or is blocked once; only a settled trade is released, on a later day than its own,
and once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.decider import Context, Decide, Evolve, Malformed, NotPermitted, Rejected
from trading.domain.accounts import Funds, assert_funds, assert_units
from trading.domain.calendar import DayPhase, Total, finish_if_done, known_day
from trading.domain.trades import Settlement, Trade
from trading.domain.values import Method, check_day

if TYPE_CHECKING:
    from trading.domain.market import Market

EXCLUDED_TRADES_MAX = 5_000
DIFFERENCES_MAX = 20
"""As many differing figures a dispute names; their number is stated in full."""


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
    """Heard: two people took the trade out of its run."""

    trade_id: int


@dataclass(frozen=True, slots=True)
class NoteSettlementDay:
    """Heard: every trade of the day is settled or was taken out."""

    day: str


@dataclass(frozen=True, slots=True)
class NoteBooksAgreement:
    """Heard: the three books were compared after the day."""

    day: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class MethodTotal:
    instrument: str
    method: Method
    trades: int
    quantity_tonnes: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class ConfirmClearingRun:
    run_id: int
    day: str
    attempt: int
    trades: int
    quantity_tonnes: int
    value_fen: int
    totals: tuple[MethodTotal, ...]
    excluded_trade_ids: tuple[int, ...]


# Events


@dataclass(frozen=True, slots=True)
class TradeMarkedSettled:
    trade_id: int


@dataclass(frozen=True, slots=True)
class TradeBlocked:
    trade_id: int
    buyer: str
    seller: str


@dataclass(frozen=True, slots=True)
class SettlementDayNoted:
    day: str


@dataclass(frozen=True, slots=True)
class BooksAgreementNoted:
    day: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class AllowancesReleased:
    trade_id: int
    account: str
    instrument: str
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class ClearingRunConfirmed:
    run_id: int
    day: str
    attempt: int
    trades: int
    quantity_tonnes: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class ClearingRunDisputed:
    run_id: int
    day: str
    attempt: int
    reason: str
    # (name, figure), for people.
    facts: tuple[tuple[str, str], ...]


# Decisions


def mark_trade_settled(market: "Market", command: MarkTradeSettled, context: Context) -> list[object]:
    trade = awaited_trade(market, command.trade_id)
    heard = (command.buyer, command.seller, command.instrument, command.quantity_tonnes, command.value_fen)
    made = (trade.buyer, trade.seller, trade.instrument, trade.quantity_tonnes, trade.value_fen)
    if heard != made:
        raise Rejected("TRADE_DIFFERS", trade_id=command.trade_id, made=repr(made), heard=repr(heard))

    return [TradeMarkedSettled(trade_id=command.trade_id)]


def block_trade(market: "Market", command: BlockTrade, context: Context) -> list[object]:
    trade = awaited_trade(market, command.trade_id)

    return [TradeBlocked(trade_id=command.trade_id, buyer=trade.buyer, seller=trade.seller)]


def awaited_trade(market: "Market", trade_id: int) -> Trade:
    trade = market.trades.get(trade_id)
    if trade is None or trade.settlement is not Settlement.AWAITED:
        raise Rejected("TRADE_NOT_AWAITING_SETTLEMENT", trade_id=trade_id)
    return trade


def note_settlement_day(market: "Market", command: NoteSettlementDay, context: Context) -> list[object]:
    day = known_day(market.calendar, command.day)
    if day.phase is not DayPhase.CLOSED:
        raise Rejected("DAY_NOT_CLOSED", day=command.day)

    return [SettlementDayNoted(day=command.day)]


def note_books_agreement(market: "Market", command: NoteBooksAgreement, context: Context) -> list[object]:
    day = known_day(market.calendar, command.day)
    if day.phase is not DayPhase.CLOSED:
        raise Rejected("DAY_NOT_CLOSED", day=command.day)

    return [BooksAgreementNoted(day=command.day, agreed=command.agreed)]


def confirm_clearing_run(market: "Market", command: ConfirmClearingRun, context: Context) -> list[object]:
    if command.run_id < 1:
        raise Malformed("RUN_ID_OUT_OF_RANGE", run_id=command.run_id)
    check_day(command.day)
    if command.attempt < 1:
        raise Malformed("ATTEMPT_OUT_OF_RANGE", attempt=command.attempt)
    if len(command.excluded_trade_ids) > EXCLUDED_TRADES_MAX:
        raise Malformed("TOO_MANY_TRADES", trades=len(command.excluded_trade_ids), trades_max=EXCLUDED_TRADES_MAX)
    if context.name != "clearing":
        raise NotPermitted("NOT_THE_CLEARING_SERVICE", actor=context.actor)

    day = market.calendar.days.get(command.day)
    if day is None or day.phase is not DayPhase.CLOSED:
        return [disputed(command, "DAY_NOT_CLOSED", {"day": command.day})]
    excluded: list[Trade] = []
    for trade_id in dict.fromkeys(command.excluded_trade_ids):
        trade = market.trades.get(trade_id)
        if trade is None or trade.day != command.day or trade.settlement is Settlement.SETTLED:
            return [disputed(command, "EXCLUDED_TRADE_UNKNOWN", {"trade_id": str(trade_id)})]
        excluded.append(trade)
    expected = totals_without(day.whole, day.totals, excluded)
    stated = {(total.instrument, total.method): total for total in command.totals}
    stated_figures = {
        "whole": (command.trades, command.quantity_tonnes, command.value_fen),
        **{figures_name(*key): (one.trades, one.quantity_tonnes, one.value_fen) for key, one in stated.items()},
    }
    differences = {
        name: f"exchange {expected.get(name, NOTHING)}, clearing {stated_figures.get(name, NOTHING)}"
        for name in sorted(expected.keys() | stated_figures.keys())
        if expected.get(name, NOTHING) != stated_figures.get(name, NOTHING)
    }
    if differences:
        named = dict(list(differences.items())[:DIFFERENCES_MAX])
        return [disputed(command, "TOTALS_DIFFER", {"differences": str(len(differences)), **named})]
    return [
        ClearingRunConfirmed(
            run_id=command.run_id,
            day=command.day,
            attempt=command.attempt,
            trades=command.trades,
            quantity_tonnes=command.quantity_tonnes,
            value_fen=command.value_fen,
        )
    ]


Figures = tuple[int, int, int]
NOTHING: Figures = (0, 0, 0)


def totals_without(
    whole: Total, totals: Mapping[tuple[str, Method], Total], excluded: list[Trade]
) -> dict[str, Figures]:
    """The day's own figures (trades, tonnes, fen) without the trades taken out: in whole, and by instrument and
    method.
    """
    figures = {"whole": (whole.trades, whole.quantity_tonnes, whole.value_fen)}
    for key, total in totals.items():
        figures[figures_name(*key)] = (total.trades, total.quantity_tonnes, total.value_fen)
    for trade in excluded:
        for name in ("whole", figures_name(trade.instrument, trade.method)):
            trades, quantity_tonnes, value_fen = figures[name]
            figures[name] = (trades - 1, quantity_tonnes - trade.quantity_tonnes, value_fen - trade.value_fen)
    return figures


def figures_name(instrument: str, method: Method) -> str:
    return f"{instrument}/{method.name.lower()}"


def disputed(command: ConfirmClearingRun, reason: str, facts: Mapping[str, str]) -> ClearingRunDisputed:
    return ClearingRunDisputed(
        run_id=command.run_id,
        day=command.day,
        attempt=command.attempt,
        reason=reason,
        facts=tuple(sorted(facts.items())),
    )


def releases_due(market: "Market", day: str) -> list[AllowancesReleased]:
    """What the opening of a day releases: every settled purchase of an earlier day (T+1, rulebook 3.6)."""
    return [
        AllowancesReleased(
            trade_id=trade.trade_id,
            account=trade.buyer,
            instrument=trade.instrument,
            quantity_tonnes=trade.quantity_tonnes,
        )
        for trade in market.trades.values()
        if trade.settlement is Settlement.SETTLED and trade.day < day
    ]


# Changes


def on_trade_marked_settled(market: "Market", event: TradeMarkedSettled) -> None:
    trade = market.trades[event.trade_id]
    assert trade.settlement is Settlement.AWAITED
    trade.settlement = Settlement.SETTLED
    buyer, seller = market.accounts[trade.buyer], market.accounts[trade.seller]
    bought, sold = buyer.units_of(trade.instrument), seller.units_of(trade.instrument)
    bought.bought_unsettled_tonnes -= trade.quantity_tonnes
    bought.custody_tonnes += trade.quantity_tonnes
    sold.sold_unsettled_tonnes -= trade.quantity_tonnes
    sold.custody_tonnes -= trade.quantity_tonnes
    buyer.funds.paid_unsettled_fen -= trade.buyer_pays_fen
    buyer.funds.settled_fen -= trade.buyer_pays_fen
    take_received(market, seller.funds, trade)
    seller.funds.settled_fen += trade.seller_receives_fen
    assert_units(bought)
    assert_units(sold)
    assert_funds(buyer.funds)
    assert_funds(seller.funds)


def on_trade_blocked(market: "Market", event: TradeBlocked) -> None:
    trade = market.trades[event.trade_id]
    assert trade.settlement is Settlement.AWAITED
    trade.settlement = Settlement.BLOCKED
    buyer, seller = market.accounts[trade.buyer], market.accounts[trade.seller]
    bought, sold = buyer.units_of(trade.instrument), seller.units_of(trade.instrument)
    bought.bought_tonnes -= trade.quantity_tonnes
    bought.bought_unsettled_tonnes -= trade.quantity_tonnes
    sold.sold_unsettled_tonnes -= trade.quantity_tonnes
    sold.blocked_tonnes += trade.quantity_tonnes
    buyer.funds.paid_unsettled_fen -= trade.buyer_pays_fen
    buyer.funds.blocked_fen += trade.buyer_pays_fen
    take_received(market, seller.funds, trade)
    taken_fen = min(seller.funds.available_fen, trade.seller_receives_fen)
    seller.funds.available_fen -= taken_fen
    seller.funds.owed_fen += trade.seller_receives_fen - taken_fen
    for funds in (buyer.funds, seller.funds):
        cover_owed(funds)
        assert_funds(funds)
    assert_units(bought)
    assert_units(sold)


def take_received(market: "Market", funds: Funds, trade: Trade) -> None:
    """The proceeds of a trade are no longer waiting."""
    if trade.day == market.calendar.last_opened:
        funds.received_today_fen -= trade.seller_receives_fen
    else:
        funds.received_earlier_fen -= trade.seller_receives_fen


def cover_owed(funds: Funds) -> None:
    """Money that is blocked for a purchase was owed, if proceeds that were taken back had paid for it."""
    covered_fen = min(funds.owed_fen, funds.blocked_fen)
    funds.owed_fen -= covered_fen
    funds.blocked_fen -= covered_fen


def on_settlement_day_noted(market: "Market", event: SettlementDayNoted) -> None:
    day = market.calendar.days[event.day]
    day.settled = True
    finish_if_done(market.calendar, day)


def on_books_agreement_noted(market: "Market", event: BooksAgreementNoted) -> None:
    day = market.calendar.days[event.day]
    day.books_agreed = event.agreed
    finish_if_done(market.calendar, day)


def on_allowances_released(market: "Market", event: AllowancesReleased) -> None:
    trade = market.trades.pop(event.trade_id)
    assert trade.settlement is Settlement.SETTLED
    assert trade.day < market.calendar.open_day, "T+1"
    assert (trade.buyer, trade.instrument, trade.quantity_tonnes) == (
        event.account,
        event.instrument,
        event.quantity_tonnes,
    )
    units = market.accounts[event.account].units_of(event.instrument)
    units.bought_tonnes -= event.quantity_tonnes
    units.available_tonnes += event.quantity_tonnes
    assert_units(units)


def on_clearing_run_answered(market: "Market", event: ClearingRunConfirmed | ClearingRunDisputed) -> None:
    """Written down for both sides; nothing of trading depends on it."""


DECIDE: Decide = {
    MarkTradeSettled: mark_trade_settled,
    BlockTrade: block_trade,
    NoteSettlementDay: note_settlement_day,
    NoteBooksAgreement: note_books_agreement,
    ConfirmClearingRun: confirm_clearing_run,
}

EVOLVE: Evolve = {
    TradeMarkedSettled: on_trade_marked_settled,
    TradeBlocked: on_trade_blocked,
    SettlementDayNoted: on_settlement_day_noted,
    BooksAgreementNoted: on_books_agreement_noted,
    AllowancesReleased: on_allowances_released,
    ClearingRunConfirmed: on_clearing_run_answered,
    ClearingRunDisputed: on_clearing_run_answered,
}

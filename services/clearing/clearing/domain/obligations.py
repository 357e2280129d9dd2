"""Obligations: every trade, recorded gross as it is heard; nothing is netted (settlement rule art. 7).

A trade obliges the buyer to pay value and fee, and the seller to deliver. It stays until its run settles it
(settlement.py) or two people exclude it (exclusion.py). That none is missing is for the barrier to prove (barrier.py).

Invariants:
- trades are recorded in their order, each at most once;
- no trade is recorded for a day that was closed.
"""

from dataclasses import dataclass

from chassis.decider import Context, Decide, Evolve, Rejected
from clearing.domain.funds import account_of
from clearing.domain.state import DayTotals, Method, Obligation, State

# Commands


@dataclass(frozen=True, slots=True)
class RecordObligation:
    """Heard: a trade was executed."""

    trade_id: int
    day: str
    instrument: str
    method: Method
    price_fen: int
    quantity_tonnes: int
    value_fen: int
    buyer: str
    seller: str
    buyer_fee_fen: int
    seller_fee_fen: int
    trading_position: int
    executed_ms: int


@dataclass(frozen=True, slots=True)
class NoteTradingDays:
    """Heard: trading announced its next days."""

    days: tuple[str, ...]


# Events


@dataclass(frozen=True, slots=True)
class ObligationRecorded:
    trade_id: int
    day: str
    instrument: str
    method: Method
    price_fen: int
    quantity_tonnes: int
    value_fen: int
    buyer: str
    seller: str
    buyer_fee_fen: int
    seller_fee_fen: int
    trading_position: int
    executed_ms: int


@dataclass(frozen=True, slots=True)
class TradingDaysNoted:
    """Only statements use it: they may be objected to before the next trading day opens (settlement rule art. 10)."""

    days: tuple[str, ...]


# Decisions


def record_obligation(state: State, command: RecordObligation, context: Context) -> list[object]:
    if command.trade_id <= state.obligations.trade_last:
        raise Rejected("TRADE_OUT_OF_ORDER", trade_id=command.trade_id, last_trade_id=state.obligations.trade_last)
    account_of(state, command.buyer)
    account_of(state, command.seller)
    if command.day <= state.runs.settled_day or command.day in (run.day for run in state.runs.open.values()):
        raise Rejected("TRADING_DAY_CLOSED", trade_id=command.trade_id, day=command.day)
    if command.value_fen != command.price_fen * command.quantity_tonnes:
        raise Rejected("VALUE_DIFFERS", trade_id=command.trade_id, value_fen=command.value_fen)
    if command.buyer_fee_fen < 0 or not 0 <= command.seller_fee_fen <= command.value_fen:
        raise Rejected(
            "FEE_OUT_OF_RANGE",
            trade_id=command.trade_id,
            buyer_fee_fen=command.buyer_fee_fen,
            seller_fee_fen=command.seller_fee_fen,
        )

    return [
        ObligationRecorded(
            trade_id=command.trade_id,
            day=command.day,
            instrument=command.instrument,
            method=command.method,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            value_fen=command.value_fen,
            buyer=command.buyer,
            seller=command.seller,
            buyer_fee_fen=command.buyer_fee_fen,
            seller_fee_fen=command.seller_fee_fen,
            trading_position=command.trading_position,
            executed_ms=command.executed_ms,
        )
    ]


def note_trading_days(state: State, command: NoteTradingDays, context: Context) -> list[object]:
    return [TradingDaysNoted(command.days)]


# Changes


def on_obligation_recorded(state: State, event: ObligationRecorded) -> None:
    assert event.trade_id > state.obligations.trade_last
    assert event.day > state.runs.settled_day
    assert event.day not in (run.day for run in state.runs.open.values())
    obligation = Obligation(
        trade_id=event.trade_id,
        day=event.day,
        instrument=event.instrument,
        method=event.method,
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer=event.buyer,
        seller=event.seller,
        buyer_fee_fen=event.buyer_fee_fen,
        seller_fee_fen=event.seller_fee_fen,
        trading_position=event.trading_position,
    )
    state.obligations.trade_last = event.trade_id
    state.obligations.unsettled[event.trade_id] = obligation
    before = state.obligations.days.get(event.day, DayTotals())
    state.obligations.days[event.day] = DayTotals(
        trades=before.trades + 1,
        quantity_tonnes=before.quantity_tonnes + event.quantity_tonnes,
        value_fen=before.value_fen + event.value_fen,
        first_trade_id=before.first_trade_id or event.trade_id,
        last_trade_id=event.trade_id,
    )
    state.funds.accounts[event.buyer].unsettled_out_fen += obligation.buyer_pays_fen
    state.funds.accounts[event.seller].unsettled_in_fen += obligation.seller_receives_fen


def on_trading_days_noted(state: State, event: TradingDaysNoted) -> None:
    """Nothing is decided by it."""


DECIDE: Decide = {
    RecordObligation: record_obligation,
    NoteTradingDays: note_trading_days,
}

EVOLVE: Evolve = {
    ObligationRecorded: on_obligation_recorded,
    TradingDaysNoted: on_trading_days_noted,
}

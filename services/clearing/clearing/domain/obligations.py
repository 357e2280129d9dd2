"""Obligations: every trade, recorded gross as it is heard; nothing is netted (settlement rule art. 7).

A trade obliges the buyer to pay value and fee, and the seller to deliver. It stays until its run settles it
(settlement.py) or two people exclude it (exclusion.py). The barrier proves that none is missing (barrier.py).

A trade is recorded late when it was set aside first, and people decide it again after its cause is removed: as long as
its day is not settled, and, once trading has closed the day, only while the run is blocked and lacks just such a trade.

Invariants:
- each trade is recorded at most once, and none that comes before what is settled;
- no day ever has more trades than trading closed it with;
- the trades of two days never mix: all ids of one come before all ids of the other (legs.py reads a day by its range).
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles, known_account, merged
from clearing.domain.state import DayTotals, Phase, State
from clearing.domain.trades import ObligationRecorded

# Commands


@dataclass(frozen=True, slots=True)
class RecordObligation:
    """Heard: a trade was executed."""

    trade: ObligationRecorded


@dataclass(frozen=True, slots=True)
class NoteTradingDays:
    """Heard: trading announced its next days."""

    days: tuple[str, ...]


# Events


@dataclass(frozen=True, slots=True)
class TradingDaysNoted:
    """Only queries use it: other days have no statement, and one may be objected to before the next trading day opens
    (settlement rule art. 10).
    """

    days: tuple[str, ...]


# Decisions


def record_obligation(state: State, command: RecordObligation, context: Context) -> list[object]:
    trade = command.trade
    if trade.trade_id <= state.obligations.settled_last:
        raise Rejected("TRADE_OUT_OF_ORDER", trade_id=trade.trade_id, last_trade_id=state.obligations.settled_last)
    if trade.trade_id in state.obligations.unsettled or trade.trade_id in state.obligations.excluded:
        raise Rejected("TRADE_ALREADY_RECORDED", trade_id=trade.trade_id)
    known_account(state.funds.accounts, trade.buyer)
    known_account(state.funds.accounts, trade.seller)
    if trade.day <= state.runs.settled_day or not is_missing(state, trade):
        raise Rejected("TRADING_DAY_CLOSED", trade_id=trade.trade_id, day=trade.day)
    check_apart(state, trade)
    if trade.value_fen != trade.price_fen * trade.quantity_tonnes:
        raise Rejected("VALUE_DIFFERS", trade_id=trade.trade_id, value_fen=trade.value_fen)
    if trade.buyer_fee_fen < 0 or not 0 <= trade.seller_fee_fen <= trade.value_fen:
        raise Rejected(
            "FEE_OUT_OF_RANGE",
            trade_id=trade.trade_id,
            buyer_fee_fen=trade.buyer_fee_fen,
            seller_fee_fen=trade.seller_fee_fen,
        )

    return [trade]


def is_missing(state: State, trade: ObligationRecorded) -> bool:
    """Whether the day may still have this trade: it is not closed, or its run is blocked and lacks such a one."""
    run = next((run for run in state.runs.open.values() if run.day == trade.day), None)
    if run is None:
        return True
    heard = state.obligations.days.get(run.day, DayTotals())
    return (
        run.phase is Phase.BLOCKED
        and run.closed.first_trade_id <= trade.trade_id <= run.closed.last_trade_id
        and heard.trades < run.closed.trades
        and heard.quantity_tonnes + trade.quantity_tonnes <= run.closed.quantity_tonnes
        and heard.value_fen + trade.value_fen <= run.closed.value_fen
    )


def check_apart(state: State, trade: ObligationRecorded) -> None:
    """With this trade the day's trades must still come before or after those of every other day."""
    known = state.obligations.days | {run.day: run.closed for run in state.runs.open.values()}
    own = known.get(trade.day, DayTotals())
    first = min(own.first_trade_id or trade.trade_id, trade.trade_id)
    last = max(own.last_trade_id, trade.trade_id)
    for day, other in known.items():
        if day != trade.day and first <= other.last_trade_id and other.first_trade_id <= last:
            raise Rejected(
                "TRADE_OF_ANOTHER_DAY",
                trade_id=trade.trade_id,
                day=trade.day,
                other_day=day,
                first_trade_id=other.first_trade_id,
                last_trade_id=other.last_trade_id,
            )


def note_trading_days(state: State, command: NoteTradingDays, context: Context) -> list[object]:
    return [TradingDaysNoted(command.days)]


# Changes


def on_obligation_recorded(state: State, event: ObligationRecorded) -> None:
    assert event.trade_id > state.obligations.settled_last
    assert event.trade_id not in state.obligations.unsettled
    assert event.day > state.runs.settled_day
    assert all(run.phase is Phase.BLOCKED for run in state.runs.open.values() if run.day == event.day)
    is_late = next(reversed(state.obligations.unsettled), 0) > event.trade_id
    state.obligations.unsettled[event.trade_id] = event
    if is_late:
        state.obligations.unsettled = dict(sorted(state.obligations.unsettled.items()))
    before = state.obligations.days.get(event.day, DayTotals())
    state.obligations.days[event.day] = DayTotals(
        trades=before.trades + 1,
        quantity_tonnes=before.quantity_tonnes + event.quantity_tonnes,
        value_fen=before.value_fen + event.value_fen,
        first_trade_id=min(before.first_trade_id or event.trade_id, event.trade_id),
        last_trade_id=max(before.last_trade_id, event.trade_id),
    )
    state.obligations.due.owe(event)
    state.funds.owe(event.buyer, event.buyer_pays_fen, event.seller, event.seller_receives_fen)


def on_trading_days_noted(state: State, event: TradingDaysNoted) -> None:
    """Nothing is decided by it."""


DECIDE: Decide[State] = merged(
    handles(RecordObligation, record_obligation),
    handles(NoteTradingDays, note_trading_days),
)

EVOLVE: Evolve[State] = merged(
    applies(ObligationRecorded, on_obligation_recorded),
    applies(TradingDaysNoted, on_trading_days_noted),
)

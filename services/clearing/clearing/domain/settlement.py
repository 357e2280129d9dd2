"""Settlement: the second half of a run, from trading's confirmation to delivery against payment.

Trading confirms the run, the cash legs are proven, the registry delivers, and every trade is paid in the one decision
that takes the registry's answer. Where it cannot go on the run is blocked, and nothing has moved.

Invariants:
- a trade is delivered if and only if it is paid;
- an order is answered before anything else is tried, so no order is ever taken back;
- every trade of a completed day was settled or excluded, exactly once.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Facts, Rejected, as_facts
from clearing.domain.cash import unfunded
from clearing.domain.funds import assert_conserved, book
from clearing.domain.legs import excluded_of, legs_of
from clearing.domain.reconciliation import ReconciliationOrdered
from clearing.domain.run import ClearingRunBlocked, next_attempt
from clearing.domain.state import DayTotals, Obligation, Phase, Run, State

# Commands


@dataclass(frozen=True, slots=True)
class RecordConfirmation:
    """Trading's answer to ConfirmationOrdered."""

    run_id: int
    attempt: int
    agreed: bool
    reason: str = ""
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class RecordDelivery:
    """The registry's answer to DeliveryOrdered."""

    run_id: int
    attempt: int
    delivered: bool
    registry_position: int = 0
    reason: str = ""
    facts: Facts = ()


# Events


@dataclass(frozen=True, slots=True)
class ClearingRunAgreed:
    run_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ClearingRunDisagreed:
    run_id: int
    attempt: int
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class CashLegsProven:
    run_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class DeliveryOrdered:
    """An order to the registry: calls.py sends it until it is answered."""

    run_id: int
    attempt: int
    day: str


@dataclass(frozen=True, slots=True)
class DeliveryConfirmed:
    run_id: int
    attempt: int
    registry_position: int


@dataclass(frozen=True, slots=True)
class DeliveryVoided:
    run_id: int
    attempt: int
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class TradeSettled:
    trade_id: int
    run_id: int
    day: str
    buyer: str
    seller: str
    instrument: str
    quantity_tonnes: int
    value_fen: int
    buyer_fee_fen: int
    seller_fee_fen: int


@dataclass(frozen=True, slots=True)
class SettlementDayCompleted:
    day: str
    run_id: int
    trades: int
    excluded: int
    quantity_tonnes: int
    value_fen: int


# Decisions


def awaiting(state: State, run_id: int, attempt: int, phase: Phase) -> Run:
    """The run that an answer is for."""
    run = state.runs.open.get(run_id)
    if run is None or run.phase is not phase or run.attempt != attempt:
        raise Rejected("ANSWER_NOT_AWAITED", run_id=run_id, attempt=attempt)
    return run


def record_confirmation(state: State, command: RecordConfirmation, context: Context) -> list[object]:
    run = awaiting(state, command.run_id, command.attempt, Phase.CONFIRMING)
    if not command.agreed:
        return [
            ClearingRunDisagreed(run.run_id, run.attempt, command.reason, command.facts),
            ClearingRunBlocked(run.run_id, run.day, run.attempt, "TRADING_DISAGREES", command.facts),
        ]
    agreed = ClearingRunAgreed(run.run_id, run.attempt)
    legs = legs_of(state, run.day)
    lacking = unfunded(state, legs)
    if lacking:
        first = lacking[0]
        lack = as_facts(
            trade_id=first.obligation.trade_id,
            account=first.obligation.buyer,
            lacking_fen=first.lacking_fen,
            trades=len(lacking),
        )
        return [agreed, ClearingRunBlocked(run.run_id, run.day, run.attempt, "FUNDS_LACKING", lack)]
    proven = CashLegsProven(run.run_id, run.attempt)
    if not legs:
        # Nothing to deliver: a day without trades, or all of them excluded.
        return [agreed, proven, *complete(state, run, legs, context)]
    return [agreed, proven, DeliveryOrdered(run.run_id, run.attempt, run.day)]


def record_delivery(state: State, command: RecordDelivery, context: Context) -> list[object]:
    run = awaiting(state, command.run_id, command.attempt, Phase.DELIVERING)
    if not command.delivered:
        return [
            DeliveryVoided(run.run_id, run.attempt, command.reason, command.facts),
            ClearingRunBlocked(run.run_id, run.day, run.attempt, "DELIVERY_REFUSED", command.facts),
        ]

    # From here on the units have moved: every trade is paid.
    legs = legs_of(state, run.day)
    return [
        DeliveryConfirmed(run.run_id, run.attempt, command.registry_position),
        *(trade_settled(run, leg) for leg in legs),
        *complete(state, run, legs, context),
    ]


def trade_settled(run: Run, leg: Obligation) -> TradeSettled:
    return TradeSettled(
        trade_id=leg.trade_id,
        run_id=run.run_id,
        day=leg.day,
        buyer=leg.buyer,
        seller=leg.seller,
        instrument=leg.instrument,
        quantity_tonnes=leg.quantity_tonnes,
        value_fen=leg.value_fen,
        buyer_fee_fen=leg.buyer_fee_fen,
        seller_fee_fen=leg.seller_fee_fen,
    )


def complete(state: State, run: Run, legs: list[Obligation], context: Context) -> list[object]:
    """The day is done: the books are to be compared, and the next day's run, if it waits, begins."""
    completed = SettlementDayCompleted(
        day=run.day,
        run_id=run.run_id,
        trades=len(legs),
        excluded=len(excluded_of(state, run.day)),
        quantity_tonnes=sum(leg.quantity_tonnes for leg in legs),
        value_fen=sum(leg.value_fen for leg in legs),
    )
    waiting = state.runs.open.get(run.run_id + 1)
    next_day = next_attempt(state, waiting, context) if waiting is not None else []
    ordered = [] if state.books.under_way else [ReconciliationOrdered(run.day)]
    return [completed, *ordered, *next_day]


# Changes


def on_confirmation_step(state: State, event: ClearingRunAgreed | ClearingRunDisagreed | CashLegsProven) -> None:
    run = state.runs.open[event.run_id]
    assert (run.phase, run.attempt) == (Phase.CONFIRMING, event.attempt)


def on_delivery_ordered(state: State, event: DeliveryOrdered) -> None:
    run = state.runs.open[event.run_id]
    assert (run.phase, run.attempt) == (Phase.CONFIRMING, event.attempt)
    run.phase = Phase.DELIVERING


def on_delivery_confirmed(state: State, event: DeliveryConfirmed) -> None:
    run = state.runs.open[event.run_id]
    assert (run.phase, run.attempt) == (Phase.DELIVERING, event.attempt)
    state.runs.registry_position = event.registry_position


def on_delivery_voided(state: State, event: DeliveryVoided) -> None:
    run = state.runs.open[event.run_id]
    assert (run.phase, run.attempt) == (Phase.DELIVERING, event.attempt)


def on_trade_settled(state: State, event: TradeSettled) -> None:
    leg = state.obligations.unsettled.pop(event.trade_id)
    assert leg.day == event.day == state.runs.open[event.run_id].day
    state.funds.accounts[leg.buyer].unsettled_out_fen -= leg.buyer_pays_fen
    state.funds.accounts[leg.seller].unsettled_in_fen -= leg.seller_receives_fen
    book(state.funds, leg.buyer, -leg.buyer_pays_fen)
    book(state.funds, leg.seller, leg.seller_receives_fen)
    state.funds.fees_fen += leg.buyer_fee_fen + leg.seller_fee_fen
    assert_conserved(state.funds)


def on_settlement_day_completed(state: State, event: SettlementDayCompleted) -> None:
    run = state.runs.open.pop(event.run_id)
    totals = state.obligations.days.pop(event.day, DayTotals())
    assert totals == run.closed
    assert totals.trades == event.trades + event.excluded
    assert not legs_of(state, event.day)
    state.runs.settled_day = event.day
    state.obligations.settled_last = max(state.obligations.settled_last, totals.last_trade_id)
    state.books.due.append(event.day)


DECIDE: Decide = {
    RecordConfirmation: record_confirmation,
    RecordDelivery: record_delivery,
}

EVOLVE: Evolve = {
    ClearingRunAgreed: on_confirmation_step,
    ClearingRunDisagreed: on_confirmation_step,
    CashLegsProven: on_confirmation_step,
    DeliveryOrdered: on_delivery_ordered,
    DeliveryConfirmed: on_delivery_confirmed,
    DeliveryVoided: on_delivery_voided,
    TradeSettled: on_trade_settled,
    SettlementDayCompleted: on_settlement_day_completed,
}

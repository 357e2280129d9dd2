"""Settlement: the second half of a run, from trading's confirmation to delivery against payment.

Trading confirms the run, the cash legs are proven, the registry delivers, and every trade is paid. If the run cannot go
on it is blocked, and nothing has moved. Proving and paying are done page by page (pages.py). From DeliveryConfirmed on
every trade of the run will be paid: no later check can prevent it.

Invariants:
- a trade is delivered if and only if it is paid;
- an order is answered before anything else is tried, so no order is ever taken back;
- every trade of a completed day was settled or excluded, exactly once.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Facts, Rejected, applies, as_facts, handles, merged
from clearing.domain import cash
from clearing.domain.banks import forget_replaced
from clearing.domain.legs import excluded_of, legs_after
from clearing.domain.reconciliation import ReconciliationOrdered
from clearing.domain.run import LEGS_PER_PAGE_MAX, ClearingRunBlocked, in_phase, next_attempt
from clearing.domain.state import DayTotals, Phase, Run, State
from clearing.domain.trades import ObligationRecorded

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
class CashChange:
    """What an account has paid and received, in all, when the trades so far are paid."""

    account: str
    change_fen: int


@dataclass(frozen=True, slots=True)
class CashLegsReplayed:
    """A page of cash legs was replayed, in the order of the trades: what that changes the accounts in it by, and
    how many of its trades could not be paid, with the first.
    """

    run_id: int
    attempt: int
    last_trade_id: int
    changes: tuple[CashChange, ...]
    unfunded_trades: int
    first_trade_id: int
    first_buyer: str
    first_lacking_fen: int


@dataclass(frozen=True, slots=True)
class CashLegsProven:
    run_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class DeliveryOrdered:
    """An order to the registry: calls.py sends it until it is answered. It has everything that is ordered, and the
    positions of the pages that list its legs.
    """

    run_id: int
    attempt: int
    day: str
    legs: int
    quantity_tonnes: int
    legs_digest: bytes
    page_positions: tuple[int, ...]


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
    excluded_trades: int
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
    return [ClearingRunAgreed(run.run_id, run.attempt)]


def replay_cash(state: State, run: Run, context: Context) -> list[object]:
    """The next page, or when there is none its outcome."""
    replay = run.replay
    legs = legs_after(state, run, replay.last_trade_id, LEGS_PER_PAGE_MAX)
    if legs:
        page = cash.replay(state, legs, replay.change_fen)
        first = page.unfunded[0] if page.unfunded else None
        return [
            CashLegsReplayed(
                run_id=run.run_id,
                attempt=run.attempt,
                last_trade_id=legs[-1].trade_id,
                changes=tuple(CashChange(account, fen) for account, fen in sorted(cash.changes(state, page).items())),
                unfunded_trades=len(page.unfunded),
                first_trade_id=first.obligation.trade_id if first else 0,
                first_buyer=first.obligation.buyer if first else "",
                first_lacking_fen=first.lacking_fen if first else 0,
            )
        ]
    if replay.unfunded_trades:
        lack = as_facts(
            trade_id=replay.first_trade_id,
            account=replay.first_buyer,
            lacking_fen=replay.first_lacking_fen,
            trades=replay.unfunded_trades,
        )
        return [ClearingRunBlocked(run.run_id, run.day, run.attempt, "FUNDS_LACKING", lack)]
    proven = CashLegsProven(run.run_id, run.attempt)
    listing = run.listing
    if not listing.legs:
        # Nothing to deliver: a day without trades, or all of them excluded.
        return [proven, *complete(state, run, context)]
    ordered = DeliveryOrdered(
        run_id=run.run_id,
        attempt=run.attempt,
        day=run.day,
        legs=listing.legs,
        quantity_tonnes=listing.quantity_tonnes,
        legs_digest=listing.legs_digest,
        page_positions=tuple(listing.page_positions),
    )
    return [proven, ordered]


def record_delivery(state: State, command: RecordDelivery, context: Context) -> list[object]:
    run = awaiting(state, command.run_id, command.attempt, Phase.DELIVERING)
    if not command.delivered:
        return [
            DeliveryVoided(run.run_id, run.attempt, command.reason, command.facts),
            ClearingRunBlocked(run.run_id, run.day, run.attempt, "DELIVERY_REFUSED", command.facts),
        ]

    # From here on the units have moved: every trade is paid, page by page.
    return [DeliveryConfirmed(run.run_id, run.attempt, command.registry_position)]


def pay_trades(state: State, run: Run, context: Context) -> list[object]:
    """The next page, or when there is none the day's completion."""
    legs = legs_after(state, run, run.payment.last_trade_id, LEGS_PER_PAGE_MAX)
    return [trade_settled(run, leg) for leg in legs] if legs else complete(state, run, context)


def trade_settled(run: Run, leg: ObligationRecorded) -> TradeSettled:
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


def complete(state: State, run: Run, context: Context) -> list[object]:
    """The day is done: the books are to be compared, and the next day's run, if it waits, begins."""
    completed = SettlementDayCompleted(
        day=run.day,
        run_id=run.run_id,
        trades=run.payment.trades,
        excluded_trades=len(excluded_of(state, run.day)),
        quantity_tonnes=run.payment.quantity_tonnes,
        value_fen=run.payment.value_fen,
    )
    waiting = state.runs.open.get(run.run_id + 1)
    next_day = next_attempt(state, waiting, context) if waiting is not None else []
    ordered = [] if state.books.under_way else [ReconciliationOrdered(run.day)]
    return [completed, *ordered, *next_day]


# Changes


def on_clearing_run_agreed(state: State, event: ClearingRunAgreed) -> None:
    in_phase(state, event.run_id, event.attempt, Phase.CONFIRMING).phase = Phase.PROVING


def on_clearing_run_disagreed(state: State, event: ClearingRunDisagreed) -> None:
    in_phase(state, event.run_id, event.attempt, Phase.CONFIRMING)


def on_cash_legs_replayed(state: State, event: CashLegsReplayed) -> None:
    replay = in_phase(state, event.run_id, event.attempt, Phase.PROVING).replay
    assert event.last_trade_id > replay.last_trade_id
    replay.last_trade_id = event.last_trade_id
    for change in event.changes:
        replay.change_fen[change.account] = change.change_fen
    if event.unfunded_trades and not replay.unfunded_trades:
        replay.first_trade_id, replay.first_buyer = event.first_trade_id, event.first_buyer
        replay.first_lacking_fen = event.first_lacking_fen
    replay.unfunded_trades += event.unfunded_trades


def on_cash_legs_proven(state: State, event: CashLegsProven) -> None:
    run = in_phase(state, event.run_id, event.attempt, Phase.PROVING)
    assert run.replay.last_trade_id == run.listing.last_trade_id
    assert not run.replay.unfunded_trades


def on_delivery_ordered(state: State, event: DeliveryOrdered) -> None:
    in_phase(state, event.run_id, event.attempt, Phase.PROVING).phase = Phase.DELIVERING


def on_delivery_confirmed(state: State, event: DeliveryConfirmed) -> None:
    in_phase(state, event.run_id, event.attempt, Phase.DELIVERING).phase = Phase.PAYING
    state.runs.registry_position = event.registry_position


def on_delivery_voided(state: State, event: DeliveryVoided) -> None:
    in_phase(state, event.run_id, event.attempt, Phase.DELIVERING)


def on_trade_settled(state: State, event: TradeSettled) -> None:
    run = state.runs.open[event.run_id]
    leg = state.obligations.unsettled.pop(event.trade_id)
    assert run.phase is Phase.PAYING
    assert leg.day == event.day == run.day
    payment = run.payment
    assert payment.last_trade_id < leg.trade_id
    payment.last_trade_id = leg.trade_id
    payment.trades += 1
    payment.quantity_tonnes += leg.quantity_tonnes
    payment.value_fen += leg.value_fen
    state.obligations.due.settle(leg)
    state.funds.settle(leg.buyer, leg.buyer_pays_fen, leg.seller, leg.seller_receives_fen)


def on_settlement_day_completed(state: State, event: SettlementDayCompleted) -> None:
    run = state.runs.open.pop(event.run_id)
    totals = state.obligations.days.pop(event.day, DayTotals())
    assert totals == run.closed
    assert totals.trades == event.trades + event.excluded_trades
    assert event.trades == run.payment.trades == run.listing.legs
    state.runs.settled_day = event.day
    forget_replaced(state)
    state.obligations.settled_last = max(state.obligations.settled_last, totals.last_trade_id)
    state.books.due.append(event.day)


DECIDE: Decide[State] = merged(
    handles(RecordConfirmation, record_confirmation),
    handles(RecordDelivery, record_delivery),
)

EVOLVE: Evolve[State] = merged(
    applies(ClearingRunAgreed, on_clearing_run_agreed),
    applies(ClearingRunDisagreed, on_clearing_run_disagreed),
    applies(CashLegsReplayed, on_cash_legs_replayed),
    applies(CashLegsProven, on_cash_legs_proven),
    applies(DeliveryOrdered, on_delivery_ordered),
    applies(DeliveryConfirmed, on_delivery_confirmed),
    applies(DeliveryVoided, on_delivery_voided),
    applies(TradeSettled, on_trade_settled),
    applies(SettlementDayCompleted, on_settlement_day_completed),
)

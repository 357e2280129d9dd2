"""The run: one trading day's clearing, from its close to its delivery against payment. docs/settlement.md draws it.

A run is opened when trading's close of the day is heard. Its attempt goes straight down this file: the barrier holds,
the legs are computed, trading confirms, the cash legs are proven, the registry delivers, every trade is settled.
Where it cannot go on it is blocked: whole, with its reason, and nothing has moved. An attempt that was ordered from
another service is awaited before anything else can be tried, so no order is ever taken back; a new attempt begins
again at the barrier.

Days are settled in their order: a later run waits until the earlier one is completed, and then begins by itself.

Invariants:
- a trade is delivered if and only if it is paid: both happen in the one decision that takes the registry's answer;
- a run is in one phase; only a blocked run is retried or loses trades;
- every trade of a completed day was settled or excluded, exactly once.
"""

from collections.abc import Set
from dataclasses import dataclass

from chassis.decider import Context, Decide, Evolve, NotFound, Rejected
from clearing.domain.cash import unfunded
from clearing.domain.funds import book
from clearing.domain.reconciliation import ReconciliationOrdered
from clearing.domain.state import DayTotals, Facts, Method, Obligation, Phase, Run, RunTotal, State

LEGS_PER_PAGE_MAX = 500
RUN_TRADES_MAX = 20_000
"""What the registry takes in one delivery; twenty times the busiest year's average day."""

# Commands


@dataclass(frozen=True, slots=True)
class OpenRun:
    """Heard: trading closed the day."""

    day: str
    trades: int
    quantity_tonnes: int
    value_fen: int
    first_trade_id: int
    last_trade_id: int
    trading_position: int


@dataclass(frozen=True, slots=True)
class RetryRun:
    run_id: int


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
class ClearingRunOpened:
    run_id: int
    day: str
    trades: int
    quantity_tonnes: int
    value_fen: int
    first_trade_id: int
    last_trade_id: int
    trading_position: int


@dataclass(frozen=True, slots=True)
class ClearingRunBlocked:
    run_id: int
    day: str
    attempt: int
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class ClearingRunComputed:
    run_id: int
    day: str
    attempt: int
    trades: int
    quantity_tonnes: int
    value_fen: int
    buyers_pay_fen: int
    sellers_receive_fen: int
    fees_fen: int
    pages: int
    excluded: int
    totals: tuple[RunTotal, ...]


@dataclass(frozen=True, slots=True)
class RunLeg:
    trade_id: int
    instrument: str
    quantity_tonnes: int
    seller: str
    buyer: str
    buyer_pays_fen: int
    seller_receives_fen: int


@dataclass(frozen=True, slots=True)
class ClearingRunLegsListed:
    run_id: int
    attempt: int
    page: int
    legs: tuple[RunLeg, ...]


@dataclass(frozen=True, slots=True)
class ConfirmationOrdered:
    """An order to trading: calls.py sends it until it is answered."""

    run_id: int
    attempt: int
    day: str


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


# What a run holds


def legs_of(state: State, day: str, without: Set[int] = frozenset()) -> list[Obligation]:
    """The day's obligations that are to be settled, in the order of their trades."""
    return [leg for leg in state.obligations.unsettled.values() if leg.day == day and leg.trade_id not in without]


def excluded_of(state: State, day: str, without: Set[int] = frozenset()) -> list[int]:
    """The day's trades that are taken out, ascending: those that already are, and those about to be."""
    return sorted({trade_id for trade_id, leg in state.obligations.excluded.items() if leg.day == day} | without)


def totals_of(legs: list[Obligation]) -> tuple[RunTotal, ...]:
    """Per instrument and method, by name."""
    groups: dict[tuple[str, Method], list[Obligation]] = {}
    for leg in legs:
        groups.setdefault((leg.instrument, leg.method), []).append(leg)
    return tuple(
        RunTotal(
            instrument,
            method,
            trades=len(group),
            quantity_tonnes=sum(leg.quantity_tonnes for leg in group),
            value_fen=sum(leg.value_fen for leg in group),
        )
        for (instrument, method), group in sorted(groups.items())
    )


def facts(**named: int | str) -> Facts:
    return tuple(sorted((name, str(value)) for name, value in named.items()))


# Opening


def open_run(state: State, command: OpenRun, context: Context) -> list[object]:
    days = [state.runs.settled_day, *(run.day for run in state.runs.open.values())]
    if command.day <= max(days):
        raise Rejected("DAY_OUT_OF_ORDER", day=command.day, last_day=max(days))

    opened = ClearingRunOpened(
        run_id=state.runs.run_last + 1,
        day=command.day,
        trades=command.trades,
        quantity_tonnes=command.quantity_tonnes,
        value_fen=command.value_fen,
        first_trade_id=command.first_trade_id,
        last_trade_id=command.last_trade_id,
        trading_position=command.trading_position,
    )
    run = run_opened(opened)
    if state.runs.open:
        earliest = next(iter(state.runs.open.values()))
        why = facts(earlier_day=earliest.day)
        return [opened, ClearingRunBlocked(run.run_id, run.day, run.attempt, "EARLIER_DAY_NOT_SETTLED", why)]
    return [opened, *next_attempt(state, run, context)]


def blocked_run(state: State, run_id: int) -> Run:
    if not 1 <= run_id <= state.runs.run_last:
        raise NotFound("RUN_UNKNOWN", run_id=run_id)
    run = state.runs.open.get(run_id)
    if run is None:
        raise Rejected("RUN_COMPLETED", run_id=run_id)
    if run.phase is not Phase.BLOCKED:
        raise Rejected("RUN_NOT_BLOCKED", run_id=run_id, phase=run.phase)
    return run


def retry_run(state: State, command: RetryRun, context: Context) -> list[object]:
    run = blocked_run(state, command.run_id)
    earliest = next(iter(state.runs.open.values()))
    if run is not earliest:
        raise Rejected("EARLIER_DAY_NOT_SETTLED", run_id=run.run_id, earlier_day=earliest.day)

    return next_attempt(state, run, context)


# The straight line of an attempt


def next_attempt(state: State, run: Run, context: Context, without: Set[int] = frozenset()) -> list[object]:
    """The barrier, then the legs. `without` are trades that this decision excludes."""
    attempt = run.attempt + 1
    blocked = barrier(state, run, context)
    if blocked is not None:
        return [ClearingRunBlocked(run.run_id, run.day, attempt, *blocked)]
    return compute(state, run, attempt, without)


def barrier(state: State, run: Run, context: Context) -> tuple[str, Facts] | None:
    """Was everything heard? Trading's log has no gaps and its close of the day comes last: the totals must agree."""
    if context.set_aside:
        return "HEARD_EVENTS_SET_ASIDE", facts(set_aside=context.set_aside)
    heard = state.obligations.days.get(run.day, DayTotals())
    if heard != run.closed:
        return "TOTALS_DIFFER", facts(
            trades=heard.trades,
            trades_closed=run.closed.trades,
            quantity_tonnes=heard.quantity_tonnes,
            quantity_tonnes_closed=run.closed.quantity_tonnes,
            value_fen=heard.value_fen,
            value_fen_closed=run.closed.value_fen,
            first_trade_id=heard.first_trade_id,
            first_trade_id_closed=run.closed.first_trade_id,
            last_trade_id=heard.last_trade_id,
            last_trade_id_closed=run.closed.last_trade_id,
        )
    if heard.trades > RUN_TRADES_MAX:
        return "TOO_MANY_TRADES", facts(trades=heard.trades, trades_max=RUN_TRADES_MAX)
    return None


def compute(state: State, run: Run, attempt: int, without: Set[int]) -> list[object]:
    legs = legs_of(state, run.day, without)
    pages = [legs[start : start + LEGS_PER_PAGE_MAX] for start in range(0, len(legs), LEGS_PER_PAGE_MAX)]
    computed = ClearingRunComputed(
        run_id=run.run_id,
        day=run.day,
        attempt=attempt,
        trades=len(legs),
        quantity_tonnes=sum(leg.quantity_tonnes for leg in legs),
        value_fen=sum(leg.value_fen for leg in legs),
        buyers_pay_fen=sum(leg.buyer_pays_fen for leg in legs),
        sellers_receive_fen=sum(leg.seller_receives_fen for leg in legs),
        fees_fen=sum(leg.buyer_fee_fen + leg.seller_fee_fen for leg in legs),
        pages=len(pages),
        excluded=len(excluded_of(state, run.day, without)),
        totals=totals_of(legs),
    )
    listed = [
        ClearingRunLegsListed(run.run_id, attempt, number, tuple(run_leg(leg) for leg in page))
        for number, page in enumerate(pages, start=1)
    ]
    return [computed, *listed, ConfirmationOrdered(run.run_id, attempt, run.day)]


def run_leg(leg: Obligation) -> RunLeg:
    return RunLeg(
        trade_id=leg.trade_id,
        instrument=leg.instrument,
        quantity_tonnes=leg.quantity_tonnes,
        seller=leg.seller,
        buyer=leg.buyer,
        buyer_pays_fen=leg.buyer_pays_fen,
        seller_receives_fen=leg.seller_receives_fen,
    )


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
        lack = facts(
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
    return [completed, ReconciliationOrdered(run.day), *next_day]


# Changes


def run_opened(event: ClearingRunOpened) -> Run:
    closed = DayTotals(
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        first_trade_id=event.first_trade_id,
        last_trade_id=event.last_trade_id,
    )
    return Run(event.run_id, event.day, closed)


def on_clearing_run_opened(state: State, event: ClearingRunOpened) -> None:
    assert event.run_id == state.runs.run_last + 1
    state.runs.run_last = event.run_id
    state.runs.open[event.run_id] = run_opened(event)


def on_clearing_run_blocked(state: State, event: ClearingRunBlocked) -> None:
    run = state.runs.open[event.run_id]
    run.phase = Phase.BLOCKED
    run.attempt = event.attempt
    run.reason = event.reason
    run.proposal = None


def on_clearing_run_computed(state: State, event: ClearingRunComputed) -> None:
    run = state.runs.open[event.run_id]
    assert run.phase is Phase.BLOCKED
    assert event.attempt == run.attempt + 1
    run.phase = Phase.CONFIRMING
    run.attempt = event.attempt
    run.reason = ""
    run.totals = event.totals
    run.proposal = None


def on_clearing_run_legs_listed(state: State, event: ClearingRunLegsListed) -> None:
    assert state.runs.open[event.run_id].attempt == event.attempt


def on_confirmation_step(
    state: State, event: ConfirmationOrdered | ClearingRunAgreed | ClearingRunDisagreed | CashLegsProven
) -> None:
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


def on_settlement_day_completed(state: State, event: SettlementDayCompleted) -> None:
    run = state.runs.open.pop(event.run_id)
    totals = state.obligations.days.pop(event.day, DayTotals())
    assert totals == run.closed
    assert totals.trades == event.trades + event.excluded
    assert not legs_of(state, event.day)
    state.runs.settled_day = event.day


DECIDE: Decide = {
    OpenRun: open_run,
    RetryRun: retry_run,
    RecordConfirmation: record_confirmation,
    RecordDelivery: record_delivery,
}

EVOLVE: Evolve = {
    ClearingRunOpened: on_clearing_run_opened,
    ClearingRunBlocked: on_clearing_run_blocked,
    ClearingRunComputed: on_clearing_run_computed,
    ClearingRunLegsListed: on_clearing_run_legs_listed,
    ConfirmationOrdered: on_confirmation_step,
    ClearingRunAgreed: on_confirmation_step,
    ClearingRunDisagreed: on_confirmation_step,
    CashLegsProven: on_confirmation_step,
    DeliveryOrdered: on_delivery_ordered,
    DeliveryConfirmed: on_delivery_confirmed,
    DeliveryVoided: on_delivery_voided,
    TradeSettled: on_trade_settled,
    SettlementDayCompleted: on_settlement_day_completed,
}

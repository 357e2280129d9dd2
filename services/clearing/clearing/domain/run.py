"""The run: one trading day's clearing. docs/settlement.md draws it.

A run is opened when trading's close of the day is heard. An attempt begins at the barrier, computes the legs and asks
trading to confirm them; settlement.py takes it from there. Where it cannot go on it is blocked: whole, with its reason,
and nothing has moved. A new attempt begins again at the barrier.

Days are settled in their order: a later run waits until the earlier one is completed, and then begins by itself.

Invariants:
- runs are numbered as days are closed, without gaps;
- a run is in one phase; only a blocked run is tried again or loses trades.
"""

from collections.abc import Set
from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Facts, NotFound, Rejected, as_facts
from clearing.domain.barrier import barrier
from clearing.domain.legs import RunLeg, excluded_of, legs_of, run_leg, totals_of
from clearing.domain.state import DayTotals, Phase, Run, RunTotal, State

LEGS_PER_PAGE_MAX = 500

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
    opened_ms: int


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
        opened_ms=context.now_ms,
    )
    run = run_opened(opened)
    if state.runs.open:
        earliest = next(iter(state.runs.open.values()))
        why = as_facts(earlier_day=earliest.day)
        return [opened, ClearingRunBlocked(run.run_id, run.day, run.attempt, "EARLIER_DAY_NOT_SETTLED", why)]
    return [opened, *next_attempt(state, run, context)]


def blocked_run(state: State, run_id: int) -> Run:
    if not 1 <= run_id <= state.runs.run_last:
        raise NotFound("RUN_UNKNOWN", run_id=run_id)
    run = state.runs.open.get(run_id)
    if run is None:
        raise Rejected("RUN_COMPLETED", run_id=run_id)
    if run.phase is not Phase.BLOCKED:
        raise Rejected("RUN_NOT_BLOCKED", run_id=run_id, phase=run.phase.name)
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


# Changes


def run_opened(event: ClearingRunOpened) -> Run:
    closed = DayTotals(
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        first_trade_id=event.first_trade_id,
        last_trade_id=event.last_trade_id,
    )
    return Run(event.run_id, event.day, closed, event.opened_ms)


def on_clearing_run_opened(state: State, event: ClearingRunOpened) -> None:
    assert event.run_id == state.runs.run_last + 1
    state.runs.run_last = event.run_id
    state.runs.open[event.run_id] = run_opened(event)


def on_clearing_run_blocked(state: State, event: ClearingRunBlocked) -> None:
    run = state.runs.open[event.run_id]
    assert event.attempt in (run.attempt, run.attempt + 1)
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
    run.proposal = None


def on_part_of_attempt(state: State, event: ClearingRunLegsListed | ConfirmationOrdered) -> None:
    run = state.runs.open[event.run_id]
    assert (run.phase, run.attempt) == (Phase.CONFIRMING, event.attempt)


DECIDE: Decide = {
    OpenRun: open_run,
    RetryRun: retry_run,
}

EVOLVE: Evolve = {
    ClearingRunOpened: on_clearing_run_opened,
    ClearingRunBlocked: on_clearing_run_blocked,
    ClearingRunComputed: on_clearing_run_computed,
    ClearingRunLegsListed: on_part_of_attempt,
    ConfirmationOrdered: on_part_of_attempt,
}

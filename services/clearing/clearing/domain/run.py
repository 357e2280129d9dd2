"""The run: one trading day's clearing. docs/settlement.md draws it.

A run is opened when trading's close of the day is heard. An attempt begins at the barrier, lists the legs and asks
trading to confirm them; settlement.py continues from there. If it cannot go on it is blocked as a whole, with its
reason, and nothing has moved. A new attempt begins again at the barrier.

Work for every leg is done page by page; pages.py connects the pages and explains why that is safe.

Days are settled in their order: a later run waits until the earlier one is completed, and then begins by itself.

Invariants:
- runs are numbered as days are closed, without gaps;
- a run is in one phase; only a blocked run is tried again or loses trades.
"""

from dataclasses import dataclass

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Facts,
    NotFound,
    Rejected,
    applies,
    as_facts,
    handles,
    merged,
)
from clearing.domain.barrier import barrier
from clearing.domain.legs import RunLeg, excluded_of, legs_after, run_leg, with_leg
from clearing.domain.state import CashReplay, DayTotals, Listing, Payment, Phase, Run, RunTotal, State

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
class ClearingRunBegun:
    """The barrier held: an attempt begins, and its legs are listed page by page."""

    run_id: int
    day: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ClearingRunComputed:
    """Every leg is listed: their sums."""

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
    excluded_trades: int
    totals: tuple[RunTotal, ...]
    legs_digest: bytes


@dataclass(frozen=True, slots=True)
class ClearingRunLegsListed:
    """`position` is its own in the log: orders name the pages by it."""

    run_id: int
    attempt: int
    page: int
    legs: tuple[RunLeg, ...]
    position: int


@dataclass(frozen=True, slots=True)
class ConfirmationOrdered:
    """An order to trading: calls.py sends it until it is answered. It has everything that is ordered, and the positions
    of the pages that list its legs.
    """

    run_id: int
    attempt: int
    day: str
    legs: int
    quantity_tonnes: int
    value_fen: int
    totals: tuple[RunTotal, ...]
    excluded_trade_ids: tuple[int, ...]
    legs_digest: bytes
    page_positions: tuple[int, ...]


# Opening


def open_run(state: State, command: OpenRun, context: Context) -> list[object]:
    days = [state.runs.settled_day, *(run.day for run in state.runs.open.values())]
    if command.day <= max(days):
        raise Rejected("DAY_OUT_OF_ORDER", day=command.day, last_day=max(days))

    run_id = state.runs.run_last + 1
    opened = ClearingRunOpened(
        run_id=run_id,
        day=command.day,
        trades=command.trades,
        quantity_tonnes=command.quantity_tonnes,
        value_fen=command.value_fen,
        first_trade_id=command.first_trade_id,
        last_trade_id=command.last_trade_id,
        trading_position=command.trading_position,
        opened_ms=context.now_ms,
    )
    if state.runs.open:
        earliest = next(iter(state.runs.open.values()))
        why = as_facts(earlier_day=earliest.day)
        return [opened, ClearingRunBlocked(run_id, command.day, 0, "EARLIER_DAY_NOT_SETTLED", why)]
    closed = DayTotals(
        trades=command.trades,
        quantity_tonnes=command.quantity_tonnes,
        value_fen=command.value_fen,
        first_trade_id=command.first_trade_id,
        last_trade_id=command.last_trade_id,
    )
    return [opened, begin(state, run_id, command.day, closed, 1, context)]


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


def next_attempt(state: State, run: Run, context: Context) -> list[object]:
    return [begin(state, run.run_id, run.day, run.closed, run.attempt + 1, context)]


def begin(
    state: State, run_id: int, day: str, closed: DayTotals, attempt: int, context: Context
) -> ClearingRunBegun | ClearingRunBlocked:
    """The barrier first."""
    blocked = barrier(state, day, closed, context)
    if blocked is not None:
        return ClearingRunBlocked(run_id, day, attempt, *blocked)
    return ClearingRunBegun(run_id, day, attempt)


def list_legs(state: State, run: Run, context: Context) -> list[object]:
    """The next page, or when there is none the sums and the order to confirm them."""
    listing = run.listing
    legs = legs_after(state, run, listing.last_trade_id, LEGS_PER_PAGE_MAX)
    if legs:
        page = len(listing.page_positions) + 1
        listed = tuple(run_leg(leg) for leg in legs)
        return [ClearingRunLegsListed(run.run_id, run.attempt, page, listed, context.next_position)]
    totals = tuple(total for _, total in sorted(listing.totals.items()))
    excluded = excluded_of(state, run.day)
    return [
        ClearingRunComputed(
            run_id=run.run_id,
            day=run.day,
            attempt=run.attempt,
            trades=listing.legs,
            quantity_tonnes=listing.quantity_tonnes,
            value_fen=listing.value_fen,
            buyers_pay_fen=listing.buyers_pay_fen,
            sellers_receive_fen=listing.sellers_receive_fen,
            fees_fen=listing.fees_fen,
            pages=len(listing.page_positions),
            excluded_trades=len(excluded),
            totals=totals,
            legs_digest=listing.legs_digest,
        ),
        ConfirmationOrdered(
            run_id=run.run_id,
            attempt=run.attempt,
            day=run.day,
            legs=listing.legs,
            quantity_tonnes=listing.quantity_tonnes,
            value_fen=listing.value_fen,
            totals=totals,
            excluded_trade_ids=tuple(excluded),
            legs_digest=listing.legs_digest,
            page_positions=tuple(listing.page_positions),
        ),
    ]


# Changes


def on_clearing_run_opened(state: State, event: ClearingRunOpened) -> None:
    assert event.run_id == state.runs.run_last + 1
    state.runs.run_last = event.run_id
    closed = DayTotals(
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        first_trade_id=event.first_trade_id,
        last_trade_id=event.last_trade_id,
    )
    state.runs.open[event.run_id] = Run(event.run_id, event.day, closed, event.opened_ms)


def on_clearing_run_blocked(state: State, event: ClearingRunBlocked) -> None:
    run = state.runs.open[event.run_id]
    assert event.attempt in (run.attempt, run.attempt + 1)
    run.phase = Phase.BLOCKED
    run.attempt = event.attempt
    run.reason = event.reason


def on_clearing_run_begun(state: State, event: ClearingRunBegun) -> None:
    run = state.runs.open[event.run_id]
    assert run.phase is Phase.BLOCKED
    assert event.attempt == run.attempt + 1
    run.phase = Phase.LISTING
    run.attempt = event.attempt
    run.reason = ""
    run.listing, run.replay, run.payment = Listing(), CashReplay(), Payment()


def on_clearing_run_legs_listed(state: State, event: ClearingRunLegsListed) -> None:
    run = in_phase(state, event.run_id, event.attempt, Phase.LISTING)
    listing = run.listing
    assert event.page == len(listing.page_positions) + 1
    listing.page_positions.append(event.position)
    for listed in event.legs:
        leg = state.obligations.unsettled[listed.trade_id]
        assert leg.trade_id > listing.last_trade_id
        assert leg.day == run.day, "a run settles its own day"
        listing.add(leg)
        key = (leg.instrument, leg.method)
        listing.totals[key] = with_leg(listing.totals.get(key), leg)


def on_clearing_run_computed(state: State, event: ClearingRunComputed) -> None:
    run = in_phase(state, event.run_id, event.attempt, Phase.LISTING)
    assert (event.trades, event.legs_digest) == (run.listing.legs, run.listing.legs_digest)
    assert event.trades + event.excluded_trades == run.closed.trades


def on_confirmation_ordered(state: State, event: ConfirmationOrdered) -> None:
    run = in_phase(state, event.run_id, event.attempt, Phase.LISTING)
    assert event.page_positions == tuple(run.listing.page_positions)
    run.phase = Phase.CONFIRMING


def in_phase(state: State, run_id: int, attempt: int, phase: Phase) -> Run:
    run = state.runs.open[run_id]
    assert (run.phase, run.attempt) == (phase, attempt), run
    return run


DECIDE: Decide[State] = merged(
    handles(OpenRun, open_run),
    handles(RetryRun, retry_run),
)

EVOLVE: Evolve[State] = merged(
    applies(ClearingRunOpened, on_clearing_run_opened),
    applies(ClearingRunBlocked, on_clearing_run_blocked),
    applies(ClearingRunBegun, on_clearing_run_begun),
    applies(ClearingRunLegsListed, on_clearing_run_legs_listed),
    applies(ClearingRunComputed, on_clearing_run_computed),
    applies(ConfirmationOrdered, on_confirmation_ordered),
)

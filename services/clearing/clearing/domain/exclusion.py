"""Exclusion: two people take trades out of a run that cannot go on because of them.

One operator names trades; every later trade that cannot be paid without them is excluded too (cash.py). It is proposed
and approved like any command of two people (chassis/core/proposals.py): the proposal lists all the trades, and if money
came or went meanwhile, so that the list would be another, the approval is refused. The run goes on as a new attempt. A
blocked run awaits no answer, so the old order is void on both sides by then.

What happens to an excluded trade afterwards (settlement rule art. 18, the default waterfall) is not built yet: it stays
excluded, and the buyer's money and the seller's units stay blocked. The blocked part of the buyer's balance is decided
here, once, and stated in TradeExcluded: what the trade would have cost, as far as the balance has it beyond what the
buyer's other trades need. A purchase that was to be paid by an excluded sale blocks nothing, because that money never
came; a later deposit is not blocked. Trading uses the stated figure, so the money that may leave the market is the same
in both books.

Invariants:
- an account's balance is never less than what is blocked of it;
- who proposed and who approved are two people;
- an excluded trade is in no later attempt and is never settled.
"""

from dataclasses import dataclass

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Malformed,
    NotFound,
    Rejected,
    applies,
    handles,
    merged,
    person,
)
from chassis.core.shapes import check_text
from clearing.domain.cash import Replay, blocked_by, replay
from clearing.domain.legs import excluded_of
from clearing.domain.run import blocked_run, next_attempt
from clearing.domain.state import Phase, Run, State
from clearing.domain.trades import ObligationRecorded

TRADES_NAMED_MAX = 500
EXCLUDED_TRADES_MAX = 5_000
"""Of one day. Trading takes so many in a confirmation."""

BLOCKED_BY_A_TRADE = ("FUNDS_LACKING", "DELIVERY_REFUSED")
"""Only for these reasons does it help to take out a trade."""

# Commands


@dataclass(frozen=True, slots=True)
class ExcludeTrades:
    run_id: int
    trade_ids: tuple[int, ...]
    ground: str


# Events


@dataclass(frozen=True, slots=True)
class ExclusionApproved:
    """trade_ids, ascending, are the named ones and all that they funded."""

    exclusion_id: int
    run_id: int
    trade_ids: tuple[int, ...]
    named_trade_ids: tuple[int, ...]
    ground: str
    proposed_by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class TradeExcluded:
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
    exclusion_id: int
    blocked_fen: int


# Decisions


def check_named(trade_ids: tuple[int, ...]) -> None:
    if not trade_ids:
        raise Malformed("TRADES_MISSING", "trade_ids")
    if len(trade_ids) > TRADES_NAMED_MAX:
        raise Malformed("TOO_MANY_TRADES", "trade_ids", trades=len(trade_ids), trades_max=TRADES_NAMED_MAX)
    seen: set[int] = set()
    for number, trade_id in enumerate(trade_ids):
        if trade_id in seen:
            raise Malformed("TRADE_NAMED_TWICE", f"trade_ids[{number}]", trade_id=trade_id)
        seen.add(trade_id)


def closure(state: State, run: Run, named: tuple[int, ...]) -> tuple[tuple[int, ...], Replay]:
    """The named trades and every trade of the day that lacks money without them, ascending; and the replay of all
    trades that stay. Only the earliest day's run is blocked by a trade, and its trades come before all others.
    """
    staying = replay(state, state.obligations.unsettled.values(), without=frozenset(named))
    lacking = (lack.obligation for lack in staying.unfunded)
    return tuple(sorted({*named, *(leg.trade_id for leg in lacking if leg.day == run.day)})), staying


def exclude_trades(state: State, command: ExcludeTrades, context: Context) -> list[object]:
    check_named(command.trade_ids)
    check_text(command.ground, "ground")
    run = blocked_run(state, command.run_id)
    for trade_id in command.trade_ids:
        leg = state.obligations.unsettled.get(trade_id)
        if leg is None or leg.day != run.day:
            raise NotFound("TRADE_NOT_IN_RUN", trade_id=trade_id, run_id=run.run_id)
    if run.reason not in BLOCKED_BY_A_TRADE:
        raise Rejected("RUN_NOT_BLOCKED_BY_A_TRADE", run_id=run.run_id, blocked_because=run.reason)
    named = tuple(sorted(command.trade_ids))
    trade_ids, staying = closure(state, run, named)
    excluded = len(trade_ids) + len(excluded_of(state, run.day))
    if excluded > EXCLUDED_TRADES_MAX:
        raise Rejected("TOO_MANY_TRADES_FUNDED", trades=excluded, trades_max=EXCLUDED_TRADES_MAX)

    # From here on the trades are out.
    approved = ExclusionApproved(
        exclusion_id=state.runs.exclusion_last + 1,
        run_id=run.run_id,
        trade_ids=trade_ids,
        named_trade_ids=named,
        ground=command.ground,
        proposed_by=context.proposed_by,
        approved_by=str(context.actor),
    )
    taken_out = [state.obligations.unsettled[trade_id] for trade_id in trade_ids]
    blocked_fen = blocked_by(state, taken_out, staying.lowest_fen)
    return [
        approved,
        *(trade_excluded(leg, run, approved.exclusion_id, blocked_fen[leg.trade_id]) for leg in taken_out),
        *next_attempt(state, run, context),
    ]


def trade_excluded(leg: ObligationRecorded, run: Run, exclusion_id: int, blocked_fen: int) -> TradeExcluded:
    return TradeExcluded(
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
        exclusion_id=exclusion_id,
        blocked_fen=blocked_fen,
    )


# Changes


def on_exclusion_approved(state: State, event: ExclusionApproved) -> None:
    assert event.proposed_by and person(event.proposed_by) != person(event.approved_by), "two people"
    assert event.exclusion_id == state.runs.exclusion_last + 1
    state.runs.exclusion_last = event.exclusion_id
    assert state.runs.open[event.run_id].phase is Phase.BLOCKED


def on_trade_excluded(state: State, event: TradeExcluded) -> None:
    leg = state.obligations.unsettled.pop(event.trade_id)
    assert leg.day == event.day == state.runs.open[event.run_id].day
    state.obligations.excluded[event.trade_id] = leg
    state.obligations.due.exclude(leg)
    state.funds.exclude(
        leg.buyer, leg.buyer_pays_fen, leg.seller, leg.seller_receives_fen, blocked_fen=event.blocked_fen
    )


DECIDE: Decide[State] = handles(ExcludeTrades, exclude_trades)

EVOLVE: Evolve[State] = merged(
    applies(ExclusionApproved, on_exclusion_approved),
    applies(TradeExcluded, on_trade_excluded),
)

"""Legs: what there is to settle of a day, trade by trade, and its totals."""

from dataclasses import dataclass

from clearing.domain.state import Run, RunTotal, State
from clearing.domain.trades import ObligationRecorded


@dataclass(frozen=True, slots=True)
class RunLeg:
    """One trade in a run: units one way, money the other."""

    trade_id: int
    instrument: str
    quantity_tonnes: int
    seller: str
    buyer: str
    buyer_pays_fen: int
    seller_receives_fen: int


def run_leg(leg: ObligationRecorded) -> RunLeg:
    return RunLeg(
        trade_id=leg.trade_id,
        instrument=leg.instrument,
        quantity_tonnes=leg.quantity_tonnes,
        seller=leg.seller,
        buyer=leg.buyer,
        buyer_pays_fen=leg.buyer_pays_fen,
        seller_receives_fen=leg.seller_receives_fen,
    )


def legs_after(state: State, run: Run, trade_id: int, legs_max: int) -> list[ObligationRecorded]:
    """The next legs of a run after a trade, in the order of their trades. No other day has a trade in the day's range
    (obligations.check_apart), so that a page costs its legs, however many there are.
    """
    found: list[ObligationRecorded] = []
    for each in range(max(trade_id + 1, run.closed.first_trade_id), run.closed.last_trade_id + 1):
        leg = state.obligations.unsettled.get(each)
        if leg is not None:
            found.append(leg)
            if len(found) == legs_max:
                break
    return found


def excluded_of(state: State, day: str) -> list[int]:
    """The day's trades that are taken out, ascending."""
    return sorted(trade_id for trade_id, leg in state.obligations.excluded.items() if leg.day == day)


def with_leg(before: RunTotal | None, leg: ObligationRecorded) -> RunTotal:
    """An instrument and method's total with one leg more."""
    before = before or RunTotal(leg.instrument, leg.method, 0, 0, 0)
    return RunTotal(
        leg.instrument,
        leg.method,
        trades=before.trades + 1,
        quantity_tonnes=before.quantity_tonnes + leg.quantity_tonnes,
        value_fen=before.value_fen + leg.value_fen,
    )

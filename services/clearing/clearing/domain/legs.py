"""Legs: what there is to settle of a day, trade by trade, and its totals."""

from collections.abc import Set
from dataclasses import dataclass

from clearing.domain.state import Method, Obligation, RunTotal, State


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

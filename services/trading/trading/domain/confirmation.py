"""The exchange's side of the mutual confirmation before delivery (rulebook 4.2, step 5).

Clearing sends a run's totals; trading compares them with its own totals of the day. The run names the trades that two
people excluded, and trading leaves them out of its totals too, whether or not it has heard of the exclusion yet.

A difference is not refused but answered, with `ClearingRunDisputed`, and both sides record the answer: clearing takes
only a recorded answer as one. The same holds while trading's own books are in doubt, because something heard was set
aside or a source is not heard.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Facts,
    Malformed,
    NotPermitted,
    Rejected,
    applies,
    as_facts,
    check_no_doubts,
    handles,
    merged,
)
from chassis.core.shapes import check_day
from trading.domain.state import DayPhase, Market, Settlement, Total, Trade
from trading.domain.values import Method

CLEARING = "service:clearing"
EXCLUDED_TRADES_MAX = 5_000
DIFFERENCES_MAX = 20
"""Differing figures that a dispute lists; it always states how many there are."""

Figures = tuple[int, int, int]
FIGURES = ("trades", "quantity_tonnes", "value_fen")
NOTHING: Figures = (0, 0, 0)


# Commands


@dataclass(frozen=True, slots=True)
class MethodTotal:
    instrument: str
    method: Method
    trades: int
    quantity_tonnes: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class ConfirmClearingRun:
    run_id: int
    day: str
    attempt: int
    trades: int
    quantity_tonnes: int
    value_fen: int
    totals: tuple[MethodTotal, ...]
    excluded_trade_ids: tuple[int, ...]


# Events


@dataclass(frozen=True, slots=True)
class ClearingRunConfirmed:
    run_id: int
    day: str
    attempt: int
    trades: int
    quantity_tonnes: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class ClearingRunDisputed:
    run_id: int
    day: str
    attempt: int
    reason: str
    # (name, figure) pairs for people to read.
    facts: Facts


# Decisions


def confirm_clearing_run(market: Market, command: ConfirmClearingRun, context: Context) -> list[object]:
    if command.run_id < 1:
        raise Malformed("RUN_ID_OUT_OF_RANGE", "run_id", run_id=command.run_id)
    check_day(command.day)
    if command.attempt < 1:
        raise Malformed("ATTEMPT_OUT_OF_RANGE", "attempt", attempt=command.attempt)
    if len(command.excluded_trade_ids) > EXCLUDED_TRADES_MAX:
        trades = len(command.excluded_trade_ids)
        raise Malformed("TOO_MANY_TRADES", "excluded_trade_ids", trades=trades, trades_max=EXCLUDED_TRADES_MAX)
    if context.subject != CLEARING:
        raise NotPermitted("NOT_THE_CLEARING_SERVICE", actor=str(context.actor))

    try:
        check_no_doubts(context)
        check_totals(market, command)
    except Rejected as refusal:
        facts = as_facts(**refusal.facts)
        return [ClearingRunDisputed(command.run_id, command.day, command.attempt, refusal.reason, facts)]

    return [
        ClearingRunConfirmed(
            run_id=command.run_id,
            day=command.day,
            attempt=command.attempt,
            trades=command.trades,
            quantity_tonnes=command.quantity_tonnes,
            value_fen=command.value_fen,
        )
    ]


def check_totals(market: Market, command: ConfirmClearingRun) -> None:
    """Raises Rejected if the run's totals are not those of the closed day without the excluded trades."""
    day = market.calendar.days.get(command.day)
    if day is None or day.phase is not DayPhase.CLOSED:
        raise Rejected("DAY_NOT_CLOSED", day=command.day)
    excluded: list[Trade] = []
    for trade_id in dict.fromkeys(command.excluded_trade_ids):
        trade = market.trades.get(trade_id)
        if trade is None or trade.day != command.day or trade.settlement is Settlement.SETTLED:
            raise Rejected("EXCLUDED_TRADE_UNKNOWN", trade_id=trade_id)
        excluded.append(trade)
    expected = totals_without(day.whole, day.totals, excluded)
    stated = {(total.instrument, total.method): total for total in command.totals}
    stated_figures = {
        "whole": (command.trades, command.quantity_tonnes, command.value_fen),
        **{figures_name(*key): (one.trades, one.quantity_tonnes, one.value_fen) for key, one in stated.items()},
    }
    differences = [
        (f"{name}.{figure}", own, clearings)
        for name in sorted(expected.keys() | stated_figures.keys())
        for figure, own, clearings in zip(
            FIGURES, expected.get(name, NOTHING), stated_figures.get(name, NOTHING), strict=True
        )
        if own != clearings
    ]
    if differences:
        named: dict[str, int | str] = {}
        for name, own, clearings in differences[:DIFFERENCES_MAX]:
            named |= {name: own, f"{name}_clearing": clearings}
        raise Rejected("TOTALS_DIFFER", differences=len(differences), **named)


def totals_without(
    whole: Total, totals: Mapping[tuple[str, Method], Total], excluded: list[Trade]
) -> dict[str, Figures]:
    """The day's own figures without the excluded trades: of the whole day, and by instrument and method."""
    figures = {"whole": (whole.trades, whole.quantity_tonnes, whole.value_fen)}
    for key, total in totals.items():
        figures[figures_name(*key)] = (total.trades, total.quantity_tonnes, total.value_fen)
    for trade in excluded:
        for name in ("whole", figures_name(trade.instrument, trade.method)):
            trades, quantity_tonnes, value_fen = figures[name]
            figures[name] = (trades - 1, quantity_tonnes - trade.quantity_tonnes, value_fen - trade.value_fen)
    return figures


def figures_name(instrument: str, method: Method) -> str:
    return f"{instrument}/{method.name.lower()}"


# Changes


def on_clearing_run_answered(market: Market, event: ClearingRunConfirmed | ClearingRunDisputed) -> None:
    """The answer is only recorded: trading's state does not depend on it."""


DECIDE: Decide[Market] = handles(ConfirmClearingRun, confirm_clearing_run)

EVOLVE: Evolve[Market] = merged(
    applies(ClearingRunConfirmed, on_clearing_run_answered),
    applies(ClearingRunDisputed, on_clearing_run_answered),
)

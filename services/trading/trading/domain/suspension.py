"""Suspension: an operator stops trading in one instrument or in all, until it is resumed (rulebook 3.7).

Meanwhile no order is placed and no listing taken; open listings stay in the book and may be cancelled.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles, merged
from chassis.core.shapes import check_text
from trading.domain.instruments import known_instrument
from trading.domain.state import Market
from trading.domain.values import check_instrument

# Commands


@dataclass(frozen=True, slots=True)
class SuspendTrading:
    # Empty: all instruments.
    instrument: str
    ground: str


@dataclass(frozen=True, slots=True)
class ResumeTrading:
    instrument: str


# Events


@dataclass(frozen=True, slots=True)
class TradingSuspended:
    instrument: str
    ground: str


@dataclass(frozen=True, slots=True)
class TradingResumed:
    instrument: str


# Decisions


def suspend_trading(market: Market, command: SuspendTrading, context: Context) -> list[object]:
    check_scope(command.instrument)
    check_text(command.ground, "ground")
    if suspended_ground(market, command.instrument):
        raise Rejected("ALREADY_SUSPENDED", instrument=command.instrument)

    return [TradingSuspended(instrument=command.instrument, ground=command.ground)]


def resume_trading(market: Market, command: ResumeTrading, context: Context) -> list[object]:
    check_scope(command.instrument)
    if not suspended_ground(market, command.instrument):
        raise Rejected("NOT_SUSPENDED", instrument=command.instrument)

    return [TradingResumed(instrument=command.instrument)]


def check_scope(instrument: str) -> None:
    if instrument:
        check_instrument(instrument)


def suspended_ground(market: Market, instrument: str) -> str:
    """The ground of the instrument's own suspension, or of all instruments' if none is named; empty if there is none.

    Raises NotFound (`INSTRUMENT_UNKNOWN`).
    """
    return known_instrument(market, instrument).suspended_ground if instrument else market.suspended_ground


# Changes


def on_trading_suspended(market: Market, event: TradingSuspended) -> None:
    set_ground(market, event.instrument, event.ground)


def on_trading_resumed(market: Market, event: TradingResumed) -> None:
    set_ground(market, event.instrument, "")


def set_ground(market: Market, instrument: str, ground: str) -> None:
    if instrument:
        market.instruments[instrument].suspended_ground = ground
    else:
        market.suspended_ground = ground


DECIDE: Decide[Market] = merged(
    handles(SuspendTrading, suspend_trading),
    handles(ResumeTrading, resume_trading),
)

EVOLVE: Evolve[Market] = merged(
    applies(TradingSuspended, on_trading_suspended),
    applies(TradingResumed, on_trading_resumed),
)

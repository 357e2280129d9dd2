"""Instruments: the registry's vintages that are admitted to trading, their reference prices and the limits of the day.

A vintage becomes known when the registry's event is heard; the exchange admits it to trading from a day on. Before the
market's first day the exchange states the reference price; an instrument admitted later starts from the composite close
of the last day before its first (rulebook 3.3).

Invariants: an instrument is admitted once; on an open day every instrument admitted by then has a previous close and
limits.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Malformed, NotFound, Rejected, applies, handles, merged
from trading.domain.calendar import check_not_opened
from trading.domain.state import Instrument, Market
from trading.domain.values import PRICE_FEN_MAX, check_instrument, check_trading_day

# Commands


@dataclass(frozen=True, slots=True)
class NoteVintage:
    """Heard: the registry created a vintage."""

    instrument: str


@dataclass(frozen=True, slots=True)
class AdmitInstrument:
    instrument: str
    day: str
    reference_price_fen: int


# Events


@dataclass(frozen=True, slots=True)
class VintageNoted:
    instrument: str


@dataclass(frozen=True, slots=True)
class InstrumentAdmitted:
    instrument: str
    day: str
    reference_price_fen: int


def known_instrument(market: Market, instrument: str) -> Instrument:
    """Return an instrument, admitted or not. Raises NotFound (`INSTRUMENT_UNKNOWN`)."""
    known = market.instruments.get(instrument)
    if known is None:
        raise NotFound("INSTRUMENT_UNKNOWN", instrument=instrument)
    return known


# Decisions


def note_vintage(market: Market, command: NoteVintage, context: Context) -> list[object]:
    if command.instrument in market.instruments:
        raise Rejected("INSTRUMENT_ALREADY_KNOWN", instrument=command.instrument)

    return [VintageNoted(instrument=command.instrument)]


def admit_instrument(market: Market, command: AdmitInstrument, context: Context) -> list[object]:
    check_instrument(command.instrument)
    check_trading_day(command.day)
    if not 0 <= command.reference_price_fen <= PRICE_FEN_MAX:
        price_fen = command.reference_price_fen
        raise Malformed(
            "PRICE_OUT_OF_RANGE",
            "reference_price_fen",
            price_fen=price_fen,
            price_fen_min=0,
            price_fen_max=PRICE_FEN_MAX,
        )
    instrument = known_instrument(market, command.instrument)
    if instrument.first_day:
        raise Rejected("INSTRUMENT_ALREADY_ADMITTED", instrument=command.instrument, day=instrument.first_day)
    check_not_opened(market.calendar, command.day)
    market_has_begun = market.calendar.last_opened != ""
    if not market_has_begun and not command.reference_price_fen:
        raise Rejected("REFERENCE_PRICE_MISSING", instrument=command.instrument)
    if market_has_begun and command.reference_price_fen:
        raise Rejected("REFERENCE_PRICE_IS_COMPOSITE_CLOSE", instrument=command.instrument)

    return [
        InstrumentAdmitted(
            instrument=command.instrument, day=command.day, reference_price_fen=command.reference_price_fen
        )
    ]


# Changes


def on_vintage_noted(market: Market, event: VintageNoted) -> None:
    assert event.instrument not in market.instruments
    market.instruments[event.instrument] = Instrument(event.instrument)


def on_instrument_admitted(market: Market, event: InstrumentAdmitted) -> None:
    instrument = market.instruments[event.instrument]
    assert not instrument.first_day
    instrument.first_day = event.day
    instrument.previous_close_fen = event.reference_price_fen


DECIDE: Decide[Market] = merged(
    handles(NoteVintage, note_vintage),
    handles(AdmitInstrument, admit_instrument),
)

EVOLVE: Evolve[Market] = merged(
    applies(VintageNoted, on_vintage_noted),
    applies(InstrumentAdmitted, on_instrument_admitted),
)

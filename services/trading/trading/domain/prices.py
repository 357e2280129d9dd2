"""The day's prices: open, high, low, average and volumes of an instrument, and the path of the composite.

Prices come from listed trades only; block trades count in volumes and values (rulebook 3.2, 3.3). The composite
moves with every listed trade: it is the weighted mean of the instruments' last prices, where an instrument not yet
traded stands at its previous close; at the close it is the weighted mean of the closes (rulebook 3.8). Without
composite weights there is no composite.

Invariants: low <= open, last, average <= high once there was a listed trade.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trading.domain.arithmetic import average_price_fen, composite_price_fen

if TYPE_CHECKING:
    from trading.domain.instruments import Instrument
    from trading.domain.market import Market


@dataclass(slots=True)
class DayPrices:
    """One instrument's day; prices are zero before the first listed trade."""

    last_fen: int = 0
    open_fen: int = 0
    high_fen: int = 0
    low_fen: int = 0
    listed_tonnes: int = 0
    listed_value_fen: int = 0
    block_tonnes: int = 0
    block_value_fen: int = 0
    trades: int = 0

    @property
    def average_fen(self) -> int:
        return average_price_fen(self.listed_value_fen, self.listed_tonnes) if self.listed_tonnes else 0


@dataclass(slots=True)
class Composite:
    """The composite price; its day's path is zero before the first listed trade."""

    # The instruments that count on the open day, with their weights.
    weights: tuple[tuple[str, int], ...] = ()
    # Zero before there is one.
    previous_close_fen: int = 0
    close_fen: int = 0
    open_fen: int = 0
    high_fen: int = 0
    low_fen: int = 0


def note_listed_trade(market: "Market", instrument: "Instrument", price_fen: int, quantity_tonnes: int) -> None:
    prices = instrument.prices
    if not prices.listed_tonnes:
        prices.open_fen = prices.high_fen = prices.low_fen = price_fen
    prices.last_fen = price_fen
    prices.high_fen = max(prices.high_fen, price_fen)
    prices.low_fen = min(prices.low_fen, price_fen)
    prices.listed_tonnes += quantity_tonnes
    prices.listed_value_fen += price_fen * quantity_tonnes
    prices.trades += 1
    assert prices.low_fen <= prices.average_fen <= prices.high_fen
    follow_composite(market, instrument.instrument)


def note_block_trade(instrument: "Instrument", price_fen: int, quantity_tonnes: int) -> None:
    prices = instrument.prices
    prices.block_tonnes += quantity_tonnes
    prices.block_value_fen += price_fen * quantity_tonnes
    prices.trades += 1


def follow_composite(market: "Market", traded: str) -> None:
    """The composite after a listed trade, if the instrument counts in it."""
    composite = market.composite
    if not any(instrument == traded for instrument, _ in composite.weights):
        return
    now_fen = composite_price_fen(
        [
            (
                weight,
                market.instruments[instrument].prices.last_fen or market.instruments[instrument].previous_close_fen,
            )
            for instrument, weight in composite.weights
        ]
    )
    if not composite.open_fen:
        composite.open_fen = composite.high_fen = composite.low_fen = now_fen
    composite.high_fen = max(composite.high_fen, now_fen)
    composite.low_fen = min(composite.low_fen, now_fen)


def close_fen(instrument: "Instrument") -> int:
    """The day's close so far: the average of listed trades, without any the previous close (rulebook 3.3)."""
    return instrument.prices.average_fen or instrument.previous_close_fen

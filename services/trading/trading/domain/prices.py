"""The day's prices: open, high, low, average and volumes of an instrument, and the path of the composite.

Prices come from listed trades only; block trades count in volumes and values (rulebook 3.2, 3.3). The composite
moves with every listed trade: it is the weighted mean of the instruments' last prices, and an instrument not yet traded
counts with its previous close; at the close it is the weighted mean of the closes (rulebook 3.8). Without composite
weights there is no composite.

Invariants: low <= open, last, average <= high after the first listed trade.
"""

from trading.domain.arithmetic import composite_price_fen
from trading.domain.state import Instrument, Market


def note_listed_trade(market: Market, instrument: Instrument, price_fen: int, quantity_tonnes: int) -> None:
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


def note_block_trade(instrument: Instrument, price_fen: int, quantity_tonnes: int) -> None:
    prices = instrument.prices
    prices.block_tonnes += quantity_tonnes
    prices.block_value_fen += price_fen * quantity_tonnes
    prices.trades += 1


def follow_composite(market: Market, traded: str) -> None:
    """Update the composite after a listed trade, if the traded instrument counts in it."""
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


def close_fen(instrument: Instrument) -> int:
    """The day's close so far: the average of listed trades, or the previous close if there was none (rulebook 3.3)."""
    return instrument.prices.average_fen or instrument.previous_close_fen

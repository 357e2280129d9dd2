"""The market's rules a planned order must keep, and the one rounding they use.

Rules are dated data: `RULES_2021` holds from the market's first day and names its source. All prices are whole fen, all
quantities whole tonnes; no value in this package is ever a float.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Rules:
    """Bands in percent of the same vintage's previous close; sizes in tonnes of one order or offer."""

    valid_from: date
    listed_band_percent: int
    listed_tonnes_max: int
    block_band_percent: int
    block_tonnes_min: int
    levels_max: int
    source: str


RULES_2021 = Rules(
    valid_from=date(2021, 7, 16),
    listed_band_percent=10,
    listed_tonnes_max=99_999,
    block_band_percent=30,
    block_tonnes_min=100_000,
    levels_max=5,
    source="SEEE notices of 2021-06-22",
)

FIRST_DAY = date(2021, 7, 16)
FIRST_REFERENCE_FEN = 48_00
"""The base of the price limits on the market's first day. Source: rulebook 3.3."""


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number to a non-negative fraction; an exact half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def limits_fen(previous_fen: int, band_percent: int) -> tuple[int, int]:
    """The lowest and highest price of the day: previous close less and plus the band, each rounded half up to a fen
    (rulebook 3.3)."""
    return half_up(previous_fen * (100 - band_percent), 100), half_up(previous_fen * (100 + band_percent), 100)

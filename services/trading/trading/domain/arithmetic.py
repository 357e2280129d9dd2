"""The arithmetic of the market's rules, in whole fen and tonnes: every rounding is a named function with its source."""

BP = 10_000
PPM = 1_000_000


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest whole number, a half upwards. The numerator is never negative."""
    assert numerator >= 0
    assert denominator > 0
    return (2 * numerator + denominator) // (2 * denominator)


def limit_high_fen(previous_close_fen: int, band_bp: int) -> int:
    """The highest price of the day, half-up to the fen (rulebook 3.3: 90.25 gives 99.28)."""
    return half_up(previous_close_fen * (BP + band_bp), BP)


def limit_low_fen(previous_close_fen: int, band_bp: int) -> int:
    """The lowest price of the day, half-up to the fen (rulebook 3.3: 56.15 gives 50.54), and never below one fen."""
    return max(1, half_up(previous_close_fen * (BP - band_bp), BP))


def average_price_fen(value_fen: int, quantity_tonnes: int) -> int:
    """The volume-weighted average, half-up to the fen: the close (rulebook 3.3)."""
    return half_up(value_fen, quantity_tonnes)


def composite_price_fen(weighted: list[tuple[int, int]]) -> int:
    """The weighted mean of (weight, price_fen) pairs, half-up to the fen (rulebook 3.8). At least one weight counts."""
    return half_up(sum(weight * price_fen for weight, price_fen in weighted), sum(weight for weight, _ in weighted))


def change_bp(close_fen: int, previous_close_fen: int) -> int:
    """The change from the previous close, in basis points (0.01 %), a half rounded away from zero (rulebook 3.8)."""
    change_fen = close_fen - previous_close_fen
    size_bp = half_up(abs(change_fen) * BP, previous_close_fen)
    return size_bp if change_fen >= 0 else -size_bp


def fee_fen(value_fen: int, fee_ppm: int) -> int:
    """The fee of a day's value on one side, rounded down to the fen.

    The rulebook leaves the rounding of fees open (3.7); this choice favours the participant.
    """
    return value_fen * fee_ppm // PPM

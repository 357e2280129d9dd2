"""Is a daily row possible under the rules, and if not, why, and which row comes nearest?

A row is possible when trades within the rules of its day give every one of its numbers exactly. When it is not, each
column that cannot be met is named. The nearest row that can be met keeps tonnes before values and values before prices;
nothing is met "nearly".
"""

from dataclasses import dataclass, replace
from datetime import date

from rehearsal.plan.block import block_groups, block_limits, nearest_block_value_fen
from rehearsal.plan.listed import fixed_prices, value_range_fen
from rehearsal.plan.rows import DayRow
from rehearsal.plan.rules import Rules, half_up, limits_fen

Reason = tuple[str, str]
"""(column, why its number cannot be met)."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """One number of a row that the rules do not allow; `column` is a field of DayRow."""

    day: date
    instrument: str
    column: str
    reason: str


def fit(row: DayRow, previous_fen: int, rules: Rules) -> tuple[DayRow, tuple[Impossible, ...]]:
    """The row itself and no reason, or the nearest possible row and why the given one is not.

    `previous_fen` is the close before the row.
    """
    reasons: list[Reason] = []
    if row.listed_tonnes == 0:
        fitted = _fit_quiet(row, previous_fen, reasons)
    else:
        fitted = _fit_limits(row, previous_fen, rules, reasons)
        fitted = _fit_order(fitted, reasons)
        fitted = _fit_tradable(fitted, reasons)
        fitted = _fit_value(fitted, reasons)
        fitted = _fit_close(fitted, reasons)
    if row.block_tonnes < rules.block_tonnes_min:
        fitted = _fit_block_tonnes(fitted, rules, reasons)
    if fitted.block_tonnes > 0:
        fitted = _fit_block_value(fitted, previous_fen, rules, reasons)
    assert (fitted == row) == (not reasons)
    return fitted, tuple(Impossible(row.day, row.instrument, column, reason) for column, reason in reasons)


def _fit_quiet(row: DayRow, previous_fen: int, reasons: list[Reason]) -> DayRow:
    """Without a listed trade open, high, low and close are the previous close (rulebook 3.3) and there is no value."""
    prices = {
        "open_fen": row.open_fen,
        "high_fen": row.high_fen,
        "low_fen": row.low_fen,
        "close_fen": row.close_fen,
    }
    for column, price in prices.items():
        if price != previous_fen:
            reasons.append((column, f"without a listed trade it is the previous close {previous_fen}, not {price}"))
    if row.listed_value_fen != 0:
        reasons.append(("listed_value_fen", f"{row.listed_value_fen} fen without a tonne"))
    return replace(
        row,
        open_fen=previous_fen,
        high_fen=previous_fen,
        low_fen=previous_fen,
        close_fen=previous_fen,
        listed_value_fen=0,
    )


def _fit_limits(row: DayRow, previous_fen: int, rules: Rules, reasons: list[Reason]) -> DayRow:
    low_limit, high_limit = limits_fen(previous_fen, rules.listed_band_percent)

    def within(column: str, price: int) -> int:
        if not low_limit <= price <= high_limit:
            reasons.append((column, f"{price} is outside the limits {low_limit} to {high_limit} of {previous_fen}"))
        return min(high_limit, max(low_limit, price))

    return replace(
        row,
        open_fen=within("open_fen", row.open_fen),
        high_fen=within("high_fen", row.high_fen),
        low_fen=within("low_fen", row.low_fen),
    )


def _fit_order(row: DayRow, reasons: list[Reason]) -> DayRow:
    """Low <= open <= high: the high and the low give way to the open, which someone has traded at."""
    if row.high_fen < row.open_fen:
        reasons.append(("high_fen", f"the high {row.high_fen} is below the open {row.open_fen}"))
    if row.low_fen > row.open_fen:
        reasons.append(("low_fen", f"the low {row.low_fen} is above the open {row.open_fen}"))
    return replace(row, high_fen=max(row.high_fen, row.open_fen), low_fen=min(row.low_fen, row.open_fen))


def _fit_tradable(row: DayRow, reasons: list[Reason]) -> DayRow:
    """A tonne for each of open, high and low; with too few the open stays, then the high."""
    if row.listed_tonnes >= len(fixed_prices(row)):
        return row
    high_fen = row.open_fen if row.listed_tonnes == 1 else row.high_fen
    why = f"{row.listed_tonnes} t are too few to trade at open, high and low"
    if high_fen != row.high_fen:
        reasons.append(("high_fen", why))
    if row.low_fen != row.open_fen:
        reasons.append(("low_fen", why))
    return replace(row, high_fen=high_fen, low_fen=row.open_fen)


def _fit_value(row: DayRow, reasons: list[Reason]) -> DayRow:
    least, most = value_range_fen(row)
    value_fen = row.listed_value_fen
    if not least <= value_fen <= most:
        why = f"{row.listed_tonnes} t at these prices are worth {least} to {most} fen, not {value_fen}"
        reasons.append(("listed_value_fen", why))
    return replace(row, listed_value_fen=min(most, max(least, value_fen)))


def _fit_close(row: DayRow, reasons: list[Reason]) -> DayRow:
    close_fen = half_up(row.listed_value_fen, row.listed_tonnes)
    if close_fen != row.close_fen:
        why = f"{row.listed_value_fen} fen over {row.listed_tonnes} t are {close_fen} half up, not {row.close_fen}"
        reasons.append(("close_fen", why))
    return replace(row, close_fen=close_fen)


def _fit_block_tonnes(row: DayRow, rules: Rules, reasons: list[Reason]) -> DayRow:
    """No block, or a smallest one, whichever is nearer; the value falls or grows with the tonnes."""
    tonnes = rules.block_tonnes_min if 2 * row.block_tonnes >= rules.block_tonnes_min else 0
    value_fen = row.block_value_fen * tonnes // row.block_tonnes if tonnes else 0
    if tonnes != row.block_tonnes:
        why = f"{row.block_tonnes} t are less than one block of {rules.block_tonnes_min} t"
        reasons.append(("block_tonnes", why))
    if value_fen != row.block_value_fen:
        reasons.append(("block_value_fen", f"{row.block_value_fen} fen for {row.block_tonnes} t that are no block"))
    return replace(row, block_tonnes=tonnes, block_value_fen=value_fen)


def _fit_block_value(row: DayRow, previous_fen: int, rules: Rules, reasons: list[Reason]) -> DayRow:
    limits = block_limits(previous_fen, rules)
    tonnes, value_fen = row.block_tonnes, row.block_value_fen
    if block_groups(tonnes, value_fen, limits) is not None:
        return row
    why = (
        f"no prices of {limits.low_fen} to {limits.high_fen} fen were found that make {value_fen} fen of {tonnes} t"
        f" in blocks of {limits.tonnes_min} t or more"
    )
    reasons.append(("block_value_fen", why))
    return replace(row, block_value_fen=nearest_block_value_fen(tonnes, value_fen, limits))

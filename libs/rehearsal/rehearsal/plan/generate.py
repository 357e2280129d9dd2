"""A seeded market: daily rows made of nothing but the published monthly figures.

Each month meets its listed tonnes, block tonnes and value to the fen and ends at its published close; every day keeps
the rules. Days themselves are invented: they are not, and do not resemble, the exchange's daily rows.

How a month is made. Blocks are taken to trade a few percent below the listed price (rulebook 3.4), which splits the
month's value into a listed and a block part. The closes run from the last month's close to this month's, bent by a
parabola that is zero at both ends and just high enough that the volume-weighted average is the listed part. Block
prices follow the previous closes; what they miss of their part is made up by one fen more here, a few tonnes moved
there, and the last odd fen by one listed day. A draft that breaks a rule is dropped and drawn anew.

Invariants: the same seed makes the same rows; a month depends on its own figures, its days, the close before it and the
seed alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from rehearsal.plan.fit import fit
from rehearsal.plan.listed import fixed_prices, value_range_fen
from rehearsal.plan.monthly import MonthFigures
from rehearsal.plan.rows import DayRow
from rehearsal.plan.rules import Rules, half_up, limits_fen
from rehearsal.plan.split import split

INSTRUMENT = "CEA"
"""The only vintage traded in the published span."""

DRAFTS_MAX = 200
FINE = 1_000_000
"""Closes are drawn in millionths of a fen, so that rounding stays below one listed day's smallest tonnage."""

BLOCK_PERMILLE_LOW, BLOCK_PERMILLE_HIGH = 940, 990
"""Blocks trade at about 96.5 % of the listed close. Source: rulebook 3.4."""

DAY_TONNES_USUAL_MIN = 10
QUIET_MONTH_TONNES = 20_000
"""In a month of less listed volume, one day in QUIET_DAY_ODDS has no listed trade."""

QUIET_DAY_ODDS = 8
BLOCK_TONNES_USUAL = 250_000
PRICE_MOVE_FEN_MAX = 120


class NoDraft(ValueError):
    """No rows within the rules were found for a month's figures."""


@dataclass(slots=True)
class _Block:
    day_index: int
    tonnes: int
    price_fen: int = 0


def generate_month(
    figures: MonthFigures, days: Sequence[date], previous_fen: int, seed: int, rules: Rules
) -> tuple[DayRow, ...]:
    """The rows of one month, one for each of `days`. `previous_fen` is the close before the first. Raises NoDraft."""
    random = Random(f"{seed}/rows/{figures.month}")
    for _ in range(DRAFTS_MAX):
        rows = _draft(figures, days, previous_fen, rules, random)
        if rows is not None and _keeps_rules(rows, figures, previous_fen, rules):
            return rows
    raise NoDraft(f"{figures.month}: {DRAFTS_MAX} drafts, none within the rules of the day")


def _keeps_rules(rows: tuple[DayRow, ...], figures: MonthFigures, previous_fen: int, rules: Rules) -> bool:
    for row in rows:
        if fit(row, previous_fen, rules)[1]:
            return False
        previous_fen = row.close_fen
    return previous_fen == figures.close_fen


def _draft(
    figures: MonthFigures, days: Sequence[date], previous_fen: int, rules: Rules, random: Random
) -> tuple[DayRow, ...] | None:
    tonnes = _listed_tonnes(figures.listed_tonnes, len(days), random)
    listed_value_fen = _listed_part(figures, random)
    values = _listed_values(tonnes, listed_value_fen, previous_fen, figures.close_fen, random)
    if values is None:
        return None
    closes = _closes(tonnes, values, previous_fen)
    blocks = _blocks(figures.block_tonnes, len(days), rules, random)
    _price_blocks(blocks, figures.value_fen - sum(values), [previous_fen, *closes[:-1]], rules, random)

    odd_fen = figures.value_fen - sum(values) - sum(block.price_fen * block.tonnes for block in blocks)
    largest = max(range(len(days) - 1), key=lambda index: tonnes[index], default=0)
    values[largest] += odd_fen
    closes = _closes(tonnes, values, previous_fen)

    rows = []
    for index, day in enumerate(days):
        of_day = [block for block in blocks if block.day_index == index]
        row = DayRow(
            day=day,
            instrument=INSTRUMENT,
            open_fen=previous_fen,
            high_fen=previous_fen,
            low_fen=previous_fen,
            close_fen=closes[index],
            listed_tonnes=tonnes[index],
            listed_value_fen=values[index],
            block_tonnes=sum(block.tonnes for block in of_day),
            block_value_fen=sum(block.tonnes * block.price_fen for block in of_day),
        )
        rows.append(_with_prices(row, previous_fen, rules, random) if row.listed_tonnes else row)
        previous_fen = closes[index]
    return tuple(rows)


def _listed_tonnes(total: int, days: int, random: Random) -> list[int]:
    """Tonnes of each day. The last day always trades: it makes the month's close."""
    quiet = total < QUIET_MONTH_TONNES
    trading = [not quiet or random.randrange(QUIET_DAY_ODDS) > 0 for _ in range(days - 1)] + [True]
    count = sum(trading)
    parts = iter(split(total, count, min(DAY_TONNES_USUAL_MIN, total // count), total, random))
    return [next(parts) if trades else 0 for trades in trading]


def _listed_part(figures: MonthFigures, random: Random) -> int:
    """The part of the month's value that its listed tonnes get."""
    if figures.block_tonnes == 0:
        return figures.value_fen
    permille = BLOCK_PERMILLE_LOW + random.randrange(BLOCK_PERMILLE_HIGH - BLOCK_PERMILLE_LOW + 1)
    weighed = figures.listed_tonnes * 1000 + figures.block_tonnes * permille
    return figures.value_fen * figures.listed_tonnes * 1000 // weighed


def _listed_values(
    tonnes: list[int], total_fen: int, previous_fen: int, close_fen: int, random: Random
) -> list[int] | None:
    """Each day's listed value. Their sum misses `total_fen` by rounding alone; None if no bend of the path can reach
    it."""
    days = len(tonnes)
    lasting, averages = 0, []
    for index in range(days):
        lasting += random.randrange(2 * PRICE_MOVE_FEN_MAX + 1) - PRICE_MOVE_FEN_MAX
        straight = previous_fen * FINE + (close_fen - previous_fen) * FINE * (index + 1) // days
        averages.append(straight + lasting * FINE * (days - index - 1) // (2 * days))
    bends = [(index + 1) * (days - index - 1) for index in range(days)]
    leverage = sum(tonne * bend for tonne, bend in zip(tonnes, bends, strict=True))
    if leverage == 0:
        return None
    missing = total_fen * FINE - sum(tonne * average for tonne, average in zip(tonnes, averages, strict=True))
    return [
        tonne * (average + missing * bend // leverage) // FINE
        for tonne, average, bend in zip(tonnes, averages, bends, strict=True)
    ]


def _closes(tonnes: list[int], values: list[int], previous_fen: int) -> list[int]:
    closes = []
    for tonne, value in zip(tonnes, values, strict=True):
        previous_fen = half_up(value, tonne) if tonne else previous_fen
        closes.append(previous_fen)
    return closes


def _blocks(total: int, days: int, rules: Rules, random: Random) -> list[_Block]:
    if total == 0:
        return []
    most = total // rules.block_tonnes_min
    count = min(most, max(min(2, most), total // BLOCK_TONNES_USUAL))
    quantities = split(total, count, rules.block_tonnes_min, total, random)
    return [_Block(random.randrange(days), quantity) for quantity in quantities]


def _price_blocks(blocks: list[_Block], value_fen: int, bases: list[int], rules: Rules, random: Random) -> None:
    """Price the blocks so that they are worth `value_fen`, or all but an odd fen. May move tonnes between blocks."""
    if not blocks:
        return
    weighed = sum(block.tonnes * bases[block.day_index] for block in blocks)
    for block in blocks:
        move = random.randrange(2 * PRICE_MOVE_FEN_MAX + 1) - PRICE_MOVE_FEN_MAX
        low, high = limits_fen(bases[block.day_index], rules.block_band_percent)
        block.price_fen = min(high, max(low, bases[block.day_index] * value_fen // weighed + move))

    missing = value_fen - sum(block.price_fen * block.tonnes for block in blocks)
    for block in blocks:
        low, high = limits_fen(bases[block.day_index], rules.block_band_percent)
        step = min(high - block.price_fen, max(low - block.price_fen, missing // block.tonnes))
        block.price_fen += step
        missing -= step * block.tonnes
    for cheaper in blocks:
        for dearer in blocks:
            gain = dearer.price_fen - cheaper.price_fen
            if gain > 0 and missing > 0:
                moved = min(missing // gain, cheaper.tonnes - rules.block_tonnes_min)
                cheaper.tonnes -= moved
                dearer.tonnes += moved
                missing -= moved * gain


def _with_prices(row: DayRow, previous_fen: int, rules: Rules, random: Random) -> DayRow:
    """The row with an open, high and low that its tonnes and value allow: drawn wide first, then narrower, at last as
    narrow as can be."""
    low_limit, high_limit = limits_fen(previous_fen, rules.listed_band_percent)
    floor_fen = row.listed_value_fen // row.listed_tonnes
    ceiling_fen = -(-row.listed_value_fen // row.listed_tonnes)
    width = PRICE_MOVE_FEN_MAX
    while width > 0:
        low = max(low_limit, floor_fen - random.randrange(width + 1))
        high = min(high_limit, ceiling_fen + random.randrange(width + 1))
        if low <= high:
            drawn = replace(row, open_fen=low + random.randrange(high - low + 1), high_fen=high, low_fen=low)
            if row.listed_tonnes >= len(fixed_prices(drawn)):
                least, most = value_range_fen(drawn)
                if least <= row.listed_value_fen <= most:
                    return drawn
        width //= 2
    return replace(row, open_fen=floor_fen, high_fen=ceiling_fen, low_fen=floor_fen)

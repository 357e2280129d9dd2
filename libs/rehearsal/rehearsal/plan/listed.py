"""The listed trades of a day: whole prices and quantities whose sums are the row's, to the fen.

How the integer equation sum(price * quantity) = value is solved: one trade is at the open, one at the high and one
at the low (fewer when these are equal). What remains, W tonnes of value X, is X mod W tonnes at the price X // W + 1
and the others at X // W: exact, and within [low, high] whenever any solution is. With fixed trades of one tonne each a
solution is found exactly when the row has one, because the value of T tonnes between low and high is any whole number
from T * low to T * high.

Invariants: the first trade is at the open, the highest at the high, the lowest at the low; at most PRICES_MAX prices
after the first.
"""

from dataclasses import dataclass
from random import Random

from rehearsal.plan.rows import DayRow
from rehearsal.plan.split import distances, prices_apart, split_in_pairs

PRICES_MAX = 8
"""High, low, the two prices of the rest, and four around the more frequent of them. So each side of a book needs four
levels."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A row's tonnes by price: the trades that make open, high and low, then the rest in at most two parts."""

    fixed: tuple[tuple[int, int], ...]
    rest: tuple[tuple[int, int], ...]

    def trades_min(self, tonnes_max: int) -> int:
        return len(self.fixed) + sum(-(-tonnes // tonnes_max) for _, tonnes in self.rest)

    def trades_max(self) -> int:
        return len(self.fixed) + sum(tonnes for _, tonnes in self.rest)


def fixed_prices(row: DayRow) -> tuple[int, ...]:
    """The prices that must be traded at, the open first."""
    return tuple(dict.fromkeys((row.open_fen, row.high_fen, row.low_fen)))


def value_range_fen(row: DayRow) -> tuple[int, int]:
    """The least and the greatest listed value of a row of these prices and tonnes; every whole number between is
    possible.

    The caller assures low <= open <= high and as many tonnes as fixed prices.
    """
    prices = fixed_prices(row)
    spare = row.listed_tonnes - len(prices)
    assert spare >= 0
    return sum(prices) + spare * row.low_fen, sum(prices) + spare * row.high_fen


def count_range(row: DayRow, tonnes_max: int) -> tuple[int, int]:
    """The least and the greatest number of listed trades `listed_trades` can make of a possible row."""
    if row.listed_tonnes == 0:
        return 0, 0
    return _smallest_cut(row).trades_min(tonnes_max), row.listed_tonnes


def listed_trades(row: DayRow, count: int, tonnes_max: int, random: Random) -> list[tuple[int, int]]:
    """(price_fen, quantity_tonnes) of `count` trades, the first at the open. The caller assures a possible row and a
    count within range."""
    if row.listed_tonnes == 0:
        assert count == 0
        return []
    cut = _cut_for(row, count, tonnes_max, random)
    assert cut.trades_min(tonnes_max) <= count <= cut.trades_max()
    opening, *others = cut.fixed
    left = count - len(cut.fixed)
    if cut.rest:
        (main_price, main_tonnes), *second = sorted(cut.rest, key=lambda part: -part[1])
        second_count = _second_count(left, main_tonnes, second, tonnes_max)
        for price, tonnes in second:
            others.extend((price, quantity) for quantity in split_in_pairs(tonnes, second_count, 1, tonnes_max, random))
        quantities = split_in_pairs(main_tonnes, left - second_count, 1, tonnes_max, random)
        steps = distances(min(main_price - row.low_fen, row.high_fen - main_price), random)
        others.extend(zip(prices_apart(main_price, quantities, steps, random), quantities, strict=True))
    assert len({price for price, _ in others}) <= PRICES_MAX
    random.shuffle(others)
    return [opening, *others]


def _second_count(count: int, main_tonnes: int, second: list[tuple[int, int]], tonnes_max: int) -> int:
    """How many of the trades the smaller part gets: its share by tonnes, within what both parts can take."""
    if not second:
        return 0
    tonnes = second[0][1]
    least = max(-(-tonnes // tonnes_max), count - main_tonnes)
    most = min(tonnes, count - -(-main_tonnes // tonnes_max))
    assert least <= most
    return min(most, max(least, count * tonnes // (tonnes + main_tonnes)))


def _cut_for(row: DayRow, count: int, tonnes_max: int, random: Random) -> _Cut:
    """A cut whose fixed trades are of usual size if that leaves a solution, and smaller until it does."""
    usual = min(tonnes_max, max(1, row.listed_tonnes // count))
    while usual > 1:
        fixed = tuple((price, 1 + random.randrange(usual)) for price in fixed_prices(row))
        cut = _cut(row, fixed)
        if cut is not None and cut.trades_min(tonnes_max) <= count <= cut.trades_max():
            return cut
        usual //= 2
    return _smallest_cut(row)


def _smallest_cut(row: DayRow) -> _Cut:
    cut = _cut(row, tuple((price, 1) for price in fixed_prices(row)))
    assert cut is not None, f"{row.day} {row.instrument}: the row is not possible"
    return cut


def _cut(row: DayRow, fixed: tuple[tuple[int, int], ...]) -> _Cut | None:
    tonnes = row.listed_tonnes - sum(quantity for _, quantity in fixed)
    value_fen = row.listed_value_fen - sum(price * quantity for price, quantity in fixed)
    if tonnes == 0 and value_fen == 0:
        return _Cut(fixed, ())
    if tonnes <= 0 or not tonnes * row.low_fen <= value_fen <= tonnes * row.high_fen:
        return None
    price, above = divmod(value_fen, tonnes)
    parts = ((price, tonnes - above), (price + 1, above))
    return _Cut(fixed, tuple(part for part in parts if part[1] > 0))

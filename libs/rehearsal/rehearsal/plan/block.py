"""The block trades of a day: whole prices in the band and quantities of at least the block minimum, whose sums are the
row's, to the fen.

With p = value // tonnes and r = value mod tonnes, r tonnes at p + 1 and the others at p are exact. When one of the two
parts would be smaller than a block, one more fen on one block is weighed against one less on another. From four minimum
blocks on these two ways find a solution exactly when there is one: if p is the lowest price of the day and r smaller
than a block, nothing can make up for the first fen (and the same from above). Below four, all pairs of prices are
tried: for one or two blocks that is every plan there is; for three, a plan close to the day's limits can be missed.
"""

from dataclasses import dataclass
from random import Random

from rehearsal.plan.rules import Rules, limits_fen
from rehearsal.plan.split import distances, prices_apart, shares_of, split_in_pairs

Group = tuple[int, int]
"""(price_fen, tonnes): tonnes of at least the minimum, all at one price."""

NEAREST_GAP_FEN_MAX = 20
BLOCK_TONNES_USUAL = 250_000
SPREAD_FEN_MAX = 60


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """What a day's blocks must keep: the price limits of the day and the least tonnes of one block."""

    low_fen: int
    high_fen: int
    tonnes_min: int


def block_limits(previous_fen: int, rules: Rules) -> BlockLimits:
    low_fen, high_fen = limits_fen(previous_fen, rules.block_band_percent)
    return BlockLimits(low_fen, high_fen, rules.block_tonnes_min)


def block_groups(tonnes: int, value_fen: int, limits: BlockLimits) -> list[Group] | None:
    """The day's blocks by price, or None when no prices and quantities were found that give this value."""
    if tonnes < limits.tonnes_min:
        return None
    price, above = divmod(value_fen, tonnes)
    if price < limits.low_fen or price + (above > 0) > limits.high_fen:
        return None
    if above == 0:
        return [(price, tonnes)]
    if limits.tonnes_min <= above <= tonnes - limits.tonnes_min:
        return [(price, tonnes - above), (price + 1, above)]
    return _balanced(price, tonnes, above, limits) or _two_prices(tonnes, value_fen, limits)


def nearest_block_value_fen(tonnes: int, value_fen: int, limits: BlockLimits) -> int:
    """The value nearest to the one given that blocks of these tonnes, at least one block, can have.

    Of a single block, or from beyond the limits, it is the nearest there is. Of more blocks it is so within
    NEAREST_GAP_FEN_MAX, and farther away the nearest with whole prices one fen apart.
    """
    price = min(limits.high_fen, max(limits.low_fen, value_fen // tonnes))
    values = [price * tonnes, min(limits.high_fen, price + 1) * tonnes]
    if tonnes >= 2 * limits.tonnes_min and limits.low_fen <= value_fen // tonnes < limits.high_fen:
        values += [price * tonnes + limits.tonnes_min, (price + 1) * tonnes - limits.tonnes_min]
        for gap in range(NEAREST_GAP_FEN_MAX + 1):
            for value in (value_fen - gap, value_fen + gap):
                if block_groups(tonnes, value, limits) is not None:
                    return value
    return min(values, key=lambda value: abs(value - value_fen))


def count_range(groups: list[Group], tonnes_min: int) -> tuple[int, int]:
    """The least and the greatest number of blocks that these groups can be cut into."""
    return len(groups), sum(tonnes // tonnes_min for _, tonnes in groups)


def usual_count(groups: list[Group], tonnes_min: int) -> int:
    """A number of blocks of about BLOCK_TONNES_USUAL each, within the range."""
    least, most = count_range(groups, tonnes_min)
    return min(most, max(least, sum(tonnes for _, tonnes in groups) // BLOCK_TONNES_USUAL))


def block_trades(groups: list[Group], count: int, limits: BlockLimits, random: Random) -> list[tuple[int, int]]:
    """(price_fen, quantity_tonnes) of `count` blocks. The caller assures a count within range."""
    capacities = [(1, tonnes // limits.tonnes_min) for _, tonnes in groups]
    counts = shares_of(count, capacities, [tonnes for _, tonnes in groups])
    trades: list[tuple[int, int]] = []
    for (price, tonnes), parts in zip(groups, counts, strict=True):
        quantities = split_in_pairs(tonnes, parts, limits.tonnes_min, tonnes, random)
        steps = distances(min(price - limits.low_fen, limits.high_fen - price, SPREAD_FEN_MAX), random)
        trades.extend(zip(prices_apart(price, quantities, steps, random), quantities, strict=True))
    random.shuffle(trades)
    return trades


def _balanced(price: int, tonnes: int, above: int, limits: BlockLimits) -> list[Group] | None:
    """The average lies so near a whole price that the difference is less than a block: one block up, one down, the rest
    in the middle."""
    if above < limits.tonnes_min:
        middle, down, up = price, limits.tonnes_min, limits.tonnes_min + above
    else:
        middle, down, up = price + 1, limits.tonnes_min + tonnes - above, limits.tonnes_min
    rest = tonnes - down - up
    if middle - 1 < limits.low_fen or middle + 1 > limits.high_fen or (rest != 0 and rest < limits.tonnes_min):
        return None
    return [(middle - 1, down), (middle, rest), (middle + 1, up)] if rest else [(middle - 1, down), (middle + 1, up)]


def _two_prices(tonnes: int, value_fen: int, limits: BlockLimits) -> list[Group] | None:
    """Two prices, the lower one tried from the average down: the excess over the lower price is their distance times
    the dearer tonnes."""
    if not 2 * limits.tonnes_min <= tonnes < 4 * limits.tonnes_min:
        return None
    tonnes_max = tonnes - limits.tonnes_min
    for low_price in range(min(value_fen // tonnes, limits.high_fen), limits.low_fen - 1, -1):
        excess = value_fen - low_price * tonnes
        distance_max = min(excess // limits.tonnes_min, limits.high_fen - low_price)
        for distance in range(max(1, -(-excess // tonnes_max)), distance_max + 1):
            if excess % distance == 0:
                dearer = excess // distance
                return [(low_price, tonnes - dearer), (low_price + distance, dearer)]
    return None

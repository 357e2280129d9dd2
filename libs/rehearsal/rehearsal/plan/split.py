"""Cutting whole tonnes into whole parts, and moving prices apart without moving the sum.

Everything here keeps a sum exactly; chance decides only how it is cut. Chance is a `random.Random` that the caller
seeded, and only its whole numbers are drawn.
"""

from collections.abc import Sequence
from random import Random

WEIGHT_MAX = 100
DISTANCES_MAX = 2


def split(total: int, parts: int, part_min: int, part_max: int, random: Random) -> list[int]:
    """`total` as so many parts, each within its bounds. The caller assures parts * part_min <= total <= parts *
    part_max."""
    assert parts * part_min <= total <= parts * part_max
    weights = [1 + random.randrange(WEIGHT_MAX) * random.randrange(WEIGHT_MAX) for _ in range(parts)]
    spare, room = total - parts * part_min, part_max - part_min
    weight_total = sum(weights)
    shares = [min(room, spare * weight // weight_total) for weight in weights]
    left = spare - sum(shares)
    for index in range(parts):
        more = min(left, room - shares[index])
        shares[index] += more
        left -= more
    assert left == 0
    return [part_min + share for share in shares]


def split_in_pairs(total: int, parts: int, part_min: int, part_max: int, random: Random) -> list[int]:
    """As `split`, but part i equals part i + parts // 2 wherever the sum allows; an odd part comes last."""
    if parts == 1:
        return [total]
    lone = [total // parts] if parts % 2 else []
    half, odd = divmod(total - sum(lone), 2)
    halves = split(half, parts // 2, part_min, part_max, random)
    quantities = [*halves, *halves, *lone]
    if odd:
        index = next(index for index, quantity in enumerate(quantities) if quantity < part_max)
        quantities[index] += 1
    return quantities


def shares_of(total: int, capacities: Sequence[tuple[int, int]], weights: Sequence[int]) -> list[int]:
    """`total` over slots of (least, most), in proportion to their weights as far as the bounds allow.

    The caller assures that the sum of the least is not above and the sum of the most not below `total`.
    """
    assert sum(least for least, _ in capacities) <= total <= sum(most for _, most in capacities)
    scale = max(1, sum(weights))

    def at(level: int) -> list[int]:
        return [
            min(most, max(least, weight * level // scale))
            for (least, most), weight in zip(capacities, weights, strict=True)
        ]

    low, high = 0, scale * (1 + max((most for _, most in capacities), default=0))
    while high - low > 1:
        level = (low + high) // 2
        low, high = (level, high) if sum(at(level)) <= total else (low, level)
    shares = at(low)
    left = total - sum(shares)
    for index, (_, most) in enumerate(capacities):
        more = min(left, most - shares[index])
        shares[index] += more
        left -= more
    assert left == 0
    return shares


def distances(room: int, random: Random) -> tuple[int, ...]:
    """How far, in fen, prices of a pair may be from their middle: zero and at most DISTANCES_MAX more, none beyond
    `room`."""
    return (0, *sorted({1 + random.randrange(room) for _ in range(DISTANCES_MAX)})) if room > 0 else (0,)


def prices_apart(price_fen: int, quantities: Sequence[int], steps: Sequence[int], random: Random) -> list[int]:
    """A price for each quantity, of the value price_fen * sum(quantities) in all: pairs of equal quantity move apart by
    one of `steps`."""
    prices = [price_fen] * len(quantities)
    half = len(quantities) // 2
    for index in range(half):
        if quantities[index] == quantities[index + half]:
            step = steps[random.randrange(len(steps))]
            prices[index] -= step
            prices[index + half] += step
    return prices

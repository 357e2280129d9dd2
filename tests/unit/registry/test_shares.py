"""How a holding is split: exactly, what shares tell about whose they are."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import factorial, prod

from registry.supply.shares import SHARES_OF_HOLDING_MAX, split
from registry.supply.tree import TreeOf, shares_of

TOGETHER_TONNES = 9

Shares = tuple[int, ...]


class Chosen:
    """Draws that a test chooses beforehand; `chance` is that of these draws."""

    def __init__(self, draws: Iterator[int]) -> None:
        self._draws = draws
        self.chance = Fraction(1)

    def __call__(self, below: int) -> int:
        self.chance /= below
        return next(self._draws)


def ways_to_draw(quantity_tonnes: int) -> Iterator[tuple[int, ...]]:
    """Every sequence of draws that splits a quantity."""
    if quantity_tonnes == 0:
        yield ()
    for first in range(quantity_tonnes):
        for others in ways_to_draw(quantity_tonnes - first - 1):
            yield (first, *others)


def chances_of_splits(quantity_tonnes: int) -> dict[Shares, Fraction]:
    """How likely each split is, whatever the order of the shares: places in a tree are random."""
    chances: dict[Shares, Fraction] = {}
    for draws in ways_to_draw(quantity_tonnes):
        draw = Chosen(iter(draws))
        shares = tuple(sorted(split(quantity_tonnes, draw)))
        chances[shares] = chances.get(shares, Fraction(0)) + draw.chance
    return chances


def as_named_ones(shares: Shares, chance: Fraction) -> Fraction:
    """How likely it is that a holding's shares are these very ones, of shares that can be told apart."""
    return chance * prod(factorial(times) for times in Counter(shares).values())


def whose_chances(seen: Shares, splits: dict[int, dict[Shares, Fraction]]) -> list[Fraction]:
    """For every way to give each share that is seen to one of two holders: how likely these holders' splits are."""
    found = []
    for givens in product((0, 1), repeat=len(seen)):
        chance = Fraction(1)
        for holder in (0, 1):
            own = tuple(share for share, given in zip(seen, givens, strict=True) if given == holder)
            chance *= as_named_ones(own, splits[sum(own)].get(own, Fraction(0)))
        found.append(chance)
    return found


def test_of_the_shares_of_two_holdings_every_way_to_give_each_to_one_of_the_two_is_as_likely() -> None:
    splits = {tonnes: chances_of_splits(tonnes) for tonnes in range(TOGETHER_TONNES + 1)}
    seen = {tuple(sorted(one + other)) for one in splits[3] for other in splits[TOGETHER_TONNES - 3]}
    assert len(seen) > 20
    for shares in seen:
        chances = whose_chances(shares, splits)
        assert len(set(chances)) == 1, f"{shares} tell something about whose they are"


def test_holdings_in_one_piece_or_in_halves_would_tell_whose_they_are() -> None:
    """So the test above fails for a split that gives something away."""
    whole: dict[int, dict[Shares, Fraction]] = {
        tonnes: {(tonnes,) if tonnes else (): Fraction(1)} for tonnes in range(TOGETHER_TONNES + 1)
    }
    assert set(whose_chances((3, 6), whole)) == {0, 1}
    halves = {tonnes: {tuple(sorted((tonnes // 2, tonnes - tonnes // 2))): Fraction(1)} for tonnes in range(9)}
    assert len(set(whose_chances((1, 1, 3, 3), halves))) > 1


def test_the_chances_of_all_splits_add_up() -> None:
    for tonnes in range(TOGETHER_TONNES + 1):
        assert sum(chances_of_splits(tonnes).values()) == 1


def test_shares_add_up_and_none_is_of_nothing_even_where_every_draw_is_the_least() -> None:
    tonnes = 10**6
    shares = split(tonnes, lambda below: 0)
    assert len(shares) == SHARES_OF_HOLDING_MAX
    assert sum(shares) == tonnes
    assert min(shares) > 0
    assert split(0, lambda below: 0) == []


def test_a_holding_is_split_in_the_same_way_again_with_the_same_secret_only() -> None:
    of = TreeOf("registry", "2021-07-16", "CEA", "trading")
    shares = shares_of(of, b"secret", "power-0001", 10**6)
    assert sum(share.quantity_tonnes for share in shares) == 10**6
    assert shares_of(of, b"secret", "power-0001", 10**6) == shares
    for other in (
        shares_of(of, b"another", "power-0001", 10**6),
        shares_of(of, b"secret", "power-0002", 10**6),
        shares_of(TreeOf("registry", "2021-07-16", "CEA", "cancelled"), b"secret", "power-0001", 10**6),
    ):
        assert {share.salt for share in other}.isdisjoint(share.salt for share in shares)

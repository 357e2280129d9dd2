"""The descent of two sum trees whose roots differ, to the leaves that they do not have in common.

Both sides are asked what is below the same places, from the root down; what has the same digest is the same and is left
alone. So the work is that of what differs, not of what there is. All differing leaves are found: their number and the
name of the disagreement count them all.
"""

from collections.abc import Awaitable, Callable, Sequence

from carbonmarket.log.v1.sum_trees_pb2 import SumTreePart
from chassis.core.sum_tree import Key, Leaf, Quantities, SumTree

PLACES_MAX = 256
"""In one question; each has at most sixteen parts. To answer it takes about 10 ms."""
ROUNDS_MAX = 10_000
"""Of PLACES_MAX places each: more than a million leaves that differ."""

Ask = Callable[[Sequence[bytes]], Awaitable[Sequence[Sequence[SumTreePart]]]]
"""What one side has below each of some places."""


async def differing_leaves(ask_held: Ask, ask_expected: Ask) -> dict[Key, tuple[Quantities, Quantities]]:
    """Every key with other quantities on one side than on the other, and both."""
    held: dict[Key, Quantities] = {}
    expected: dict[Key, Quantities] = {}
    ahead = [b""]
    for _ in range(ROUNDS_MAX):
        places, ahead = ahead[-PLACES_MAX:], ahead[:-PLACES_MAX]
        both = zip(await ask_held(places), await ask_expected(places), strict=True)
        for ours, theirs in both:
            ahead += sort_out(ours, theirs, held, expected)
        if not ahead:
            break
    else:
        raise AssertionError(f"more than {ROUNDS_MAX} rounds of {PLACES_MAX} places that differ")
    found = held.keys() | expected.keys()
    assert found, "where two roots differ, some of their leaves do"
    nothing = (0,) * len(next(iter((held or expected).values())))
    return {key: (held.get(key, nothing), expected.get(key, nothing)) for key in found}


def sort_out(
    ours: Sequence[SumTreePart],
    theirs: Sequence[SumTreePart],
    held: dict[Key, Quantities],
    expected: dict[Key, Quantities],
) -> list[bytes]:
    """Notes the leaves that differ below a place, and returns the places where only a further look can tell."""
    further: list[bytes] = []
    of_ours, of_theirs = {part.place: part for part in ours}, {part.place: part for part in theirs}
    for place in sorted(of_ours.keys() | of_theirs.keys()):
        one, other = of_ours.get(place), of_theirs.get(place)
        if one is not None and other is not None and one.digest == other.digest:
            continue
        if any(part is not None and not part.key for part in (one, other)):
            further.append(place)
            continue
        if one is not None:
            held[tuple(one.key)] = tuple(one.quantities)
        if other is not None:
            expected[tuple(other.key)] = tuple(other.quantities)
    return further


def parts_below(tree: SumTree, place: bytes) -> list[SumTreePart]:
    return [
        SumTreePart(place=below, digest=node.digest, key=node.key, quantities=node.sums)
        if isinstance(node, Leaf)
        else SumTreePart(place=below, digest=node.digest)
        for below, node in tree.below(place)
    ]

"""The descent of two sum trees whose roots differ, to the leaves that they do not have in common.

Both sides are asked what is below the same places, from the root down; what has the same digest is the same and is left
alone. So the work is that of what differs, not of what there is. All differing leaves are found, up to a number that
the caller names: two honest sides may differ in everything, and that is found out in bounded time and memory as well.

Nothing that a side answers is taken on trust. The digest of a branch covers each of its parts with its number of leaves
and its sums, so an answer is either what the root stated above commits to, or a Contradiction. So a descent ends,
whatever it is answered: a place has at most sixteen parts, each one digit further down, and no more leaves than the
root stated. If all that differs is found, it adds up to the difference of the two roots' sums.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import add

from carbonmarket.log.v1.sum_trees_pb2 import SumTreePart, SumTreeRoot
from chassis.core.sum_tree import (
    DEPTH_MAX,
    DIGEST_BYTES,
    FAN_OUT,
    Form,
    Key,
    Leaf,
    Quantities,
    Root,
    SumTree,
    branch_digest,
    leaf_digest,
    place_of,
    written,
)

PLACES_MAX = 256
"""In one question; each has at most sixteen parts. To answer it takes about 10 ms."""
LEAVES_MAX = 10_000_000
"""In a tree: more than there are accounts and vintages."""

Ask = Callable[[Sequence[bytes]], Awaitable[Sequence[Sequence[SumTreePart]]]]
"""What one side has below each of some places."""
Differing = dict[Key, tuple[Quantities, Quantities]]
"""The leaves that two trees do not have in common, by key: what each side has."""


class Contradiction(Exception):
    """What a side states cannot be of one tree."""

    def __init__(self, side: str, why: str) -> None:
        super().__init__(why)
        self.side = side
        self.why = why


@dataclass(frozen=True, slots=True)
class Part:
    """What a side has at one place; `key` of a leaf, empty of a branch."""

    stated: Root
    key: Key = ()


@dataclass(frozen=True, slots=True)
class Side:
    """A tree whose root is stated, and how to ask what is below it."""

    name: str
    root: Root
    ask: Ask

    async def below(self, form: Form, branches: Mapping[bytes, Part]) -> dict[bytes, dict[int, Part]]:
        """The parts of some of its branches, by place and digit. Raises Contradiction."""
        places = list(branches)
        answers = await self.ask(places) if places else []
        if len(answers) != len(places):
            raise Contradiction(self.name, f"asked about {len(places)} places, it answers about {len(answers)}")
        found = {}
        for place, parts in zip(places, answers, strict=True):
            found[place] = parts_of(form, self.name, place, branches[place].stated, parts)
            # To check sixteen leaves takes half a millisecond; others are served in between.
            await asyncio.sleep(0)
        return found


async def differing_leaves(form: Form, held: Side, expected: Side, leaves_max: int) -> Differing:
    """Every key with other quantities on one side than on the other, and both; where they are `leaves_max` or more,
    that many of them. Raises Contradiction.
    """
    found: Differing = {}
    ahead = {b"": (top(held), top(expected))}
    while ahead:
        some = dict([ahead.popitem() for _ in range(min(len(ahead), PLACES_MAX))])
        ours = await held.below(form, branches_of({place: both[0] for place, both in some.items()}))
        theirs = await expected.below(form, branches_of({place: both[1] for place, both in some.items()}))
        for place, (one, other) in some.items():
            below_one, below_other = moved_down(place, one, ours), moved_down(place, other, theirs)
            for digit in sorted(below_one.keys() | below_other.keys()):
                both = below_one.get(digit), below_other.get(digit)
                if both[0] == both[1]:
                    continue
                if any(part is not None and not part.key for part in both):
                    ahead[place + bytes((digit,))] = both
                else:
                    found.update(of_leaves(form, *both))
                if len(found) >= leaves_max:
                    return dict(islice(found.items(), leaves_max))
    return found


def top(side: Side) -> Part | None:
    return Part(side.root) if side.root.leaves else None


def branches_of(parts: Mapping[bytes, Part | None]) -> dict[bytes, Part]:
    """What has to be asked about; of a leaf all is known."""
    return {place: part for place, part in parts.items() if part is not None and not part.key}


def moved_down(place: bytes, part: Part | None, asked: Mapping[bytes, dict[int, Part]]) -> dict[int, Part]:
    """What is below a place, by digit: a leaf that is alone there as if it were further down."""
    if part is None:
        return {}
    return {place_of(part.key)[len(place)]: part} if part.key else asked[place]


def of_leaves(form: Form, one: Part | None, other: Part | None) -> Differing:
    """Two that are not the same: of one key, or each of a key that the other side does not have."""
    nothing = form.nothing
    held = {one.key: one.stated.sums} if one else {}
    expected = {other.key: other.stated.sums} if other else {}
    return {key: (held.get(key, nothing), expected.get(key, nothing)) for key in held.keys() | expected.keys()}


# What a side states


def root_of(form: Form, side: str, stated: SumTreeRoot) -> Root:
    """Raises Contradiction where no tree has such a root."""
    root = checked(form, side, "the root", stated)
    if root.leaves == 0 and root != SumTree(form).root:
        raise Contradiction(side, f"the root of {form} has no leaves, and is not that of a tree without leaves")
    return root


def parts_of(form: Form, side: str, place: bytes, above: Root, parts: Sequence[SumTreePart]) -> dict[int, Part]:
    """What an answer says is below a place, by digit. Raises Contradiction if what was stated above does not commit to
    exactly this.
    """
    here = f"place {digits(place)} of {form}" if place else f"the root of {form}"
    if len(place) >= DEPTH_MAX or len(parts) > FAN_OUT:
        raise Contradiction(side, f"{here} has {len(parts)} parts, {len(place) + 1} digits down")
    found: dict[int, Part] = {}
    for each in parts:
        digit = each.place[-1] if each.place else FAN_OUT
        if digit >= FAN_OUT or digit in found or each.place[:-1] != place:
            raise Contradiction(side, f"{here} has a part at {digits(each.place)}")
        found[digit] = part_of(form, side, each)
    stated = {digit: part.stated for digit, part in found.items()}
    if above.leaves == 1:
        if list(stated.values()) != [above]:
            raise Contradiction(side, f"{here} has not the one leaf that was stated above")
    elif added_up(form, stated.values()) != (above.leaves, above.sums):
        raise Contradiction(side, f"the parts of {here} do not add up to what was stated above")
    elif branch_digest(form, [stated.get(digit) for digit in range(FAN_OUT)]) != above.digest:
        raise Contradiction(side, f"the parts of {here} have not the digest that was stated above")
    return found


def part_of(form: Form, side: str, part: SumTreePart) -> Part:
    here = f"place {digits(part.place)} of {form}"
    stated, key = checked(form, side, here, part), tuple(part.key)
    if stated.leaves == 0 or (stated.leaves == 1) != bool(key):
        raise Contradiction(side, f"{here} has {stated.leaves} leaves, and a key of {len(key)} parts")
    if key and not is_leaf(form, part.place, key, stated):
        raise Contradiction(side, f"{here} has not the leaf that its digest commits to")
    return Part(stated, key)


def is_leaf(form: Form, place: bytes, key: Key, stated: Root) -> bool:
    """Whether a key has its place there, and the digest is of it and its quantities."""
    if any("\n" in part for part in key) or not place_of(key).startswith(place):
        return False
    return leaf_digest(form, key, written(stated.sums)) == stated.digest


def added_up(form: Form, stated: Iterable[Root]) -> tuple[int, Quantities]:
    leaves, sums = 0, form.nothing
    for each in stated:
        leaves += each.leaves
        sums = tuple(map(add, sums, each.sums))
    return leaves, sums


def checked(form: Form, side: str, here: str, stated: SumTreeRoot | SumTreePart) -> Root:
    """What is stated of a place, within the bounds of every tree. Raises Contradiction."""
    digest, leaves, sums = stated.digest, stated.leaves, tuple(stated.sums)
    if len(digest) != DIGEST_BYTES or len(sums) != len(form.states):
        raise Contradiction(side, f"{here} has a digest of {len(digest)} bytes and {len(sums)} sums")
    if min(leaves, *sums) < 0 or leaves > LEAVES_MAX:
        raise Contradiction(side, f"{here} has {leaves} leaves, and the sums {sums}")
    return Root(digest, leaves, sums)


def digits(place: bytes) -> str:
    return place[:DEPTH_MAX].hex()[1::2]


# What is answered


def parts_below(tree: SumTree, place: bytes) -> list[SumTreePart]:
    form = tree.form
    return [
        SumTreePart(
            place=below,
            digest=node.digest,
            key=node.key if isinstance(node, Leaf) else (),
            leaves=form.leaves_in(node.total),
            sums=form.sums_in(node.total),
        )
        for below, node in tree.below(place)
    ]

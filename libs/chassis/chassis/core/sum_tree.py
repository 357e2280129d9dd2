"""A commitment to many quantities: a tree of hashes that also adds up what it commits to.

A leaf is a key and a vector of quantities, as many as the tree's `width`; where all of them are zero there is no leaf.
Its place is the digest of its key, read as hexadecimal digits from the top down: a branch has sixteen places, one for
each digit, and a leaf that is alone below a place is at that place. So a tree's shape depends on its contents alone:
two trees with the same leaves have the same root, whatever the order in which they got them.

Invariants:
- a branch has at least two leaves below it;
- a leaf's digest covers the tree's name, the key and the quantities; a branch's covers of each child its place, its
  digest, its count of leaves and its sums; neither can be taken for the other;
- no quantity is negative, so no sum is less than one of its parts. A sum beyond SUM_MAX is an error, never a wrong sum.

Trees are values: a change gives another tree, which shares what did not change. Changing one leaf of 100,000 costs
about five hashes. A tree that somebody still holds can still be read.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

FAN_OUT = 16
SUM_BYTES = 16
SUM_MAX = 2 ** (8 * SUM_BYTES) - 1
LEAF_PURPOSE = b"carbonmarket sum tree leaf"
BRANCH_PURPOSE = b"carbonmarket sum tree branch"
EMPTY_PURPOSE = b"carbonmarket sum tree without leaves"
DIGIT_OF = bytes.maketrans(b"0123456789abcdef", bytes(range(FAN_OUT)))

Key = tuple[str, ...]
Quantities = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What stands at one place of a tree: all its leaves together."""

    digest: bytes
    leaves: int
    sums: Quantities


@dataclass(eq=False, slots=True)
class Leaf:
    key: Key
    place: bytes
    sums: Quantities
    digest: bytes
    stated: bytes
    """What the digest of the branch above covers."""
    leaves: int = 1


@dataclass(eq=False, slots=True)
class Branch:
    children: "tuple[Leaf | Branch | None, ...]"
    sums: Quantities
    digest: bytes
    stated: bytes
    leaves: int


Node = Leaf | Branch
Changes = list[tuple[bytes, Leaf | None]]
"""Leaves to be, by place; None where there is to be none."""


@dataclass(frozen=True, slots=True)
class SumTree:
    name: str
    width: int
    top: Node | None = None

    @property
    def root(self) -> Part:
        if self.top is None:
            return Part(hashlib.sha256(b"\n".join((EMPTY_PURPOSE, self.name.encode()))).digest(), 0, (0,) * self.width)
        return Part(self.top.digest, self.top.leaves, self.top.sums)

    def changed(self, quantities: Mapping[Key, Quantities]) -> "SumTree":
        """The tree in which these keys have these quantities. Raises OverflowError for a negative or too large one."""
        changes: Changes = []
        for key, amounts in quantities.items():
            assert len(amounts) == self.width, f"{self.name} has {self.width} quantities of a key"
            place = place_of(key)
            changes.append((place, leaf(self.name, key, place, amounts) if any(amounts) else None))
        return replace(self, top=with_changes(self.name, self.top, 0, changes)) if changes else self

    def at(self, prefix: bytes) -> Node | None:
        """What is below a place, which is said by the digits that lead there; a leaf that is alone there as well."""
        node = self.top
        for depth, digit in enumerate(prefix):
            if not isinstance(node, Branch):
                return node if node is not None and node.place[depth:].startswith(prefix[depth:]) else None
            node = node.children[digit]
        return node

    def leaves(self) -> Iterator[Leaf]:
        return leaves_of(self.top)


def leaves_of(node: Node | None) -> Iterator[Leaf]:
    if isinstance(node, Branch):
        for child in node.children:
            yield from leaves_of(child)
    elif node is not None:
        yield node


def place_of(key: Key) -> bytes:
    """The digits that lead to a key's leaf, one a byte."""
    return hashlib.sha256("\n".join(key).encode()).hexdigest().encode().translate(DIGIT_OF)


def leaf(name: str, key: Key, place: bytes, quantities: Quantities) -> Leaf:
    stated_sums = b"".join([amount.to_bytes(SUM_BYTES, "big") for amount in quantities])
    text = "\n".join((name, *key)).encode()
    digest = hashlib.sha256(b"\n".join((LEAF_PURPOSE, b"%d" % len(text), text)) + stated_sums).digest()
    return Leaf(key, place, quantities, digest, b"".join((digest, (1).to_bytes(8, "big"), stated_sums)))


def branch(name: str, children: Iterable[Node | None]) -> Branch:
    kept = tuple(children)
    present = [child for child in kept if child is not None]
    sums = tuple(map(sum, zip(*[child.sums for child in present], strict=True)))
    leaves = sum([child.leaves for child in present])
    stated = [PLACES[digit] + child.stated for digit, child in enumerate(kept) if child is not None]
    digest = hashlib.sha256(b"\n".join((BRANCH_PURPOSE, name.encode(), b"".join(stated)))).digest()
    stated_sums = b"".join([amount.to_bytes(SUM_BYTES, "big") for amount in sums])
    return Branch(kept, sums, digest, b"".join((digest, leaves.to_bytes(8, "big"), stated_sums)), leaves)


PLACES = [bytes((digit,)) for digit in range(FAN_OUT)]


def with_changes(name: str, node: Node | None, depth: int, changes: Changes) -> Node | None:
    if isinstance(node, Branch):
        children = list(node.children)
        for digit, below in by_digit(changes, depth).items():
            children[digit] = with_changes(name, children[digit], depth + 1, below)
        return joined(name, children)
    leaves = dict(changes)
    if node is not None:
        leaves.setdefault(node.place, node)
    return built(name, depth, [(place, each) for place, each in leaves.items() if each is not None])


def built(name: str, depth: int, leaves: Changes) -> Node | None:
    if len(leaves) <= 1:
        return leaves[0][1] if leaves else None
    children: list[Node | None] = [None] * FAN_OUT
    for digit, below in by_digit(leaves, depth).items():
        children[digit] = built(name, depth + 1, below)
    return joined(name, children)


def by_digit(changes: Changes, depth: int) -> dict[int, Changes]:
    found: dict[int, Changes] = {}
    for change in changes:
        found.setdefault(change[0][depth], []).append(change)
    return found


def joined(name: str, children: list[Node | None]) -> Node | None:
    """A leaf that is alone is where the branch would be."""
    present = [child for child in children if child is not None]
    if not present:
        return None
    if len(present) == 1 and isinstance(present[0], Leaf):
        return present[0]
    return branch(name, children)

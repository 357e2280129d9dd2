"""A commitment to many quantities: a tree of hashes that also adds up what it commits to.

A leaf is a key and its quantities, one for each of the states that the tree's form names; where all of them are zero
there is no leaf. Its place is the digest of its key, read as hexadecimal digits from the top down: a branch has sixteen
places, one for each digit, and a leaf that is alone below a place is at that place. So a tree's shape depends on its
contents alone: two trees of one form with the same leaves have the same root, in whatever order they got them.

Invariants:
- a branch has at least two leaves below it;
- a leaf's digest covers the form, the key and the quantities; a branch's covers the form and, of each child, its place,
  its digest, its number of leaves and its sums. Each begins with its purpose, so none can be taken for another;
- no quantity is negative, so no sum is less than one of its parts. What is negative or beyond SUM_MAX is an
  OverflowError, never a wrong sum.

Trees are values: a change gives another tree, which shares what did not change, so whoever holds one can go on reading
it. A change costs a digest for each branch above the leaf: four or five of 100,000 leaves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

FAN_OUT = 16
DEPTH_MAX = 64
"""The digits of a place."""
SUM_BYTES = 12
SUM_MAX = 2 ** (8 * SUM_BYTES) - 1
"""Of 64-bit quantities four billion fit in a sum."""
LEAF_PURPOSE = b"carbonmarket sum tree leaf"
BRANCH_PURPOSE = b"carbonmarket sum tree branch"
EMPTY_PURPOSE = b"carbonmarket sum tree without leaves"
DIGIT_OF = bytes.maketrans(b"0123456789abcdef", bytes(range(FAN_OUT)))

Key = tuple[str, ...]
Quantities = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What a tree commits to. A state more makes another version: the roots of the one before stay what they are."""

    name: str
    version: int
    states: tuple[str, ...]
    leaf_seed: bytes = field(init=False, repr=False, compare=False)
    branch_seed: bytes = field(init=False, repr=False, compare=False)
    nothing: Quantities = field(init=False, repr=False, compare=False)
    absent: bytes = field(init=False, repr=False, compare=False)
    """What a branch's digest covers of a place without a child."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaf_seed", b"\n".join((LEAF_PURPOSE, self.stated, b"")))
        object.__setattr__(self, "branch_seed", b"\n".join((BRANCH_PURPOSE, self.stated, b"")))
        object.__setattr__(self, "nothing", (0,) * len(self.states))
        object.__setattr__(self, "absent", bytes(32 + 8 + SUM_BYTES * len(self.states)))

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def empty_digest(self) -> bytes:
        return sha256(b"\n".join((EMPTY_PURPOSE, self.stated, b""))).digest()

    @property
    def stated(self) -> bytes:
        """What every digest covers of it."""
        return f"{self}: {', '.join(self.states)}".encode()


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
    body: bytes
    """What its children state, each at its place; its digest covers it."""


Node = Leaf | Branch
Change = tuple[bytes, Key, Quantities]
"""The place of a key, and the quantities that it is to have."""


@dataclass(frozen=True, slots=True)
class SumTree:
    form: Form
    top: Node | None = None

    @property
    def digest(self) -> bytes:
        """The root."""
        return self.top.digest if self.top is not None else self.form.empty_digest

    @property
    def leaves(self) -> int:
        return self.top.leaves if self.top is not None else 0

    @property
    def sums(self) -> Quantities:
        return self.top.sums if self.top is not None else self.form.nothing

    def changed(self, quantities: Mapping[Key, Quantities]) -> "SumTree":
        """The tree in which these keys have these quantities. Raises OverflowError for a negative or too large one."""
        changes = [(place_of(key), key, amounts) for key, amounts in quantities.items()]
        return replace(self, top=with_changes(self.form, self.top, 0, changes)) if changes else self

    def quantities(self, key: Key) -> Quantities:
        found = self.at(place_of(key))
        return found.sums if found is not None else self.form.nothing

    def at(self, prefix: bytes) -> Node | None:
        """What is below a place, given as the digits that lead there; a leaf that is alone there as well."""
        node = self.top
        for depth, digit in enumerate(prefix):
            if not isinstance(node, Branch):
                return node if node is not None and node.place[depth:].startswith(prefix[depth:]) else None
            node = node.children[digit]
        return node

    def below(self, prefix: bytes) -> list[tuple[bytes, Node]]:
        """What is below a place, by the places one digit further; a leaf that is alone there as if it were further
        down. So two trees can be compared place by place, whatever their shapes.
        """
        node = self.at(prefix)
        if isinstance(node, Branch):
            return [(prefix + DIGITS[digit], child) for digit, child in enumerate(node.children) if child is not None]
        return [(node.place[: len(prefix) + 1], node)] if node is not None else []

    def all_leaves(self) -> Iterator[Leaf]:
        return leaves_of(self.top)


DIGITS = [bytes((digit,)) for digit in range(FAN_OUT)]


def leaves_of(node: Node | None) -> Iterator[Leaf]:
    if isinstance(node, Branch):
        for child in node.children:
            yield from leaves_of(child)
    elif node is not None:
        yield node


def place_of(key: Key) -> bytes:
    """The digits that lead to a key's leaf, one a byte."""
    return sha256("\n".join(key).encode()).hexdigest().encode().translate(DIGIT_OF)


def leaf(form: Form, change: Change) -> Leaf:
    place, key, amounts = change
    assert len(amounts) == len(form.states), f"{form} has the states {form.states}"
    text = "\n".join(key).encode()
    sums = stated_sums(amounts)
    digest = sha256(b"%s%d\n%s%s" % (form.leaf_seed, len(text), text, sums)).digest()
    return Leaf(key, place, amounts, digest, b"".join((digest, ONE, sums)))


def stated_sums(sums: Quantities) -> bytes:
    return b"".join([amount.to_bytes(SUM_BYTES, "big") for amount in sums])


ONE = (1).to_bytes(8, "big")


def branch(form: Form, children: tuple[Node | None, ...]) -> Branch:
    present = [child for child in children if child is not None]
    sums = tuple([sum(amounts) for amounts in zip(*[child.sums for child in present], strict=True)])
    leaves = sum([child.leaves for child in present])
    body = b"".join([form.absent if child is None else child.stated for child in children])
    return with_body(form, children, sums, leaves, body)


def with_body(form: Form, children: tuple[Node | None, ...], sums: Quantities, leaves: int, body: bytes) -> Branch:
    digest = sha256(form.branch_seed + body).digest()
    stated = b"".join([digest, leaves.to_bytes(8, "big"), *[amount.to_bytes(SUM_BYTES, "big") for amount in sums]])
    return Branch(children, sums, digest, stated, leaves, body)


def with_children(form: Form, node: Branch, changed: dict[int, Node | None]) -> Branch:
    """The branch with other children in the places of some that it has: its sums change by the differences."""
    children, body, size = list(node.children), bytearray(node.body), len(form.absent)
    sums, leaves = node.sums, node.leaves
    for digit, child in changed.items():
        before = children[digit]
        assert before is not None and child is not None
        children[digit] = child
        body[digit * size : (digit + 1) * size] = child.stated
        leaves += child.leaves - before.leaves
        sums = tuple([whole - old + new for whole, old, new in zip(sums, before.sums, child.sums, strict=True)])
    return with_body(form, tuple(children), sums, leaves, bytes(body))


def with_changes(form: Form, node: Node | None, depth: int, changes: list[Change]) -> Node | None:
    """The node that is to be in the place of `node`; the same one if nothing of it changes."""
    if isinstance(node, Branch):
        changed: dict[int, Node | None] = {}
        for digit, below in by_digit(changes, depth).items():
            after = with_changes(form, node.children[digit], depth + 1, below)
            if after is not node.children[digit]:
                changed[digit] = after
        if not changed:
            return node
        if all(after is not None and node.children[digit] is not None for digit, after in changed.items()):
            whole = with_children(form, node, changed)
            if whole.leaves > 1:
                return whole
        return joined(form, [changed.get(digit, child) for digit, child in enumerate(node.children)])
    if node is None:
        return built(form, depth, [change for change in changes if any(change[2])])
    if len(changes) == 1 and changes[0][0] == node.place and changes[0][2] == node.sums:
        return node
    quantities = {node.place: (node.place, node.key, node.sums)} | {change[0]: change for change in changes}
    return built(form, depth, [change for change in quantities.values() if any(change[2])])


def built(form: Form, depth: int, leaves: list[Change]) -> Node | None:
    if len(leaves) <= 1:
        return leaf(form, leaves[0]) if leaves else None
    children: list[Node | None] = [None] * FAN_OUT
    for digit, below in by_digit(leaves, depth).items():
        children[digit] = built(form, depth + 1, below)
    return joined(form, children)


def by_digit(changes: list[Change], depth: int) -> dict[int, list[Change]]:
    if len(changes) == 1:
        return {changes[0][0][depth]: changes}
    found: dict[int, list[Change]] = {}
    for change in changes:
        found.setdefault(change[0][depth], []).append(change)
    return found


def joined(form: Form, children: list[Node | None]) -> Node | None:
    """A leaf that is alone is where the branch would be."""
    present = [child for child in children if child is not None]
    if not present:
        return None
    if len(present) == 1 and isinstance(present[0], Leaf):
        return present[0]
    return branch(form, tuple(children))

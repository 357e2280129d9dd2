"""A commitment to many quantities: a tree of hashes that also adds up what it commits to.

A leaf is a key and its quantities, one for each of the states that the tree's form names; where all of them are zero
there is no leaf. Its place is a digest of its key, read as hexadecimal digits from the top down: a branch has sixteen
places, one for each digit, and a leaf that is alone below a place is at that place. So a tree's shape depends on its
contents alone: two trees of one form with the same leaves have the same root, in whatever order they got them. A key
has the same place in trees of every form.

Invariants:
- a branch has at least two leaves below it;
- a leaf's digest covers the form, the key and the quantities; a branch's covers the form and, of each child, its place,
  its digest, its number of leaves and its sums. Each begins with its purpose, so none can be taken for another;
- no quantity is negative, so no sum is less than one of its parts; none has more than 8 bytes, and a sum has 12, which
  hold four billion of them. A quantity out of its bounds is an OverflowError.

A node's number of leaves and its sums are one integer, its `total`: the bytes that a digest covers, read as a number.
No sum runs over into the next, so totals are added and subtracted whole.

Trees are values: a change gives another tree, which shares what did not change, so whoever holds one can go on reading
it. A change costs a digest for each branch above the leaf: four or five of 100,000 leaves.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

FAN_OUT = 16
DEPTH_MAX = 64
"""The digits of a place."""
DIGEST_BYTES = 32
COUNT_BYTES = 8
QUANTITY_MAX = 2**63 - 1
SUM_BYTES = 12
PLACE_PURPOSE = b"carbonmarket sum tree place"
LEAF_PURPOSE = b"carbonmarket sum tree leaf"
BRANCH_PURPOSE = b"carbonmarket sum tree branch"
EMPTY_PURPOSE = b"carbonmarket sum tree without leaves"
DIGIT_OF = bytes.maketrans(b"0123456789abcdef", bytes(range(FAN_OUT)))
DIGITS = [bytes((digit,)) for digit in range(FAN_OUT)]

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
    sums_bits: int = field(init=False, repr=False, compare=False)
    total_bytes: int = field(init=False, repr=False, compare=False)
    absent: bytes = field(init=False, repr=False, compare=False)
    """What a branch's digest covers of a place without a child."""

    def __post_init__(self) -> None:
        sums_bytes = SUM_BYTES * len(self.states)
        object.__setattr__(self, "leaf_seed", b"\n".join((LEAF_PURPOSE, self.stated, b"")))
        object.__setattr__(self, "branch_seed", b"\n".join((BRANCH_PURPOSE, self.stated, b"")))
        object.__setattr__(self, "nothing", (0,) * len(self.states))
        object.__setattr__(self, "sums_bits", 8 * sums_bytes)
        object.__setattr__(self, "total_bytes", COUNT_BYTES + sums_bytes)
        object.__setattr__(self, "absent", bytes(DIGEST_BYTES + COUNT_BYTES + sums_bytes))

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def empty_digest(self) -> bytes:
        return sha256(b"\n".join((EMPTY_PURPOSE, self.stated, b""))).digest()

    @property
    def stated(self) -> bytes:
        """What every digest covers of it."""
        return f"{self}: {', '.join(self.states)}".encode()

    def leaves_in(self, total: int) -> int:
        return total >> self.sums_bits

    def sums_in(self, total: int) -> Quantities:
        written = total.to_bytes(self.total_bytes, "big")
        starts = range(COUNT_BYTES, self.total_bytes, SUM_BYTES)
        return tuple([int.from_bytes(written[start : start + SUM_BYTES], "big") for start in starts])


@dataclass(frozen=True, slots=True)
class Root:
    """What is stated of a whole tree."""

    digest: bytes
    leaves: int
    sums: Quantities


@dataclass(eq=False, slots=True)
class Leaf:
    key: Key
    place: bytes
    sums: Quantities
    total: int
    digest: bytes
    stated: bytes
    """What the digest of the branch above covers: its digest and its total."""


@dataclass(eq=False, slots=True)
class Branch:
    children: "tuple[Leaf | Branch | None, ...]"
    total: int
    digest: bytes
    stated: bytes
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
        return self.top.digest if self.top is not None else self.form.empty_digest

    @property
    def leaves(self) -> int:
        return self.form.leaves_in(self.top.total) if self.top is not None else 0

    @property
    def sums(self) -> Quantities:
        return self.form.sums_in(self.top.total) if self.top is not None else self.form.nothing

    @property
    def root(self) -> Root:
        return Root(self.digest, self.leaves, self.sums)

    def changed(self, quantities: Mapping[Key, Quantities]) -> "SumTree":
        """The tree in which these keys have these quantities. Raises OverflowError for a negative or too large one."""
        changes = [(place_of(key), key, amounts) for key, amounts in quantities.items()]
        return replace(self, top=with_changes(self.form, self.top, 0, changes)) if changes else self

    def quantities(self, key: Key) -> Quantities:
        found = self.at(place_of(key))
        return found.sums if isinstance(found, Leaf) else self.form.nothing

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


def leaves_of(node: Node | None) -> Iterator[Leaf]:
    if isinstance(node, Branch):
        for child in node.children:
            yield from leaves_of(child)
    elif node is not None:
        yield node


def place_of(key: Key) -> bytes:
    """The digits that lead to a key's leaf, one a byte."""
    text = "\n".join(key).encode()
    return sha256(b"%s\n%s" % (PLACE_PURPOSE, text)).hexdigest().encode().translate(DIGIT_OF)


# Nodes


def leaf(form: Form, change: Change) -> Leaf:
    place, key, amounts = change
    assert len(amounts) == len(form.states), f"{form} has the states {form.states}"
    if min(amounts) < 0 or max(amounts) > QUANTITY_MAX:
        raise OverflowError(f"{form}: {key} has {amounts}, of which each must be 0 to {QUANTITY_MAX}")
    sums = written(amounts)
    digest = leaf_digest(form, key, sums)
    counted = ONE + sums
    return Leaf(key, place, amounts, int.from_bytes(counted, "big"), digest, digest + counted)


def leaf_digest(form: Form, key: Key, sums: bytes) -> bytes:
    text = "\n".join(key).encode()
    return sha256(b"%s%d\n%s%s" % (form.leaf_seed, len(text), text, sums)).digest()


def branch_digest(form: Form, children: Iterable[Root | None]) -> bytes:
    """Of what its sixteen children state."""
    stated = [
        form.absent if child is None else child.digest + child.leaves.to_bytes(COUNT_BYTES, "big") + written(child.sums)
        for child in children
    ]
    return sha256(form.branch_seed + b"".join(stated)).digest()


def written(amounts: Quantities) -> bytes:
    return b"".join([amount.to_bytes(SUM_BYTES, "big") for amount in amounts])


ONE = (1).to_bytes(COUNT_BYTES, "big")


def branch(form: Form, children: tuple[Node | None, ...]) -> Branch:
    total = sum([child.total for child in children if child is not None])
    body = b"".join([form.absent if child is None else child.stated for child in children])
    return with_body(form, children, total, body)


def with_body(form: Form, children: tuple[Node | None, ...], total: int, body: bytes) -> Branch:
    digest = sha256(form.branch_seed + body).digest()
    return Branch(children, total, digest, digest + total.to_bytes(form.total_bytes, "big"), body)


def with_child(form: Form, node: Branch, digit: int, child: Node) -> Branch:
    """The branch with another child in the place of one that it has: its total changes by the difference of the two."""
    before = node.children[digit]
    assert before is not None
    size = len(form.absent)
    body = b"".join((node.body[: digit * size], child.stated, node.body[(digit + 1) * size :]))
    children = list(node.children)
    children[digit] = child
    return with_body(form, tuple(children), node.total - before.total + child.total, body)


def with_children(form: Form, node: Branch, changed: Mapping[int, Node]) -> Branch:
    """The same for several."""
    children, body, size, total = list(node.children), bytearray(node.body), len(form.absent), node.total
    for digit, child in changed.items():
        before = children[digit]
        assert before is not None
        children[digit] = child
        body[digit * size : (digit + 1) * size] = child.stated
        total += child.total - before.total
    return with_body(form, tuple(children), total, bytes(body))


def joined(form: Form, children: list[Node | None]) -> Node | None:
    """A leaf that is alone is where the branch would be."""
    present = [child for child in children if child is not None]
    if not present:
        return None
    if len(present) == 1 and isinstance(present[0], Leaf):
        return present[0]
    return branch(form, tuple(children))


# Changes


def with_changes(form: Form, node: Node | None, depth: int, changes: list[Change]) -> Node | None:
    """The node that is to be in the place of `node`; the same one if nothing of it changes."""
    if isinstance(node, Branch):
        if len(changes) == 1:
            return with_one_change(form, node, depth, changes[0])
        after = {
            digit: with_changes(form, node.children[digit], depth + 1, below)
            for digit, below in by_digit(changes, depth).items()
        }
        changed = {digit: child for digit, child in after.items() if child is not node.children[digit]}
        if not changed:
            return node
        replaced = {digit: child for digit, child in changed.items() if child is not None and node.children[digit]}
        if len(replaced) == len(changed):
            whole = with_children(form, node, replaced)
            if form.leaves_in(whole.total) > 1:
                return whole
        return joined(form, [after.get(digit, child) for digit, child in enumerate(node.children)])
    if node is None:
        return built(form, depth, [change for change in changes if any(change[2])])
    if len(changes) == 1 and changes[0][0] == node.place and changes[0][2] == node.sums:
        return node
    quantities = {node.place: (node.place, node.key, node.sums)} | {change[0]: change for change in changes}
    return built(form, depth, [change for change in quantities.values() if any(change[2])])


def with_one_change(form: Form, node: Branch, depth: int, change: Change) -> Node | None:
    """A key that has a leaf and keeps one is what changes mostly: straight down and up again."""
    place, _, amounts = change
    path: list[tuple[Branch, int]] = []
    below: Node | None = node
    while isinstance(below, Branch):
        digit = place[depth]
        path.append((below, digit))
        below = below.children[digit]
        depth += 1
    if below is not None and below.place == place and any(amounts):
        if below.sums == amounts:
            return node
        after: Node = leaf(form, change)
        for above, digit in reversed(path):
            after = with_child(form, above, digit, after)
        return after
    return without_or_with_more(form, path, depth, below, change)


def without_or_with_more(
    form: Form, path: list[tuple[Branch, int]], depth: int, below: Leaf | None, change: Change
) -> Node | None:
    """A leaf comes or goes: branches may come or go with it."""
    after = with_changes(form, below, depth, [change])
    if after is below:
        return path[0][0]
    for above, digit in reversed(path):
        after = joined(form, [*above.children[:digit], after, *above.children[digit + 1 :]])
    return after


def built(form: Form, depth: int, leaves: list[Change]) -> Node | None:
    if len(leaves) <= 1:
        return leaf(form, leaves[0]) if leaves else None
    children: list[Node | None] = [None] * FAN_OUT
    for digit, below in by_digit(leaves, depth).items():
        children[digit] = built(form, depth + 1, below)
    return joined(form, children)


def by_digit(changes: list[Change], depth: int) -> dict[int, list[Change]]:
    found: dict[int, list[Change]] = {}
    for change in changes:
        found.setdefault(change[0][depth], []).append(change)
    return found

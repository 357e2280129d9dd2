"""A supply tree: a commitment to the shares of all holdings of one vintage in one state, which adds them up.

A leaf is a share: its digest covers a salt, the quantity and the account. Salts and the split follow from a secret of
the day, so the same books give the same tree, in whatever order they are read. Leaves are in the order of their
digests, which says nothing of who has them; leaves of zero tonnes, whose digests are random, fill them up to a power of
two. A branch has two children; its digest covers theirs and their quantities. All digests begin with their purpose and
with what the tree is of, so that none can be taken for another kind's, day's, vintage's or state's.

How digests are made is written down at ProvedShare in registry_query_service.proto.

A tree keeps its leaves and, of the branches, those from the fourth level on; the others are made again when a path
is asked for. That is 45 bytes for each leaf.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from registry.supply.shares import split

SHARE_PURPOSE = "carbonmarket supply share"
BRANCH_PURPOSE = "carbonmarket supply branch"
DIGEST_BYTES = 32
QUANTITY_BYTES = 8
NODE_BYTES = DIGEST_BYTES + QUANTITY_BYTES
QUANTITY_TONNES_MAX = 2**63 - 1
DRAW_BITS = 256
BUCKET_BITS = 12
"""So many that those of a million leaves can be put in order one in a step."""
KEPT_FROM_LEVEL = 4
STEP_NODES_MAX = 250
"""Made in one step, some 0.8 ms."""
STEP_BYTES = STEP_NODES_MAX * 2 * NODE_BYTES
"""Of the level below, from which that many are made."""


@dataclass(frozen=True, slots=True)
class TreeOf:
    """What a tree is of."""

    log_id: str
    day: str
    vintage: str
    state: str

    def seed(self, purpose: str) -> bytes:
        return sha256("\n".join((purpose, self.log_id, self.day, self.vintage, self.state)).encode()).digest()


class Share(NamedTuple):
    """A share of a holding, and the digest of its leaf."""

    quantity_tonnes: int
    salt: bytes
    digest: bytes

    @property
    def leaf(self) -> bytes:
        return self.digest + quantity_bytes(self.quantity_tonnes)


def shares_of(of: TreeOf, secret: bytes, account: str, quantity_tonnes: int) -> list[Share]:
    """A holding's shares, which only who knows the secret can compute."""
    salts: list[bytes] = []
    what = "\n".join(("share", of.vintage, of.state, account, "")).encode()

    def draw(below: int) -> int:
        made = hmac.digest(secret, b"%s%d" % (what, len(salts)), "sha512")
        salts.append(made[DIGEST_BYTES:])
        return int.from_bytes(made[:DIGEST_BYTES], "big") * below >> DRAW_BITS

    quantities = split(quantity_tonnes, draw)
    seed, holder = of.seed(SHARE_PURPOSE), account.encode()
    return [
        Share(tonnes, salt, sha256(b"".join((seed, salt, quantity_bytes(tonnes), holder))).digest())
        for tonnes, salt in zip(quantities, salts, strict=True)
    ]


def quantity_bytes(quantity_tonnes: int) -> bytes:
    """Raises OverflowError for a negative or too large one."""
    if not 0 <= quantity_tonnes <= QUANTITY_TONNES_MAX:
        raise OverflowError(f"{quantity_tonnes} t, of which there must be 0 to {QUANTITY_TONNES_MAX}")
    return quantity_tonnes.to_bytes(QUANTITY_BYTES, "big")


def quantity_in(node: bytes) -> int:
    return int.from_bytes(node[DIGEST_BYTES:], "big")


def branch(seed: bytes, children: bytes) -> bytes:
    """The node above two that are beside each other."""
    quantity_tonnes = quantity_in(children[:NODE_BYTES]) + quantity_in(children[NODE_BYTES:])
    return sha256(seed + children).digest() + quantity_bytes(quantity_tonnes)


@dataclass(frozen=True, slots=True)
class SupplyTree:
    of: TreeOf
    height: int
    levels: Mapping[int, bytearray]
    """Some of them, each with its nodes one after another: level 0 has the leaves."""

    @property
    def root(self) -> bytes:
        return self.node(self.height, 0)[:DIGEST_BYTES]

    @property
    def quantity_tonnes(self) -> int:
        return quantity_in(self.node(self.height, 0))

    @property
    def leaves(self) -> int:
        return 1 << self.height

    def node(self, level: int, place: int) -> bytes:
        if level in self.levels:
            return bytes(self.levels[level][place * NODE_BYTES : (place + 1) * NODE_BYTES])
        children = self.node(level - 1, 2 * place) + self.node(level - 1, 2 * place + 1)
        return branch(self.of.seed(BRANCH_PURPOSE), children)

    def place_of(self, share: Share) -> int:
        """Where its leaf is. Raises KeyError."""
        first, beyond = 0, self.leaves
        while first < beyond:
            middle = (first + beyond) // 2
            if self.node(0, middle) < share.leaf:
                first = middle + 1
            else:
                beyond = middle
        if self.node(0, first) != share.leaf:
            raise KeyError(share.digest.hex())
        return first

    def siblings(self, place: int) -> list[bytes]:
        """The nodes beside a leaf's way to the root, upwards."""
        return [self.node(level, (place >> level) ^ 1) for level in range(self.height)]


class Growing:
    """A tree that is made in steps, none of which takes long."""

    def __init__(self, of: TreeOf, secret: bytes) -> None:
        self._of = of
        self._secret = secret
        self._buckets = [bytearray() for _ in range(1 << BUCKET_BITS)]
        self.leaves = 0

    def add(self, account: str, quantity_tonnes: int) -> int:
        """The number of shares that the holding has."""
        shares = shares_of(self._of, self._secret, account, quantity_tonnes)
        for share in shares:
            self._place(share.leaf)
        return len(shares)

    def _place(self, leaf: bytes) -> None:
        """Leaves that begin with the same bits are put in order together, in a step of their own."""
        self._buckets[int.from_bytes(leaf[:2], "big") >> (16 - BUCKET_BITS)] += leaf
        self.leaves += 1

    def steps(self, grown: list[SupplyTree]) -> Iterator[None]:
        """Yields after each step; the tree is added to `grown` at the end."""
        height = max(self.leaves - 1, 0).bit_length()
        yield from self._pad(1 << height)
        level = bytearray()
        yield from self._put_in_order(level)
        levels = {0: level}
        for number in range(1, height + 1):
            above = bytearray()
            yield from self._level_above(level, above)
            level = above
            if number >= KEPT_FROM_LEVEL:
                levels[number] = level
        grown.append(SupplyTree(self._of, height, levels))

    def _pad(self, leaves: int) -> Iterator[None]:
        for number in range(leaves - self.leaves):
            what = "\n".join(("padding", self._of.vintage, self._of.state, str(number))).encode()
            self._place(hmac.digest(self._secret, what, "sha256") + quantity_bytes(0))
            if number % STEP_NODES_MAX == STEP_NODES_MAX - 1:
                yield

    def _put_in_order(self, level: bytearray) -> Iterator[None]:
        since_pause = 0
        for number, bucket in enumerate(self._buckets):
            level += b"".join(sorted(bucket[at : at + NODE_BYTES] for at in range(0, len(bucket), NODE_BYTES)))
            self._buckets[number] = bytearray()
            since_pause += len(bucket) // NODE_BYTES
            if since_pause >= STEP_NODES_MAX:
                since_pause = 0
                yield

    def _level_above(self, level: bytearray, above: bytearray) -> Iterator[None]:
        seed = self._of.seed(BRANCH_PURPOSE)
        for at in range(0, len(level), 2 * NODE_BYTES):
            above += branch(seed, bytes(level[at : at + 2 * NODE_BYTES]))
            if at % STEP_BYTES == STEP_BYTES - 2 * NODE_BYTES:
                yield

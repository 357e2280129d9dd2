"""Proofs of holdings: that what an account had is counted in the supply of a day which the registry signed.

Whoever checks trusts nobody: this module reads a file, takes the public keys that are pinned
(CARBONMARKET_REGISTRY_PUBLIC_KEYS), and asks no service. It shares no code with the registry. What is signed is written
down at Supply in registry_query_service.proto, how a share leads to a root at ProvedShare.

A checked proof says: the registry signed this supply; in it, what was issued of each vintage is the sum of all states;
and the quantities of the account are counted in it, each share once. Nothing that is counted can be negative, so what
others have cannot make up for what is left out. Two things only the holder can tell: whether the quantities are all
that it had, and whether others were shown the same supply (`same_supply`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from carbonmarket_client.errors import MarketError
from carbonmarket_client.heads import key_that_signed

WHAT = "carbonmarket holding proof"
FORMAT = 1
SUPPLY_PURPOSE = "carbonmarket supply"
SHARE_PURPOSE = "carbonmarket supply share"
BRANCH_PURPOSE = "carbonmarket supply branch"
QUANTITY_TONNES_MAX = 2**63 - 1
QUANTITY_BYTES = 8
LEVELS_MAX = 48
SALT_BYTES = DIGEST_BYTES = 32
WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NotProved(MarketError):
    """A proof does not prove what it states, or its supply is not signed by the registry."""


class TwoSupplies(NotProved):
    """The registry has signed two supplies of one day. Both together prove that it shows different people different
    ones.
    """


@dataclass(frozen=True, slots=True)
class State:
    """What all accounts together had of a vintage in one state."""

    state: str
    quantity_tonnes: int
    levels: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Vintage:
    """What was issued of a vintage, and where it was."""

    vintage: str
    issued_tonnes: int
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """What was issued and where it was when a day ended, as the registry signed it."""

    log_id: str
    day: str
    position: int
    log_digest: bytes
    vintages: tuple[Vintage, ...]
    seal: str

    def in_lines(self) -> list[str]:
        """What is signed, without the key's id."""
        lines = [SUPPLY_PURPOSE, self.log_id, self.day, str(self.position), self.log_digest.hex()]
        for vintage in self.vintages:
            lines.append(f"{vintage.vintage} issued {vintage.issued_tonnes}")
            for state in vintage.states:
                lines.append(f"{state.state} {state.quantity_tonnes} levels {state.levels} root {state.root.hex()}")
        return lines

    @property
    def digest(self) -> str:
        """Of what is signed: for people to compare."""
        return sha256("\n".join(self.in_lines()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Node:
    """A sibling on the way to a root."""

    digest: bytes
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a holding, and its way to the root."""

    vintage: str
    state: str
    quantity_tonnes: int
    salt: bytes
    leaf_number: int
    siblings: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What an account had when a day ended, share by share, and the supply in which it is counted."""

    account: str
    supply: Supply
    shares: tuple[Share, ...]

    @property
    def quantities(self) -> Mapping[tuple[str, str], int]:
        """In tonnes, by vintage and state."""
        held: Counter[tuple[str, str]] = Counter()
        for share in self.shares:
            held[share.vintage, share.state] += share.quantity_tonnes
        return held


# Checking


def check_proof(proof: Proof, public_keys: Sequence[bytes]) -> str:
    """The id of the key that signed the supply. Raises NotProved."""
    key_id = check_supply(proof.supply, public_keys)
    check_words(proof.account)
    trees = {(vintage.vintage, state.state): state for vintage in proof.supply.vintages for state in vintage.states}
    seen: set[tuple[str, str, int]] = set()
    for share in proof.shares:
        what = f"the share of {share.quantity_tonnes} t of {share.vintage} in the state {share.state}"
        tree = trees.get((share.vintage, share.state))
        if tree is None:
            raise NotProved(f"{what} is of a vintage or state that the supply does not have")
        if (share.vintage, share.state, share.leaf_number) in seen:
            raise NotProved(f"{what} is counted twice: both are leaf {share.leaf_number}")
        seen.add((share.vintage, share.state, share.leaf_number))
        if share.quantity_tonnes == 0:
            raise NotProved(f"{what} is of nothing")
        if len(share.siblings) != tree.levels or share.leaf_number >> tree.levels:
            raise NotProved(f"{what} does not fit the tree, which has {tree.levels} levels")
        # What is hashed has fields of fixed lengths: nothing can be read in two ways.
        if len(share.salt) != SALT_BYTES or any(len(sibling.digest) != DIGEST_BYTES for sibling in share.siblings):
            raise NotProved(f"{what} has a salt or a sibling's digest of another length than the tree's")
        if root_of(proof.supply, proof.account, share) != Node(tree.root, tree.quantity_tonnes):
            raise NotProved(f"{what} does not lead to the root that the registry signed for {proof.supply.day}")
    return key_id


def check_supply(supply: Supply, public_keys: Sequence[bytes]) -> str:
    """The id of the key that signed it. Raises NotProved where it is not signed, or does not add up."""
    check_words(supply.log_id, supply.day, *(vintage.vintage for vintage in supply.vintages))
    check_words(*(state.state for vintage in supply.vintages for state in vintage.states))
    key_id = key_that_signed(supply.in_lines(), supply.seal, public_keys)
    if key_id is None:
        raise NotProved(f"the supply of {supply.day} is not signed by a key that is pinned for the registry")
    if len({vintage.vintage for vintage in supply.vintages}) != len(supply.vintages):
        raise NotProved(f"the supply of {supply.day} states a vintage twice")
    for vintage in supply.vintages:
        if len({state.state for state in vintage.states}) != len(vintage.states):
            raise NotProved(f"the supply of {supply.day} states a state of {vintage.vintage} twice")
        if any(not 0 <= state.levels <= LEVELS_MAX for state in vintage.states):
            raise NotProved(f"the supply of {supply.day} states a tree of {vintage.vintage} that is too high")
        held_tonnes = sum(in_range(state.quantity_tonnes) for state in vintage.states)
        if in_range(vintage.issued_tonnes) != held_tonnes:
            raise NotProved(
                f"on {supply.day}, {vintage.issued_tonnes} t of {vintage.vintage} were issued and {held_tonnes} t held"
            )
    return key_id


def root_of(supply: Supply, account: str, share: Share) -> Node:
    """Where a share's way leads. Raises NotProved for a quantity or sum that no tree can have."""

    def seed(purpose: str) -> bytes:
        return sha256("\n".join((purpose, supply.log_id, supply.day, share.vintage, share.state)).encode()).digest()

    leaf = b"".join((seed(SHARE_PURPOSE), share.salt, written(share.quantity_tonnes), account.encode()))
    digest, tonnes = sha256(leaf).digest(), share.quantity_tonnes
    for level, sibling in enumerate(share.siblings):
        below = (digest + written(tonnes), sibling.digest + written(sibling.quantity_tonnes))
        is_right = share.leaf_number >> level & 1
        digest = sha256(seed(BRANCH_PURPOSE) + b"".join(reversed(below) if is_right else below)).digest()
        tonnes = in_range(tonnes + sibling.quantity_tonnes)
    return Node(digest, tonnes)


def written(quantity_tonnes: int) -> bytes:
    return in_range(quantity_tonnes).to_bytes(QUANTITY_BYTES, "big")


def in_range(quantity_tonnes: int) -> int:
    if not 0 <= quantity_tonnes <= QUANTITY_TONNES_MAX:
        raise NotProved(f"{quantity_tonnes} t are stated, where only 0 to {QUANTITY_TONNES_MAX} can be")
    return quantity_tonnes


def check_words(*texts: str) -> None:
    """None may have a space or a line feed, by which signed lines could be read in two ways. Raises NotProved."""
    for text in texts:
        if not WORD.fullmatch(text):
            raise NotProved(f"{text!r} can be no account, day, vintage or state")


def same_supply(one: Supply, other: Supply) -> None:
    """Raises NotProved where they are of two days, and TwoSupplies where two that are signed differ."""
    if one.day != other.day:
        raise NotProved(f"one supply is of {one.day}, the other of {other.day}")
    if one.in_lines() != other.in_lines():
        raise TwoSupplies(f"of {one.day} there are two supplies, with the digests {one.digest} and {other.digest}")


# From answers


def supply_in(supply: pb.Supply, seal: str) -> Supply:
    vintages = tuple(
        Vintage(
            vintage.vintage,
            vintage.issued_tonnes,
            tuple(State(state.state, state.quantity_tonnes, state.levels, state.root) for state in vintage.states),
        )
        for vintage in supply.vintages
    )
    return Supply(supply.log_id, supply.day, supply.position, supply.log_digest, vintages, seal)


def proof_in(account: str, answer: pb.GetHoldingProofResponse) -> Proof:
    shares = tuple(
        Share(
            share.vintage,
            share.state,
            share.quantity_tonnes,
            share.salt,
            share.leaf_number,
            tuple(Node(node.digest, node.quantity_tonnes) for node in share.siblings),
        )
        for share in answer.shares
    )
    return Proof(account, supply_in(answer.supply, answer.seal), shares)


# How they are kept in files


def plain_supply(supply: Supply) -> dict[str, Any]:
    return {
        "log_id": supply.log_id,
        "day": supply.day,
        "position": supply.position,
        "log_digest": supply.log_digest.hex(),
        "vintages": [
            {
                "vintage": vintage.vintage,
                "issued_tonnes": vintage.issued_tonnes,
                "states": [
                    {
                        "state": state.state,
                        "quantity_tonnes": state.quantity_tonnes,
                        "levels": state.levels,
                        "root": state.root.hex(),
                    }
                    for state in vintage.states
                ],
            }
            for vintage in supply.vintages
        ],
        "seal": supply.seal,
    }


def plain_proof(proof: Proof) -> dict[str, Any]:
    return {
        "what": WHAT,
        "format": FORMAT,
        "account": proof.account,
        "supply": plain_supply(proof.supply),
        "shares": [
            {
                "vintage": share.vintage,
                "state": share.state,
                "quantity_tonnes": share.quantity_tonnes,
                "salt": share.salt.hex(),
                "leaf_number": share.leaf_number,
                "siblings": [
                    {"digest": node.digest.hex(), "quantity_tonnes": node.quantity_tonnes} for node in share.siblings
                ],
            }
            for share in proof.shares
        ],
    }


def proof_of(known: object) -> Proof:
    """Raises ValueError on what is no proof. Nothing else may be in it either: it was not proved."""
    if value(known, "what", str) != WHAT or value(known, "format", int) != FORMAT:
        raise ValueError(f"it is no `{WHAT}` of format {FORMAT}")
    check_fields(known, "what", "format", "account", "supply", "shares")
    shares = tuple(
        Share(
            value(one, "vintage", str),
            value(one, "state", str),
            value(one, "quantity_tonnes", int),
            value(one, "salt", bytes),
            value(one, "leaf_number", int),
            tuple(
                Node(value(node, "digest", bytes), value(node, "quantity_tonnes", int))
                for node in all_of(one, "siblings", "digest", "quantity_tonnes")
            ),
        )
        for one in all_of(known, "shares", "vintage", "state", "quantity_tonnes", "salt", "leaf_number", "siblings")
    )
    return Proof(value(known, "account", str), supply_of(value(known, "supply", dict)), shares)


def published_of(known: object) -> Supply:
    """A supply with its digest and the key's id beside it, as it is published. Raises ValueError."""
    if not isinstance(known, Mapping):
        raise ValueError("it is no supply")
    digest, key_id = value(known, "digest", str), value(known, "key_id", str)
    supply = supply_of({name: known[name] for name in known if name not in ("digest", "key_id")})
    if digest != supply.digest or key_id != supply.seal.partition(":")[0]:
        raise ValueError("its `digest` or `key_id` is not that of what it states")
    return supply


def supply_of(known: object) -> Supply:
    """Raises ValueError on what is no supply, or more than one."""
    check_fields(known, "log_id", "day", "position", "log_digest", "vintages", "seal")
    vintages = tuple(
        Vintage(
            value(one, "vintage", str),
            value(one, "issued_tonnes", int),
            tuple(
                State(
                    value(state, "state", str),
                    value(state, "quantity_tonnes", int),
                    value(state, "levels", int),
                    value(state, "root", bytes),
                )
                for state in all_of(one, "states", "state", "quantity_tonnes", "levels", "root")
            ),
        )
        for one in all_of(known, "vintages", "vintage", "issued_tonnes", "states")
    )
    return Supply(
        value(known, "log_id", str),
        value(known, "day", str),
        value(known, "position", int),
        value(known, "log_digest", bytes),
        vintages,
        value(known, "seal", str),
    )


def value(known: object, name: str, kind: type) -> Any:
    """A field of an object, in its type; bytes are written in hexadecimal digits. Raises ValueError."""
    if not isinstance(known, Mapping) or name not in known:
        raise ValueError(f"it has no `{name}`")
    found = known[name]
    if type(found) is not (str if kind is bytes else kind):
        raise ValueError(f"its `{name}` is not of the kind that it must be")
    if kind is not bytes:
        return found
    try:
        read = bytes.fromhex(str(found))
    except ValueError:
        read = b""
    if read.hex() != found:
        raise ValueError(f"its `{name}` is not in hexadecimal digits, in lower case and with nothing between")
    return read


def all_of(known: object, name: str, *fields: str) -> Iterator[Any]:
    """The objects of a list, each with these fields and no other."""
    for one in value(known, name, list):
        check_fields(one, *fields)
        yield one


def check_fields(known: object, *fields: str) -> None:
    """Raises ValueError where others are there: nobody checks what they say."""
    foreign = sorted(known.keys() - set(fields)) if isinstance(known, Mapping) else []
    if foreign:
        raise ValueError(f"it has `{foreign[0]}`, which is in no proof")

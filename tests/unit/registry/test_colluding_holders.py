"""What holders who put their proofs together learn of the others: no quantity of an account, however many they are, but
what nobody can prevent: all that is not theirs belongs to the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import pytest

from carbonmarket_client.proofs import Proof
from registry.supply import tree as supply_tree
from registry.supply.shares import Draw
from registry.supply.tree import SHARE_PURPOSE, quantity_bytes
from support.domains.supplies import Holdings, proof_from, stated

TONNES = (1_204_300, 87_000, 560_250, 2_000_000, 15_875, 340_011, 960_000, 44_100, 730_905, 5_000)
HELD: Holdings = {(f"power-{number:04}", "CEA", "trading"): tonnes for number, tonnes in enumerate(TONNES)}
ACCOUNTS = [account for account, _, _ in HELD]
OF_ACCOUNT = {account: tonnes for (account, _, _), tonnes in HELD.items()}


@dataclass(frozen=True)
class Seen:
    """What proofs show of others: digests and quantities of what none of those who have the proofs has a part in."""

    digests: set[bytes]
    quantities: Sequence[int]


def proofs_of(accounts: Iterable[str]) -> list[Proof]:
    supply, trees = stated(HELD)
    return [proof_from(account, HELD, supply, trees) for account in accounts]


def seen_by(proofs: Sequence[Proof]) -> Seen:
    """Every sibling that is no ancestor of a leaf of theirs."""
    own = {
        (level, share.leaf_number >> level)
        for proof in proofs
        for share in proof.shares
        for level in range(len(share.siblings) + 1)
    }
    others = {
        (level, share.leaf_number >> level ^ 1): node
        for proof in proofs
        for share in proof.shares
        for level, node in enumerate(share.siblings)
    }
    shown = [node for place, node in others.items() if place not in own]
    return Seen({node.digest for node in shown}, [node.quantity_tonnes for node in shown if node.quantity_tonnes])


def possible_sums(quantities: Sequence[int]) -> set[int]:
    """What a holder can have if some of these are its shares and the others are not."""
    sums = {0}
    for tonnes in quantities:
        sums |= {known + tonnes for known in sums}
    return sums


def others_than(accounts: Sequence[str]) -> list[int]:
    return [tonnes for account, tonnes in OF_ACCOUNT.items() if account not in accounts]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_one_proof_shows_no_other_accounts_quantity(account: str) -> None:
    seen = seen_by(proofs_of([account]))
    assert sum(seen.quantities) == sum(others_than([account]))
    assert set(seen.quantities).isdisjoint(others_than([account]))


def test_all_but_two_learn_the_sum_of_the_two_and_no_quantity_of_either() -> None:
    """They see shares of the two. Each can be of either, and no way to give them to the two is likelier than another
    (test_shares.py): so they must tell apart as many quantities as there are such ways.
    """
    for hidden in zip(ACCOUNTS[::2], ACCOUNTS[1::2], strict=True):
        seen = seen_by(proofs_of(account for account in ACCOUNTS if account not in hidden))
        one, other = (OF_ACCOUNT[account] for account in hidden)
        assert sum(seen.quantities) == one + other
        assert {one, other}.isdisjoint(seen.quantities)
        assert len(possible_sums(seen.quantities)) > 10_000


def test_all_but_one_learn_what_the_last_one_has_as_they_would_without_any_proof() -> None:
    last = ACCOUNTS[-1]
    proofs = proofs_of(account for account in ACCOUNTS if account != last)
    counted = sum(sum(proof.quantities.values()) for proof in proofs)
    assert sum(seen_by(proofs).quantities) == sum(TONNES) - counted == OF_ACCOUNT[last]


def test_holdings_in_one_piece_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above find what a tree gives away."""

    def in_one_piece(quantity_tonnes: int, draw: Draw) -> list[int]:
        draw(quantity_tonnes)
        return [quantity_tonnes]

    monkeypatch.setattr(supply_tree, "split", in_one_piece)
    found = [set(seen_by(proofs_of([account])).quantities) & set(others_than([account])) for account in ACCOUNTS]
    assert any(found)
    hidden = ACCOUNTS[:2]
    seen = seen_by(proofs_of(account for account in ACCOUNTS if account not in hidden))
    assert len(possible_sums(seen.quantities)) <= 4


def test_a_guess_of_what_a_leaf_is_cannot_be_confirmed_with_what_others_know() -> None:
    """Who guesses an account and a quantity rightly still lacks the salt."""
    hidden, knowing = ACCOUNTS[0], ACCOUNTS[1:]
    (proof,) = proofs_of([hidden])
    proofs = proofs_of(knowing)
    digests = seen_by(proofs).digests
    _, trees = stated(HELD)
    seed = trees["CEA", "trading"].of.seed(SHARE_PURPOSE)

    def guessed(salt: bytes, tonnes: int) -> bytes:
        return sha256(seed + salt + quantity_bytes(tonnes) + hidden.encode()).digest()

    salts = {share.salt for one in proofs for share in one.shares}
    known = {b"", bytes(32)} | salts
    assert not digests & {guessed(salt, share.quantity_tonnes) for salt in known for share in proof.shares}
    assert digests & {guessed(share.salt, share.quantity_tonnes) for share in proof.shares}


def test_on_another_day_and_in_another_state_the_same_holding_has_other_shares() -> None:
    supply, trees = stated(HELD)
    first = proof_from(ACCOUNTS[0], HELD, supply, trees, b"the secret of a day")
    other_state: Holdings = {(account, vintage, "cancelled"): tonnes for (account, vintage, _), tonnes in HELD.items()}
    second = proof_from(ACCOUNTS[0], other_state, *stated(other_state))
    assert {share.salt for share in first.shares}.isdisjoint(share.salt for share in second.shares)
    assert [share.quantity_tonnes for share in first.shares] != [share.quantity_tonnes for share in second.shares]

"""Who checks a proof of holdings trusts nobody: what is forged, or of another day, account or market, is refused."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from carbonmarket_client.proofs import (
    Node,
    NotProved,
    Proof,
    Supply,
    check_proof,
    check_supply,
    plain_proof,
    plain_supply,
    proof_of,
    published_of,
    same_supply,
    supply_in,
    supply_of,
)
from support.domains.supplies import (
    DAY,
    Holdings,
    proof_from,
    proof_of_holdings,
    sealed,
    signed,
    stated,
)
from support.shell.hearing import PUBLIC_KEY

POWER, STEEL = "power-0001", "steel-0002"
HELD: Holdings = {
    (POWER, "CEA", "registry_available"): 100_000,
    (POWER, "CEA", "trading"): 500_000,
    (POWER, "CEA21", "trading"): 70_000,
    (STEEL, "CEA", "trading"): 40_000,
}
KEYS = [PUBLIC_KEY]
OTHER_KEY = bytes(31) + b"\1"


def honest() -> Proof:
    return proof_of_holdings(POWER, HELD)


def again_in(proof: Proof) -> Proof:
    """As it comes out of a file."""
    return proof_of(json.loads(json.dumps(plain_proof(proof))))


def with_first(proof: Proof, **changed: Any) -> Proof:
    return replace(proof, shares=(replace(proof.shares[0], **changed), *proof.shares[1:]))


def with_sibling(proof: Proof, level: int, **changed: Any) -> Proof:
    siblings = list(proof.shares[0].siblings)
    siblings[level] = replace(siblings[level], **changed)
    return with_first(proof, siblings=tuple(siblings))


def test_an_honest_proof_is_accepted_and_says_what_the_account_had() -> None:
    proof = again_in(honest())
    assert proof == honest()
    assert check_proof(proof, KEYS) == proof.supply.seal.partition(":")[0]
    assert proof.quantities == {
        ("CEA", "registry_available"): 100_000,
        ("CEA", "trading"): 500_000,
        ("CEA21", "trading"): 70_000,
    }
    assert check_proof(proof, [OTHER_KEY, PUBLIC_KEY])


FORGERIES: dict[str, Callable[[Proof], Proof]] = {
    "more than it had": lambda one: with_first(one, quantity_tonnes=one.shares[0].quantity_tonnes + 1),
    "less than it had": lambda one: with_first(one, quantity_tonnes=one.shares[0].quantity_tonnes - 1),
    "less than nothing": lambda one: with_first(one, quantity_tonnes=-1),
    "a share of nothing": lambda one: with_first(one, quantity_tonnes=0),
    "more than a sum can be": lambda one: with_first(one, quantity_tonnes=2**63),
    "more than eight bytes": lambda one: with_first(one, quantity_tonnes=2**64),
    "another salt": lambda one: with_first(one, salt=bytes(32)),
    "a longer salt": lambda one: with_first(one, salt=one.shares[0].salt + b"\0"),
    "another vintage": lambda one: with_first(one, vintage="CEA21"),
    "a vintage that is not there": lambda one: with_first(one, vintage="CEA99"),
    "another state": lambda one: with_first(one, state="trading"),
    "a state that is not there": lambda one: with_first(one, state="lent"),
    "another place": lambda one: with_first(one, leaf_number=one.shares[0].leaf_number ^ 1),
    "a place beyond the tree": lambda one: with_first(
        one, leaf_number=one.shares[0].leaf_number + 2 ** len(one.shares[0].siblings)
    ),
    "a place before the tree": lambda one: with_first(one, leaf_number=-1),
    "a share twice": lambda one: replace(one, shares=(*one.shares, one.shares[0])),
    "a sibling's digest": lambda one: with_sibling(one, 0, digest=bytes(32)),
    "a sibling's longer digest": lambda one: with_sibling(one, 0, digest=one.shares[0].siblings[0].digest + b"\0"),
    "a sibling's quantity": lambda one: with_sibling(
        one, 1, quantity_tonnes=one.shares[0].siblings[1].quantity_tonnes + 1
    ),
    "a sibling of less than nothing": lambda one: with_sibling(one, 0, quantity_tonnes=-one.shares[0].quantity_tonnes),
    "siblings whose sum overflows": lambda one: with_sibling(one, 0, quantity_tonnes=2**63 - 1),
    "a shorter way": lambda one: with_first(one, siblings=one.shares[0].siblings[:-1]),
    "a longer way": lambda one: with_first(one, siblings=(*one.shares[0].siblings, Node(bytes(32), 0))),
    "another's name": lambda one: replace(one, account=STEEL),
    "no name": lambda one: replace(one, account=""),
    "a name with a line feed": lambda one: replace(one, account="power\n0001"),
    "a name that is no text": lambda one: replace(one, account="\ud800"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_proof_is_refused(what: str) -> None:
    with pytest.raises(NotProved):
        check_proof(FORGERIES[what](honest()), KEYS)


@pytest.mark.parametrize("what", ["a longer salt", "a sibling's longer digest"])
def test_a_length_that_no_field_has_is_refused_before_anything_is_hashed(what: str) -> None:
    with pytest.raises(NotProved, match="of another length than the tree's"):
        check_proof(FORGERIES[what](honest()), KEYS)


SUPPLIES: dict[str, Callable[[Supply], Supply]] = {
    "another day": lambda one: replace(one, day="2021-07-19"),
    "another position": lambda one: replace(one, position=one.position + 1),
    "another log": lambda one: replace(one, log_id="trading"),
    "another digest of the log": lambda one: replace(one, log_digest=bytes(32)),
    "no vintages": lambda one: replace(one, vintages=()),
    "more issued": lambda one: replace(
        one, vintages=(replace(one.vintages[0], issued_tonnes=one.vintages[0].issued_tonnes + 1), *one.vintages[1:])
    ),
    "no seal": lambda one: replace(one, seal=""),
    "a seal that is none": lambda one: replace(one, seal=one.seal.partition(":")[0] + ":\ud800"),
    "two lines read as one": lambda one: replace(
        one, vintages=(replace(one.vintages[0], vintage=f"{one.vintages[0].vintage} issued 1\nCEA"),)
    ),
}


@pytest.mark.parametrize("what", SUPPLIES)
def test_a_supply_that_the_registry_did_not_sign_is_refused(what: str) -> None:
    with pytest.raises(NotProved):
        check_supply(SUPPLIES[what](signed(HELD)), KEYS)
    with pytest.raises(NotProved):
        check_proof(replace(honest(), supply=SUPPLIES[what](honest().supply)), KEYS)


def test_a_supply_is_not_read_in_two_ways() -> None:
    """The same signed lines, cut elsewhere: the second vintage becomes a part of the name of a state of the first."""
    supply = signed(HELD)
    first, second = supply.vintages
    lines = supply.in_lines()
    begins = lines.index(f"{second.vintage} issued {second.issued_tonnes}") - 1
    name = "\n".join([*lines[begins:-1], second.states[-1].state])
    cut = replace(
        supply, vintages=(replace(first, states=(*first.states[:-1], replace(second.states[-1], state=name))),)
    )
    assert "\n".join(cut.in_lines()) == "\n".join(lines)
    with pytest.raises(NotProved, match="can be no account, day, vintage or state"):
        check_supply(cut, KEYS)


def test_a_key_that_is_not_pinned_proves_nothing() -> None:
    with pytest.raises(NotProved, match="not signed by a key that is pinned"):
        check_proof(honest(), [OTHER_KEY])
    with pytest.raises(NotProved):
        check_proof(honest(), [])


def test_an_old_days_proof_does_not_fit_the_supply_of_another_day() -> None:
    old, today = proof_of_holdings(POWER, HELD, day="2021-07-15"), honest()
    with pytest.raises(NotProved, match="does not lead to the root"):
        check_proof(replace(old, supply=today.supply), KEYS)


def test_a_proof_of_another_market_does_not_fit_this_markets_supply() -> None:
    other = proof_of_holdings(POWER, HELD, log_id="registry-of-another-market")
    with pytest.raises(NotProved, match="does not lead to the root"):
        check_proof(replace(other, supply=honest().supply), KEYS)


def test_another_accounts_shares_are_not_taken_for_ones_own() -> None:
    theirs = proof_of_holdings(STEEL, HELD)
    with pytest.raises(NotProved, match="does not lead to the root"):
        check_proof(replace(theirs, account=POWER), KEYS)


def test_two_holders_of_the_same_quantity_cannot_be_shown_the_same_leaf() -> None:
    """Else a registry could count one holding for both. A leaf names its account."""
    held: Holdings = {(POWER, "CEA", "trading"): 1_000, (STEEL, "CEA", "trading"): 1_000}
    one, other = proof_of_holdings(POWER, held), proof_of_holdings(STEEL, held)
    assert {share.leaf_number for share in one.shares}.isdisjoint(share.leaf_number for share in other.shares)
    with pytest.raises(NotProved):
        check_proof(replace(one, account=STEEL), KEYS)


def test_shares_that_are_held_back_show_as_a_smaller_quantity() -> None:
    """Nobody but the holder can know that: so what is proved is said, for it to compare."""
    whole = honest()
    hidden = replace(whole, shares=whole.shares[2:])
    check_proof(hidden, KEYS)
    missing = sum(share.quantity_tonnes for share in whole.shares[:2])
    assert sum(hidden.quantities.values()) == sum(whole.quantities.values()) - missing


def test_a_leaf_of_less_than_nothing_cannot_be_hidden_in_a_tree() -> None:
    """A registry that issued 100 t and promised 150 t would need a leaf of -50 t: no holder beside it accepts one."""
    supply, trees = stated(HELD)
    proof = proof_from(POWER, HELD, supply, trees)
    for level in range(len(proof.shares[0].siblings)):
        for tonnes in (-1, -50, -(2**63), 2**64 - 50):
            with pytest.raises(NotProved, match="can be"):
                check_proof(with_sibling(proof, level, quantity_tonnes=tonnes), KEYS)


def test_a_way_is_as_long_as_the_tree_has_levels_by_what_was_signed() -> None:
    supply, trees = stated(HELD)
    for vintage in supply.vintages:
        for state in vintage.states:
            state.levels += 1
    with pytest.raises(NotProved, match="does not fit the tree"):
        check_proof(proof_from(POWER, HELD, supply, trees), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        lambda supply: supply.vintages[0].states[0].__setattr__("quantity_tonnes", 1),
        lambda supply: supply.vintages[0].states[2].__setattr__("quantity_tonnes", -1),
        lambda supply: supply.vintages[0].__setattr__("issued_tonnes", 2**62),
        lambda supply: supply.vintages[0].states[0].__setattr__("levels", -1),
        lambda supply: supply.vintages[0].states[0].__setattr__("levels", 49),
        lambda supply: supply.vintages[0].states[0].__setattr__("state", "trading"),
        lambda supply: supply.vintages[1].__setattr__("vintage", "CEA"),
    ],
)
def test_a_signed_supply_that_does_not_add_up_is_refused(change: Callable[[pb.Supply], None]) -> None:
    supply, _ = stated(HELD)
    change(supply)
    with pytest.raises(NotProved):
        check_supply(supply_in(supply, sealed(supply)), KEYS)


def test_two_signed_supplies_of_one_day_are_told_apart() -> None:
    one, other = signed(HELD), signed({**HELD, (STEEL, "CEA", "trading"): 40_001})
    assert check_supply(one, KEYS) == check_supply(other, KEYS)
    same_supply(one, signed(HELD))
    with pytest.raises(NotProved, match="there are two supplies"):
        same_supply(one, other)
    with pytest.raises(NotProved, match="the other of 2021-07-19"):
        same_supply(one, signed(HELD, day="2021-07-19"))


def test_a_supply_is_the_same_out_of_a_file() -> None:
    assert supply_of(json.loads(json.dumps(plain_supply(signed(HELD))))) == signed(HELD)
    assert signed(HELD).day == DAY


BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda known: [known],
    "no account": lambda known: known.pop("account"),
    "another kind of file": lambda known: known.update(what="a proof of forks"),
    "a newer format": lambda known: known.update(format=2),
    "a quantity as text": lambda known: known["shares"][0].update(quantity_tonnes="1"),
    "a quantity as a fraction": lambda known: known["shares"][0].update(quantity_tonnes=1.0),
    "a quantity as a truth": lambda known: known["shares"][0].update(quantity_tonnes=True),
    "a salt that is no number": lambda known: known["shares"][0].update(salt="xyz"),
    "shares that are no list": lambda known: known.update(shares={}),
    "a share that is none": lambda known: known["shares"].append(7),
    "no supply": lambda known: known.pop("supply"),
    "a sibling without a digest": lambda known: known["shares"][0]["siblings"][0].pop("digest"),
    "a remark": lambda known: known.update(remark="seen by the regulator"),
    "a digest that nobody checks": lambda known: known["supply"].update(digest="0" * 64),
    "a vintage with more to it": lambda known: known["supply"]["vintages"][0].update(retired_tonnes=5),
    "a state with more to it": lambda known: known["supply"]["vintages"][0]["states"][0].update(pledged_tonnes=5),
    "a share with more to it": lambda known: known["shares"][0].update(tonnes=10**9),
    "a sibling with more to it": lambda known: known["shares"][0]["siblings"][0].update(account=STEEL),
    "a salt in capitals": lambda known: known["shares"][0].update(salt=known["shares"][0]["salt"].upper()),
    "a root with a space in it": lambda known: known["supply"]["vintages"][0]["states"][0].update(root="00 00"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_proof_is_not_read_as_one(what: str) -> None:
    known = copy.deepcopy(plain_proof(honest()))
    changed = BROKEN[what](known)
    with pytest.raises(ValueError, match=r"^its? "):
        proof_of(changed if isinstance(changed, list) else known)


BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_a_seal_that_is_written_in_another_way_is_refused() -> None:
    """The last character before the padding has bits that decode to nothing."""
    supply = signed(HELD)
    before, last = supply.seal[:-3], supply.seal[-3]
    others = [one for one in BASE64 if one != last]
    for one in others:
        with pytest.raises(NotProved):
            check_supply(replace(supply, seal=f"{before}{one}=="), KEYS)


def changes_of(known: Any) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """For everything in a file that is no list or object: how to put another in its place, and what is there."""
    for name, held in known.items() if isinstance(known, dict) else enumerate(known):
        if isinstance(held, dict | list):
            yield from changes_of(held)
        else:
            yield partial(known.__setitem__, name), held


def others_than(held: str | int) -> list[Any]:
    if isinstance(held, int):
        return [held + 1, held - 1, -1, held + 2**63, held + 2**64, str(held), float(held), None]
    return [
        "",
        held[:-1],
        f"{held}0",
        f"{held}\n",
        f" {held}",
        held[::-1],
        f"{'0' if held[0] != '0' else '1'}{held[1:]}",
        None,
    ]


def test_whatever_is_changed_in_a_file_it_is_no_proof_any_more() -> None:
    known = plain_proof(proof_of_holdings(STEEL, HELD))
    tried = 0
    for put, held in list(changes_of(known)):
        for other in others_than(held):
            if other == held and type(other) is type(held):
                continue
            put(other)
            with pytest.raises((ValueError, NotProved)):
                check_proof(proof_of(known), KEYS)
            tried += 1
        put(held)
    assert tried > 500
    assert check_proof(proof_of(known), KEYS)


def test_shares_that_are_left_out_prove_less_and_never_more() -> None:
    proof = honest()
    for kept in range(len(proof.shares)):
        less = replace(proof, shares=proof.shares[:kept])
        assert check_proof(less, KEYS)
        assert sum(less.quantities.values()) < sum(proof.quantities.values())


def test_a_published_supply_states_its_own_digest_and_key() -> None:
    supply = signed(HELD)
    known = {**plain_supply(supply), "digest": supply.digest, "key_id": supply.seal.partition(":")[0]}
    assert published_of(known) == supply
    for name in ("digest", "key_id"):
        with pytest.raises(ValueError, match="is not that of what it states"):
            published_of({**known, name: "0" * len(known[name])})
        with pytest.raises(ValueError, match=f"it has no `{name}`"):
            published_of({one: known[one] for one in known if one != name})
    with pytest.raises(ValueError, match="it has `remark`"):
        published_of({**known, "remark": ""})

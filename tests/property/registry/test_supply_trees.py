"""Whatever holders have: every proof verifies, what all have adds up to what was issued, and no order matters."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket_client.proofs import check_proof
from registry.supply.rows import STATES
from registry.supply.tree import STEP_NODES_MAX, Growing, SupplyTree, TreeOf, shares_of
from support.domains.supplies import DAY, SECRET, Holdings, proof_from, stated, tree
from support.shell.hearing import PUBLIC_KEY

OF = TreeOf("registry", DAY, "CEA", "trading")

accounts = st.from_regex(r"[a-z0-9][a-z0-9-]{1,31}", fullmatch=True)
tonnes = st.one_of(st.integers(1, 20), st.integers(1, 2_000_000), st.just(10**15))
holdings = st.dictionaries(
    st.tuples(accounts, st.sampled_from(("CEA", "CEA21")), st.sampled_from(STATES)), tonnes, min_size=1, max_size=6
)


@given(holdings)
def test_every_holders_proof_verifies_and_names_all_that_it_has(held: Holdings) -> None:
    supply, trees = stated(held)
    for account in {account for account, _, _ in held}:
        proof = proof_from(account, held, supply, trees)
        check_proof(proof, [PUBLIC_KEY])
        own = {(vintage, state): amount for (holder, vintage, state), amount in held.items() if holder == account}
        assert proof.quantities == own


@given(holdings)
def test_the_states_of_a_vintage_add_up_to_what_was_issued(held: Holdings) -> None:
    supply, trees = stated(held)
    for vintage in supply.vintages:
        assert vintage.issued_tonnes == sum(state.quantity_tonnes for state in vintage.states)
        for state in vintage.states:
            amounts = [amount for (_, *of), amount in held.items() if of == [vintage.vintage, state.state]]
            assert trees[vintage.vintage, state.state].quantity_tonnes == sum(amounts) == state.quantity_tonnes


@given(st.dictionaries(accounts, tonnes, min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_a_root_does_not_depend_on_the_order_in_which_the_holdings_are_read(
    held: dict[str, int], chance: Random
) -> None:
    shuffled = list(held.items())
    chance.shuffle(shuffled)
    one, other = tree(OF, held.items()), tree(OF, shuffled)
    assert (one.root, one.quantity_tonnes, one.height) == (other.root, other.quantity_tonnes, other.height)


@given(st.dictionaries(accounts, tonnes, min_size=2, max_size=10))
def test_a_root_changes_with_every_tonne_holder_secret_and_day(held: dict[str, int]) -> None:
    account, another = sorted(held)[:2]
    root = tree(OF, held.items()).root
    others = [
        tree(OF, {**held, account: held[account] + 1}.items()),
        tree(OF, {**held, account: held[account] + 1, another: held[another] - 1}.items()),
        tree(OF, {**held, f"{account[:30]}-x": held[account], account: 0}.items()),
        tree(OF, held.items(), b"another secret"),
        tree(TreeOf("registry", "2021-07-19", "CEA", "trading"), held.items()),
        tree(TreeOf("registry", DAY, "CEA21", "trading"), held.items()),
        tree(TreeOf("registry", DAY, "CEA", "cancelled"), held.items()),
        tree(TreeOf("another", DAY, "CEA", "trading"), held.items()),
    ]
    assert root not in {other.root for other in others}


@given(st.dictionaries(accounts, tonnes, max_size=10))
def test_a_tree_is_full_and_its_branches_are_the_same_whether_they_are_kept_or_made_again(held: dict[str, int]) -> None:
    made = tree(OF, held.items())
    assert len(made.levels[0]) == 40 << made.height
    again = SupplyTree(made.of, made.height, {0: made.levels[0]})
    for level in range(made.height + 1):
        nodes = [made.node(level, place) for place in range(1 << (made.height - level))]
        assert nodes == [again.node(level, place) for place in range(1 << (made.height - level))]


def test_the_steps_of_a_tree_are_many_and_short() -> None:
    growing = Growing(OF, SECRET)
    for number in range(300):
        growing.add(f"power-{number:04}", 1_000_000)
    grown: list[SupplyTree] = []
    steps = sum(1 for _ in growing.steps(grown))
    assert 2 * grown[0].leaves / steps < 2 * STEP_NODES_MAX


@pytest.mark.parametrize("tonnes", [(2**63 - 1, 1), (2**62, 2**62), (2**64, 0)])
def test_a_sum_that_no_checker_accepts_is_not_made(tonnes: tuple[int, int]) -> None:
    with pytest.raises(OverflowError):
        tree(OF, zip(("power-0001", "steel-0002"), tonnes, strict=True))


def test_a_holding_of_less_than_nothing_is_in_no_tree() -> None:
    with pytest.raises(AssertionError):
        tree(OF, [("power-0001", -1)])


def test_each_share_has_a_leaf_of_its_own() -> None:
    made = tree(OF, [("power-0001", 10**6), ("steel-0002", 10**6)])
    places = [
        made.place_of(share)
        for account in ("power-0001", "steel-0002")
        for share in shares_of(OF, SECRET, account, 10**6)
    ]
    assert len(set(places)) == len(places)

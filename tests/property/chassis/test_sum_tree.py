"""Sum trees: one root for one content, whatever the way to it; and any difference is found from the roots down."""

import hashlib
from collections.abc import Callable, Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import sum_tree
from chassis.core.commitment import Commitment
from chassis.core.sum_tree import Branch, Form, Key, Leaf, Node, Quantities, SumTree, place_of

FORM = Form("two", 1, ("here_tonnes", "there_tonnes"))
NAMES = tuple(f"account-{number}" for number in range(40))
keys = st.tuples(st.sampled_from(NAMES), st.sampled_from(("CEA", "CEA21")))
quantities = st.tuples(st.integers(0, 3), st.integers(0, 2**63 - 1))
contents = st.dictionaries(keys, quantities)
histories = st.lists(st.dictionaries(keys, st.one_of(quantities, st.just((0, 0))), max_size=12), max_size=12)


def from_scratch(content: Mapping[Key, Quantities]) -> SumTree:
    return SumTree(FORM).changed(content)


def checked(node: Node | None) -> None:
    """What a tree says of itself is what its leaves say, and no branch is there for one leaf."""
    if isinstance(node, Branch):
        children = [child for child in node.children if child is not None]
        assert FORM.leaves_in(node.total) == sum(FORM.leaves_in(child.total) for child in children) >= 2
        sums = zip(*[FORM.sums_in(child.total) for child in children], strict=True)
        assert FORM.sums_in(node.total) == tuple(map(sum, sums))
        for child in children:
            checked(child)


@given(histories)
def test_the_root_after_any_changes_is_the_root_from_scratch(history: list[dict[Key, Quantities]]) -> None:
    tree, content = SumTree(FORM), {}
    for changes in history:
        before, root = tree, tree.digest
        tree = tree.changed(changes)
        content.update(changes)
        assert before.digest == root, "a tree that somebody holds does not change"
    held = {key: amounts for key, amounts in content.items() if any(amounts)}
    assert tree.digest == from_scratch(content).digest == from_scratch(held).digest
    assert {leaf.key: leaf.sums for leaf in tree.all_leaves()} == held
    assert all(tree.quantities(key) == content.get(key, (0, 0)) for key in content)
    assert tree.leaves == len(held)
    assert tree.sums == tuple(sum(amounts[index] for amounts in held.values()) for index in (0, 1))
    checked(tree.top)


@given(contents, st.randoms(use_true_random=False))
def test_two_who_heard_of_the_same_in_any_order_have_the_same_root(
    content: dict[Key, Quantities], random: Random
) -> None:
    """Each passes through other quantities of its own before."""
    one, other = SumTree(FORM), SumTree(FORM)
    for key in random.sample(sorted(content), len(content)):
        one = one.changed({key: (random.randint(0, 9), 1)})
    one = one.changed({key: (0, 0) for key in content if random.random() < 0.5}).changed(content)
    for key in random.sample(sorted(content), len(content)):
        other = other.changed({key: content[key]})
    assert one.digest == other.digest
    assert [leaf.key for leaf in one.all_leaves()] == [leaf.key for leaf in other.all_leaves()]


@given(contents, contents)
def test_two_contents_have_two_roots(one: dict[Key, Quantities], other: dict[Key, Quantities]) -> None:
    held = [{key: amounts for key, amounts in each.items() if any(amounts)} for each in (one, other)]
    assert (from_scratch(one).digest == from_scratch(other).digest) == (held[0] == held[1])


@given(contents)
def test_one_leaf_does_not_pass_for_another_nor_a_tree_for_one_of_another_form(
    content: dict[Key, Quantities],
) -> None:
    """The forms have other names, versions or states; the keys are divided otherwise."""
    others = [
        Form("three", 1, FORM.states),
        Form("two", 2, FORM.states),
        Form("two", 1, ("here_tonnes", "gone_tonnes")),
    ]
    roots = {from_scratch(content).digest, *(SumTree(form).changed(content).digest for form in others[:2])}
    assert len(roots) == 3
    if any(any(amounts) for amounts in content.values()):
        assert SumTree(others[2]).changed(content).digest not in roots
    assert from_scratch({("ab", "c"): (1, 1)}).digest != from_scratch({("a", "bc"): (1, 1)}).digest


def test_no_digest_is_made_of_bytes_that_another_one_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hashed begins with its purpose: of a leaf, a branch, an empty tree, a place."""
    hashed: list[bytes] = []

    def listening(data: bytes) -> object:
        hashed.append(data)
        return hashlib.sha256(data)

    monkeypatch.setattr(sum_tree, "sha256", listening)
    tree = from_scratch({("a",): (1, 2), ("b",): (3, 4)})
    assert SumTree(FORM).digest != tree.digest
    purposes = [b"carbonmarket sum tree leaf", b"carbonmarket sum tree branch", b"carbonmarket sum tree without leaves"]
    form = b"\ntwo/1: here_tonnes, there_tonnes\n"
    begins = [*(purpose + form for purpose in purposes), b"carbonmarket sum tree place\n"]
    made = [[data.startswith(begin) for data in hashed].count(True) for begin in begins]
    assert made[0] == 2
    assert made[1] >= 1
    assert made[2] == 1
    assert made[3] == 2
    assert sum(made) == len(hashed), "no digest has another beginning"


@pytest.mark.parametrize("amounts", [(-1, 0), (0, -1), (2**63, 0), (-(2**70), 2**70)])
def test_what_is_negative_or_too_large_has_no_leaf(amounts: Quantities) -> None:
    with pytest.raises(OverflowError):
        from_scratch({("a",): amounts})


def test_no_sum_of_largest_quantities_runs_over_into_the_next() -> None:
    most = sum_tree.QUANTITY_MAX
    content: dict[Key, Quantities] = {(f"account-{number}",): (most, number) for number in range(1_000)}
    tree = from_scratch(content)
    assert (tree.leaves, tree.sums) == (1_000, (1_000 * most, 499_500))
    less = tree.changed(dict.fromkeys(list(content)[1:], (0, 0)))
    assert (less.leaves, less.sums) == (1, (most, 0))
    assert most * 2**32 < 2 ** (8 * sum_tree.SUM_BYTES), "of as many leaves as no memory holds"


def test_leaves_whose_places_begin_alike_are_told_apart_further_down() -> None:
    """Two keys that share their first four digits, with a third that keeps the branch above them."""
    by_start: dict[bytes, Key] = {}
    number = 0
    while True:
        key = (f"account-{number}",)
        other = by_start.setdefault(place_of(key)[:4], key)
        if other != key:
            break
        number += 1
    tree = from_scratch({key: (1, 1), other: (2, 2)})
    assert tree.digest == from_scratch({other: (2, 2)}).changed({key: (1, 1)}).digest
    assert isinstance(tree.changed({key: (0, 0)}).top, Leaf), "a leaf that is alone is at the top"
    assert tree.changed({key: (0, 0)}).digest == from_scratch({other: (2, 2)}).digest


# What is kept up with the books


def reading(books: Mapping[Key, Quantities], looked_at: list[Key]) -> Callable[[Key], tuple[Quantities, ...]]:
    """What a key has, noted."""

    def read(key: Key) -> tuple[Quantities, ...]:
        looked_at.append(key)
        return (books[key],)

    return read


@given(st.lists(st.tuples(keys, quantities)), st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_commitment_is_the_books_whenever_it_is_looked_at_and_a_step_is_bounded(
    changes: list[tuple[Key, Quantities]], keys_max: int, random: Random
) -> None:
    books: dict[Key, Quantities] = {}
    commitment = Commitment((FORM,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chassis.core.commitment.KEYS_PER_STEP_MAX", keys_max)
        for key, amounts in changes:
            commitment.touched[key] = None
            books[key] = amounts
            if random.random() < 0.3:
                looked_at: list[Key] = []
                trees = commitment.catch_up(books, lambda key: [key], reading(books, looked_at))
                assert len(looked_at) <= keys_max
                assert (trees is None) == bool(commitment.touched or commitment.ahead)
                assert trees is None or trees[0].digest == from_scratch(books).digest
        while (trees := commitment.catch_up(books, lambda key: [key], reading(books, []))) is None:
            pass
    assert trees[0].digest == from_scratch(books).digest


def test_a_quantity_that_no_tree_can_have_is_an_error_at_every_look_until_it_is_mended() -> None:
    books: dict[Key, Quantities] = {("a",): (1, 1), ("b",): (2, 2)}
    commitment = Commitment((FORM,))
    commitment.catch_up(books, lambda key: [key], reading(books, []))
    books[("a",)], books[("b",)] = (-1, 1), (3, 3)
    commitment.touched.update({("a",): None, ("b",): None})
    for _ in range(2):
        with pytest.raises(OverflowError):
            commitment.catch_up(books, lambda key: [key], reading(books, []))
    books[("a",)] = (4, 4)
    trees = commitment.catch_up(books, lambda key: [key], reading(books, []))
    assert trees is not None
    assert trees[0].digest == from_scratch(books).digest


def test_a_move_that_does_not_touch_its_key_is_a_wrong_root() -> None:
    books: dict[Key, Quantities] = {("a",): (1, 1), ("b",): (2, 2)}
    commitment = Commitment((FORM,))
    commitment.catch_up(books, lambda key: [key], reading(books, []))
    books[("a",)] = (7, 7)
    trees = commitment.catch_up(books, lambda key: [key], reading(books, []))
    assert trees is not None
    assert trees[0].digest != from_scratch(books).digest

"""The descent of two sum trees: it finds every leaf that differs, and ends whatever it is answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from carbonmarket.log.v1.sum_trees_pb2 import SumTreePart, SumTreeRoot
from chassis.core.sum_tree import Form, Key, Quantities, SumTree
from chassis.followers import descent
from chassis.followers.descent import Contradiction, Differing, Side, parts_below

FORM = Form("two", 1, ("here_tonnes", "there_tonnes"))
NAMES = tuple(f"account-{number}" for number in range(40))
keys = st.tuples(st.sampled_from(NAMES), st.sampled_from(("CEA", "CEA21")))
quantities = st.tuples(st.integers(0, 3), st.integers(0, 2**56))
contents = st.dictionaries(keys, quantities)
LEAVES_MAX = 10_000
"""More than differ anywhere here, but where it is said."""


def from_scratch(content: Mapping[Key, Quantities]) -> SumTree:
    return SumTree(FORM).changed(content)


def side(name: str, tree: SumTree, count: list[int] | None = None) -> Side:
    async def ask(places: Sequence[bytes]) -> list[Sequence[SumTreePart]]:
        if count is not None:
            count.append(len(places))
        return [parts_below(tree, place) for place in places]

    return Side(name, tree.root, ask)


def differing_leaves(held: Side, expected: Side, leaves_max: int = LEAVES_MAX) -> Differing:
    return asyncio.run(descent.differing_leaves(FORM, held, expected, leaves_max))


changes_of = st.dictionaries(keys, st.one_of(quantities, st.just((0, 0))), min_size=1)


@given(contents, changes_of, st.integers(1, 4))
def test_the_descent_finds_every_leaf_that_differs_and_no_other(
    content: dict[Key, Quantities], changes: dict[Key, Quantities], places_max: int
) -> None:
    """What it finds adds up to the difference of the two roots."""
    one, other = from_scratch(content), from_scratch(content).changed(changes)
    assume(one.digest != other.digest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent, "PLACES_MAX", places_max)
        found = differing_leaves(side("one", one), side("other", other))
    expected = {
        key: (content.get(key, (0, 0)), amounts)
        for key, amounts in changes.items()
        if amounts != content.get(key, (0, 0))
    }
    assert found == expected
    for index in (0, 1):
        assert sum(both[1][index] - both[0][index] for both in found.values()) == other.sums[index] - one.sums[index]


@given(contents, changes_of, st.integers(1, 9), st.integers(1, 4))
def test_of_more_leaves_that_differ_than_are_looked_for_so_many_are_found(
    content: dict[Key, Quantities], changes: dict[Key, Quantities], leaves_max: int, places_max: int
) -> None:
    """Two honest sides may differ in everything: that is no contradiction of either."""
    one, other = from_scratch(content), from_scratch(content).changed(changes)
    assume(one.digest != other.digest)
    all_there_are = differing_leaves(side("one", one), side("other", other))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent, "PLACES_MAX", places_max)
        found = differing_leaves(side("one", one), side("other", other), leaves_max)
    assert found.items() <= all_there_are.items()
    assert len(found) == min(leaves_max, len(all_there_are))


def test_no_more_is_asked_than_what_finds_the_leaves_that_are_looked_for() -> None:
    content: dict[Key, Quantities] = {(f"account-{number}",): (1, 1) for number in range(10_000)}
    places: list[int] = []
    differing_leaves(side("held", SumTree(FORM)), side("expected", from_scratch(content), places), 300)
    assert len(places) <= 5, "a level of the tree each, and one question more"


def test_the_descent_asks_for_what_differs_and_not_for_all_there_is() -> None:
    content: dict[Key, Quantities] = {(f"account-{number}",): (1, number + 1) for number in range(5_000)}
    one = from_scratch(content)
    other = one.changed({("account-7",): (1, 0), ("stranger",): (5, 5)})
    places: list[int] = []
    found = differing_leaves(side("one", one, places), side("other", other))
    assert found == {("account-7",): ((1, 8), (1, 0)), ("stranger",): ((0, 0), (5, 5))}
    assert sum(places) <= 2 * 5, "two ways down"


# What a side answers that is not of the root that it stated


def spoilt(spoil: Callable[[list[list[SumTreePart]]], None], tree: SumTree) -> Side:
    """Of its answers below the root, what comes of them when they are spoilt."""

    async def ask(places: Sequence[bytes]) -> list[list[SumTreePart]]:
        answers = [parts_below(tree, place) for place in places]
        spoil(answers)
        return answers

    return Side("liar", tree.root, ask)


def a_sum_less(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].sums[0] += 1


def two_sums_that_make_up_for_each_other(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].sums[0] += 1
    answers[0][1].sums[0] -= 1


def negative_sum(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].sums[1] = -1


def sum_of_a_state_too_many(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].sums.append(0)


def short_digest(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].digest = answers[0][0].digest[:31]


def another_digest(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].digest = bytes(32)


def leaves_without_number(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].leaves += 1
    answers[0][1].leaves -= 1


def part_without_leaves(answers: list[list[SumTreePart]]) -> None:
    del answers[0][15:]
    (digit, *_) = set(range(16)) - {part.place[-1] for part in answers[0]}
    place = answers[0][0].place[:-1] + bytes((digit,))
    answers[0].append(SumTreePart(place=place, digest=bytes(32), sums=[0, 0]))


def part_left_out(answers: list[list[SumTreePart]]) -> None:
    del answers[0][0]


def part_twice(answers: list[list[SumTreePart]]) -> None:
    answers[0].append(answers[0][0])


def the_place_that_was_asked_about(answers: list[list[SumTreePart]]) -> None:
    """Whoever believes it asks for ever."""
    for part in answers[0]:
        part.place = part.place[:-1]


def parts_without_end(answers: list[list[SumTreePart]]) -> None:
    answers[0] += [SumTreePart(place=bytes((number % 256,)), digest=bytes(32)) for number in range(100_000)]


def place_no_digit(answers: list[list[SumTreePart]]) -> None:
    answers[0][0].place = answers[0][0].place[:-1] + bytes((16,))


def another_account(answers: list[list[SumTreePart]]) -> None:
    """With what one has given to another: all sums are right."""
    for parts in answers:
        for part in parts:
            if part.key:
                part.key[0] += "x"


def one_name_of_two(answers: list[list[SumTreePart]]) -> None:
    for parts in answers:
        for part in parts:
            if part.key:
                part.key[:] = ["\n".join(part.key)]


def answer_left_out(answers: list[list[SumTreePart]]) -> None:
    del answers[0]


def answer_too_many(answers: list[list[SumTreePart]]) -> None:
    answers.append([])


LIES = [
    a_sum_less,
    two_sums_that_make_up_for_each_other,
    negative_sum,
    sum_of_a_state_too_many,
    short_digest,
    another_digest,
    leaves_without_number,
    part_without_leaves,
    part_left_out,
    part_twice,
    the_place_that_was_asked_about,
    parts_without_end,
    place_no_digit,
    another_account,
    one_name_of_two,
    answer_left_out,
    answer_too_many,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("leaves", [2, 40, 400])
def test_an_answer_that_is_not_of_the_root_ends_the_descent(
    leaves: int, lie: Callable[[list[list[SumTreePart]]], None]
) -> None:
    content: dict[Key, Quantities] = {(f"account-{number}", "CEA"): (number + 1, 7) for number in range(leaves)}
    honest = side("honest", from_scratch({("account-0", "CEA"): (9, 9)}))
    liar = spoilt(lie, from_scratch(content))
    for held, expected in ((honest, liar), (liar, honest)):
        with pytest.raises(Contradiction) as contradiction:
            differing_leaves(held, expected)
        assert contradiction.value.side == "liar"


def test_answers_of_another_tree_with_the_same_sums_are_not_of_the_root() -> None:
    content: dict[Key, Quantities] = {(f"account-{number}", "CEA"): (number + 1, 7) for number in range(40)}
    stated = from_scratch(content)
    answered = stated.changed({("account-0", "CEA"): (40, 7), ("account-39", "CEA"): (1, 7)})
    liar = replace(side("liar", answered), root=stated.root)
    assert stated.sums == answered.sums
    with pytest.raises(Contradiction, match="have not the digest that was stated above"):
        differing_leaves(side("honest", SumTree(FORM)), liar)


ROOTS = [
    SumTreeRoot(digest=bytes(32), leaves=0, sums=[0, 0]),
    SumTreeRoot(digest=SumTree(FORM).digest, leaves=0, sums=[1, 0]),
    SumTreeRoot(digest=bytes(31), leaves=1, sums=[1, 1]),
    SumTreeRoot(digest=bytes(32), leaves=-1, sums=[1, 1]),
    SumTreeRoot(digest=bytes(32), leaves=descent.LEAVES_MAX + 1, sums=[1, 1]),
    SumTreeRoot(digest=bytes(32), leaves=1, sums=[-1, 1]),
    SumTreeRoot(digest=bytes(32), leaves=1, sums=[1]),
]


def test_what_no_tree_can_have_is_no_root() -> None:
    for stated in ROOTS:
        with pytest.raises(Contradiction, match="the root"):
            descent.root_of(FORM, "liar", stated)
    tree = from_scratch({("a", "b"): (1, 2)})
    stated = SumTreeRoot(digest=tree.digest, leaves=1, sums=[1, 2])
    assert descent.root_of(FORM, "honest", stated) == tree.root


def test_the_same_digest_with_other_sums_is_a_contradiction_and_no_agreement() -> None:
    one = from_scratch({("a", "b"): (1, 2)})
    for tree in (one, one.changed({("c", "d"): (3, 4)})):
        liar = replace(side("liar", tree), root=replace(tree.root, sums=(9, 9)))
        with pytest.raises(Contradiction, match="stated above"):
            differing_leaves(side("honest", tree), liar)

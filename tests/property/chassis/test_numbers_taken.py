"""The numbers of another service, in whatever order they come: each is taken once, and a faulty one fills no memory."""

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from chassis.core import numbers_taken
from chassis.core.numbers_taken import NumbersTaken


@given(numbers=st.lists(st.integers(0, 30), max_size=60), missing_max=st.integers(0, 12))
def test_each_number_is_taken_once_and_at_most_so_many_are_missing(numbers: list[int], missing_max: int) -> None:
    kept, taken = NumbersTaken(), set[int]()
    with mock.patch.object(numbers_taken, "MISSING_MAX", missing_max):
        for number in numbers:
            assert kept.has(number) == (number in taken or number == 0), "numbers begin with 1"
            if kept.has(number) or number > kept.next_max:
                continue
            kept.take(number)
            taken.add(number)
            assert kept.last == max(taken)
            assert kept.missing == set(range(1, kept.last)) - taken
            assert len(kept.missing) <= missing_max


@given(order=st.permutations(range(1, 15)))
def test_numbers_that_all_come_leave_none_missing(order: list[int]) -> None:
    kept = NumbersTaken()
    for number in order:
        assert not kept.has(number) and number <= kept.next_max
        kept.take(number)
    assert kept == NumbersTaken(last=14)


@given(missing_max=st.integers(0, 12))
def test_the_number_after_the_last_can_always_be_taken(missing_max: int) -> None:
    with mock.patch.object(numbers_taken, "MISSING_MAX", missing_max):
        kept = NumbersTaken()
        kept.take(kept.next_max)
        assert len(kept.missing) == missing_max
        assert kept.next_max == kept.last + 1

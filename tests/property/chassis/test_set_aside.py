"""What was set aside for one cause: dropped in steps or one by one, the log and its state become the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from google.protobuf import wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import asides, set_aside
from chassis.core.asides import ASIDE_BYTES, Dropped, SetAsideNoted, bytes_of, cause_of
from chassis.core.decider import Rejected
from chassis.core.engine import Done, Engine
from chassis.core.record import HeardUpTo
from chassis.core.set_aside import DecideSetAsideAgain, DropSetAside, SetAsideDropped
from chassis.core.shell import OpenLog
from chassis.core.submission import HeardRecord
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import asked
from support.shell.hearing import REACTIONS
from support.shell.tally import Add, Tally
from support.shell.two_people import by_two, declared, proposal_of

ANN, BEN = "registry_operator:ann", "exchange_operator:ben"
NOW_MS = 5_000
GROUND = "settled by hand, minutes 12"
TYPES = ("google.protobuf.Int64Value", "google.protobuf.Int32Value")


def with_set_aside(types: list[str]) -> Engine[Tally]:
    heard = declared(reactions={"other": REACTIONS})
    on: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), declared=heard)
    on.decide(asked("service:tally", "", OpenLog(False)), {}, NOW_MS)
    on.decide(asked("participant:ada", "", Add(tally.TALLY_MAX)), {}, NOW_MS)
    for number, type_name in enumerate(types, start=1):
        data = wrappers_pb2.Int64Value(value=number).SerializeToString()
        heard_one = HeardRecord(HeardUpTo("other", number, b"d"), type_name, Add(number), data=data)
        assert isinstance(on.decide(heard_one, {}, NOW_MS), Done)
    return on


@contextmanager
def at_most(dropped_at_once: int, kept: int) -> Iterator[None]:
    with (
        mock.patch.object(set_aside, "DROPPED_AT_ONCE_MAX", dropped_at_once),
        mock.patch.object(asides, "DROPPED_BYTES_MAX", kept * (ASIDE_BYTES + 60)),
    ):
        yield


def dropped_by(on: Engine[Tally], drop: DropSetAside) -> list[object]:
    return list(by_two(on, drop, ANN, BEN, NOW_MS).all(SetAsideDropped))


@given(
    types=st.lists(st.sampled_from(TYPES), min_size=1, max_size=12),
    dropped_at_once=st.integers(1, 5),
    kept=st.integers(0, 12),
    draw=st.data(),
)
def test_dropping_through_a_position_is_dropping_one_by_one(
    types: list[str], dropped_at_once: int, kept: int, draw: st.DataObject
) -> None:
    together, one_by_one = with_set_aside(types), with_set_aside(types)
    positions = list(together.shell.set_aside)
    first = draw.draw(st.sampled_from(positions))
    through = draw.draw(st.integers(first, positions[-1] + 2))
    with at_most(dropped_at_once, kept):
        cause = cause_of(together.shell.set_aside[first])
        of_cause = [
            each
            for each, aside in together.shell.set_aside.items()
            if first <= each <= through and cause_of(aside) == cause
        ]
        events: list[object] = []
        for start in of_cause[::dropped_at_once]:
            events += dropped_by(together, DropSetAside(start, GROUND, through_position=through))
        expected = [event for position in of_cause for event in dropped_by(one_by_one, DropSetAside(position, GROUND))]
    assert events == expected
    shell, other = together.shell, one_by_one.shell
    assert list(shell.set_aside.items()) == list(other.set_aside.items())
    assert list(shell.dropped.items()) == list(other.dropped.items())
    assert (shell.set_aside.bytes, shell.dropped.bytes) == (other.set_aside.bytes, other.dropped.bytes)
    assert shell.set_aside.causes() == other.set_aside.causes()


@given(count=st.integers(1, 12), at_once=st.integers(1, 5), room=st.integers(0, 80), draw=st.data())
def test_deciding_again_through_a_position_is_deciding_one_by_one_up_to_the_first_that_cannot_be_applied(
    count: int, at_once: int, room: int, draw: st.DataObject
) -> None:
    together, one_by_one = (with_set_aside([TYPES[0]] * count) for _ in range(2))
    for on in (together, one_by_one):
        on.decide(asked("participant:ada", "", Add(-room)), {}, NOW_MS)
    positions = list(together.shell.set_aside)
    first = draw.draw(st.sampled_from(positions))
    through = draw.draw(st.integers(first, positions[-1] + 2))
    in_range = [each for each in positions if first <= each <= through]
    with mock.patch.object(set_aside, "DECIDED_AGAIN_AT_ONCE_MAX", at_once):
        for start in in_range[::at_once]:
            if not decided_again(together, DecideSetAsideAgain(start, GROUND, through_position=through)):
                break
    for position in in_range:
        if not decided_again(one_by_one, DecideSetAsideAgain(position, GROUND)):
            break
    assert together.state == one_by_one.state
    assert list(together.shell.set_aside.items()) == list(one_by_one.shell.set_aside.items())


def decided_again(on: Engine[Tally], again: DecideSetAsideAgain) -> bool:
    """Nothing where it is no longer set aside, or cannot be applied."""
    if again.set_aside_position not in on.shell.set_aside:
        return False
    if isinstance(on.decide(asked(ANN, "", proposal_of(again)), {}, NOW_MS), Rejected):
        return False
    by_two(on, again, ANN, BEN, NOW_MS)
    return True


def kept_of(dropped: dict[int, SetAsideNoted], bytes_max: int) -> dict[int, SetAsideNoted]:
    """What is kept, by the rule itself: those that were set aside first are forgotten until the rest fits."""
    kept = dict(dropped)
    for earliest in sorted(kept):
        if sum(map(bytes_of, kept.values())) <= bytes_max:
            break
        del kept[earliest]
    return kept


@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 300), st.booleans()), max_size=200),
    bytes_max=st.integers(0, 5_000),
)
def test_of_what_was_dropped_the_running_sum_forgets_what_the_rule_forgets(
    steps: list[tuple[int, int, bool]], bytes_max: int
) -> None:
    dropped, expected = Dropped(), dict[int, SetAsideNoted]()
    with mock.patch.object(asides, "DROPPED_BYTES_MAX", bytes_max):
        for position, size, taken in steps:
            if taken:
                assert dropped.take(position) == expected.pop(position, None)
            elif position not in expected:
                aside = SetAsideNoted("other", position, "t", "TALLY_FULL", (), bytes(size))
                dropped.add(position, aside)
                expected = kept_of({**expected, position: aside}, bytes_max)
            assert list(dropped.items()) == list(expected.items())
            assert dropped.bytes == sum(map(bytes_of, expected.values()))

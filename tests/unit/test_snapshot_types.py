"""Every type that a state is made of comes out of a snapshot: with one forgotten, every start folds the whole log."""

import dataclasses
import pickle
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any

import pytest

from chassis.core.approvals import ApprovalRulesSet
from chassis.core.asides import SetAsideNoted, bytes_of
from chassis.core.shell import ShellState
from chassis.log.snapshots import PLAIN_TYPES, unpickled
from chassis.process.service import Service
from clearing.__main__ import CLEARING
from registry.__main__ import REGISTRY
from trading.__main__ import TRADING

SERVICES: tuple[Service[Any], ...] = (REGISTRY, TRADING, CLEARING)
WRITTEN_WITHOUT_THEIR_NAMES = {int, str, bytes, bool, NoneType, None}
ONLY_IN_HINTS = {Mapping, UnionType}


def types_in(root: Any) -> Iterator[type]:
    """Every type that a value of this one may be made of, by its hints."""
    met, ahead = set(), [root]
    while ahead:
        hint = ahead.pop()
        if hint is Ellipsis or isinstance(hint, typing.TypeVar):
            continue
        if typing.get_origin(hint):
            ahead += [typing.get_origin(hint), *typing.get_args(hint)]
        elif hint not in met:
            met.add(hint)
            yield hint
            ahead += typing.get_type_hints(hint).values() if dataclasses.is_dataclass(hint) else ()


def own(root: Any) -> list[type]:
    return [kind for kind in types_in(root) if kind not in WRITTEN_WITHOUT_THEIR_NAMES | ONLY_IN_HINTS]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_type_that_the_states_are_made_of_comes_out_of_a_snapshot(service: Service[Any]) -> None:
    kinds = {*own(ShellState), *own(type(service.decider.initial()))}
    assert len(kinds) > 15
    for kind in kinds:
        assert dataclasses.is_dataclass(kind) or issubclass(kind, Enum) or kind.__module__ in PLAIN_TYPES, kind
        assert unpickled(pickle.dumps(kind), (service.package,)) is kind


def test_the_rules_of_approval_are_restored_from_a_snapshot() -> None:
    rules = {"2026-01-05": ApprovalRulesSet("2026-01-05", ("SetFees",), 24, "minutes 3")}
    assert unpickled(pickle.dumps(ShellState("trading", approval_rules=rules)), ()).approval_rules == rules


def test_what_is_set_aside_and_dropped_is_restored_from_a_snapshot() -> None:
    shell, aside = ShellState("trading"), SetAsideNoted("clearing", 7, "t", "TRADE_UNKNOWN", (("trade_id", "17"),))
    shell.set_aside.add(9, aside)
    shell.dropped.add(8, aside)
    restored = unpickled(pickle.dumps(shell), ())
    assert (restored.set_aside, restored.dropped) == ({9: aside}, {8: aside})
    assert restored.set_aside.causes() == shell.set_aside.causes()
    assert (restored.set_aside.bytes, restored.dropped.bytes) == (bytes_of(aside), bytes_of(aside))

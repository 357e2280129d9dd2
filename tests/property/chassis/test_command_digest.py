"""A command's digest tells it from every other, and stays what it is when a release adds fields."""

import hashlib
from dataclasses import dataclass, fields, make_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.command_digest import command_digest
from chassis.core.shell import DECIDE_ALL as SHELL
from clearing.domain.decider import DECIDER as CLEARING
from registry.domain.decider import DECIDER as REGISTRY
from trading.domain.decider import DECIDER as TRADING
from trading.domain.listed import PlaceOrder
from trading.domain.values import Side

COMMANDS = [*SHELL, *REGISTRY.decide, *TRADING.decide, *CLEARING.decide]

# Such as would run into each other where a form does not tell where one ends.
TEXTS = st.text("a'\", ()\\é账\n", max_size=4)
NUMBERS = st.integers(-2, 2)


@dataclass(frozen=True, slots=True)
class Leg:
    seller: str
    buyer: str
    quantity_tonnes: int = 0


@dataclass(frozen=True, slots=True)
class Deliver:
    day: str
    legs: tuple[Leg, ...]
    side: Side
    notes: tuple[tuple[str, str], ...] = ()


LEGS = st.builds(Leg, TEXTS, TEXTS, NUMBERS)
DELIVERIES = st.builds(
    Deliver,
    TEXTS,
    st.lists(LEGS, max_size=2).map(tuple),
    st.sampled_from(Side),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
)


def command_of(kind: type) -> st.SearchStrategy[Any]:
    """Any command of a kind, those fields included that have a default."""
    return st.builds(kind, **{field.name: ... for field in fields(kind)})


@given(DELIVERIES, DELIVERIES)
def test_two_commands_have_the_same_digest_if_and_only_if_they_are_equal(one: Deliver, other: Deliver) -> None:
    assert (command_digest(one) == command_digest(other)) == (one == other)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@given(st.data())
def test_every_command_of_every_service_has_a_digest_of_its_own(kind: type, data: st.DataObject) -> None:
    one, other = data.draw(command_of(kind)), data.draw(command_of(kind))
    assert (command_digest(one) == command_digest(other)) == (one == other)


@given(TEXTS, st.lists(LEGS, max_size=3))
def test_a_release_that_adds_fields_knows_the_commands_of_the_one_before(day: str, legs: list[Leg]) -> None:
    text: Any = ""
    newer_leg = make_dataclass(
        "Leg", [("seller", str), ("buyer", str), ("ground", str, text), ("quantity_tonnes", int, 0)]
    )
    newer = make_dataclass("Deliver", ["day", "legs", "side", ("urgent", bool, False), ("notes", Any, ())])
    newer_legs = tuple(newer_leg(leg.seller, leg.buyer, quantity_tonnes=leg.quantity_tonnes) for leg in legs)
    before = command_digest(Deliver(day, tuple(legs), Side.BUY))
    assert command_digest(newer(day, newer_legs, Side.BUY)) == before
    assert command_digest(newer(day, newer_legs, Side.BUY, urgent=True)) != before


def test_the_form_that_is_digested_is_the_same_in_every_release() -> None:
    command = PlaceOrder("power-账", "CEA", Side.SELL, 4_900, 10)
    form = (
        r"('PlaceOrder', 'account', 'power-\u8d26', 'instrument', 'CEA', 'side', 2, "
        "'price_fen', 4900, 'quantity_tonnes', 10)"
    )
    assert command_digest(command) == hashlib.sha256(form.encode()).digest()

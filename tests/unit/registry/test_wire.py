"""The stored form: nothing is lost on the way there and back, and numbers mean the same on both sides."""

from collections.abc import Mapping
from enum import IntEnum

import pytest

from carbonmarket.registry.v1 import registry_events_pb2, registry_types_pb2
from registry.domain import accounts, delivery, issuance, restrictions, transfers, vintages
from registry.domain.decider import DECIDER
from registry.domain.state import AccountKind, AccountState
from registry.projections import HANDLERS, MovementKind
from registry.wire import WIRE

BIG = 2**62

# An event, whose feeds it shows in.
EVENTS: list[tuple[object, set[str]]] = [
    (accounts.AccountOpened("p-1", AccountKind.KEY_EMITTING_ENTITY, "电厂", "hubei", True, BIG), {"p-1"}),
    (accounts.AccountDataChanged("p-1", "Power", "licence 7"), {"p-1"}),
    (accounts.AccountClosed("p-1", "dissolved"), {"p-1"}),
    (restrictions.AccountWoundUp("p-1", 2, 40), {"p-1"}),
    (restrictions.AccountRestricted("p-1", 3, "risk warning", "registry_operator:ann"), {"p-1"}),
    (restrictions.RestrictionTookEffect("p-1", 3, BIG), {"p-1"}),
    (restrictions.AccountRestrictionLifted("p-1", 3), {"p-1"}),
    (vintages.VintageCreated("CEA", 2020), set()),
    (issuance.AllowancesIssued("CEA", "hubei", BIG, "plan 1"), {"hubei"}),
    (issuance.AllowancesAllocated("CEA", "hubei", "p-1", BIG, "list 1"), {"hubei", "p-1"}),
    (transfers.TransferredToTrading("p-1", "CEA", BIG), {"p-1"}),
    (transfers.ReturnedFromTrading("p-1", "CEA", BIG, 7, 8), {"p-1"}),
    (delivery.AllowancesDelivered(1, 2, 3, "CEA", BIG, "p-1", "p-2", "2021-07-16"), {"p-1", "p-2"}),
    (delivery.DeliveryCompleted(1, 2, "2021-07-16", 3, BIG), set()),
    (delivery.DeliveryRefused(1, 2, "2021-07-16", "ACCOUNT_CLOSED", (("account", "p-1"), ("trade_id", "3"))), set()),
]

ENUMS: list[tuple[type[IntEnum], Mapping[str, int], str]] = [
    (AccountKind, dict(registry_types_pb2.AccountKind.items()), "ACCOUNT_KIND_"),
    (AccountState, dict(registry_types_pb2.AccountState.items()), "ACCOUNT_STATE_"),
    (MovementKind, dict(registry_types_pb2.MovementKind.items()), "MOVEMENT_KIND_"),
]


def test_the_table_of_events_here_is_the_whole_of_what_is_published() -> None:
    published = set(WIRE.by_event)
    declared = {f"carbonmarket.registry.v1.{name}" for name in registry_events_pb2.DESCRIPTOR.message_types_by_name}
    assert {type(event) for event, _ in EVENTS} == published == set(DECIDER.evolve)
    assert set(WIRE.by_name) == declared


@pytest.mark.parametrize("event", [event for event, _ in EVENTS], ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was_stored(event: object) -> None:
    type_name, data = WIRE.encode(event)
    assert WIRE.decode(type_name, data) == event


@pytest.mark.parametrize(("event", "feeds"), EVENTS, ids=lambda value: type(value).__name__)
def test_an_event_shows_in_the_feeds_of_the_accounts_that_it_touches(event: object, feeds: set[str]) -> None:
    assert set(WIRE.by_event[type(event)].accounts(event)) == feeds


@pytest.mark.parametrize(("ours", "theirs", "prefix"), ENUMS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_number_means_the_same_in_the_domain_and_in_the_language(
    ours: type[IntEnum], theirs: Mapping[str, int], prefix: str
) -> None:
    spoken = {name.removeprefix(prefix): number for name, number in theirs.items() if number != 0}
    assert {member.name: member.value for member in ours} == spoken


def test_a_delivered_leg_ends_the_trace_of_its_trade() -> None:
    kind = WIRE.by_event[delivery.AllowancesDelivered]
    assert kind.subject is not None
    assert kind.subject(delivery.AllowancesDelivered(1, 2, 3, "CEA", 5, "p-1", "p-2", "2021-07-16")) == "trade/3"
    assert kind.ends_subject


def test_every_event_that_changes_a_holding_is_projected() -> None:
    no_rows = {delivery.DeliveryCompleted, delivery.DeliveryRefused}
    assert set(HANDLERS) == set(WIRE.by_event) - no_rows

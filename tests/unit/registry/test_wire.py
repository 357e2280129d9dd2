"""The stored form: nothing is lost on the way there and back, and numbers mean the same on both sides."""

from carbonmarket.registry.v1 import registry_events_pb2, registry_types_pb2
from registry.domain import accounts, delivery, issuance, restrictions, staging, transfers, vintages
from registry.domain.decider import DECIDER
from registry.domain.state import AccountKind, AccountState, Leg
from registry.projections import HANDLERS, MovementKind
from registry.wire import WIRE
from support.suites.stored import Line, Numbering, WireSuite

BIG = 2**62
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

# An event, whose feeds it shows in, the subject whose trace it continues, and whether it ends that.
EVENTS: list[Line] = [
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
    (staging.DeliveryLegsStaged(1, 2, 1, (Leg(3, "CEA", BIG, "p-1", "p-2", TRACE),)), set()),
    (delivery.AllowancesDelivered(1, 2, 3, "CEA", BIG, "p-1", "p-2", "2021-07-16"), {"p-1", "p-2"}, "trade/3", True),
    (delivery.DeliveryCompleted(1, 2, "2021-07-16", 3, BIG, b"7" * 32), set()),
    (delivery.DeliveryRepeated(1, 3, "2021-07-16", 2, 3, BIG), set()),
    (delivery.DeliveryRefused(1, 2, "2021-07-16", "ACCOUNT_CLOSED", (("account", "p-1"), ("trade_id", "3"))), set()),
]

ENUMS: list[Numbering] = [
    (AccountKind, dict(registry_types_pb2.AccountKind.items()), "ACCOUNT_KIND_"),
    (AccountState, dict(registry_types_pb2.AccountState.items()), "ACCOUNT_STATE_"),
    (MovementKind, dict(registry_types_pb2.MovementKind.items()), "MOVEMENT_KIND_"),
]


class TestWire(WireSuite):
    published = registry_events_pb2.DESCRIPTOR
    wire = WIRE
    decider = DECIDER
    projected = HANDLERS
    events = EVENTS
    enums = ENUMS


def test_every_event_that_changes_a_holding_is_projected() -> None:
    of_tonnes = {event for event in WIRE.by_event if "quantity_tonnes" in event.__annotations__}
    assert of_tonnes - {delivery.AllowancesDelivered, delivery.DeliveryRepeated} <= set(HANDLERS)
    assert staging.DeliveryLegsStaged in HANDLERS

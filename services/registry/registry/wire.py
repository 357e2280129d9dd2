"""Domain events and commands as messages: the only list of what the registry publishes.

A delivered leg shows in the feeds of its seller and its buyer, and continues and ends the trace of its trade, which
comes with the timer that writes its record (delivery.due).
"""

from carbonmarket.registry.v1 import registry_events_pb2 as pb
from carbonmarket.registry.v1 import registry_service_pb2
from chassis.core.commands import Commands
from chassis.core.wire import EventKind, Wire, account
from registry.domain import accounts, delivery, issuance, restrictions, staging, transfers, vintages
from registry.domain.decider import DECIDER

WIRE = Wire(
    EventKind(accounts.AccountOpened, pb.AccountOpened, accounts=account),
    EventKind(accounts.AccountDataChanged, pb.AccountDataChanged, accounts=account),
    EventKind(accounts.AccountClosed, pb.AccountClosed, accounts=account),
    EventKind(
        restrictions.AccountRestricted,
        pb.AccountRestricted,
        accounts=account,
        shown=("account", "restriction_number", "ground"),
    ),
    EventKind(
        restrictions.AccountRestrictionLifted,
        pb.AccountRestrictionLifted,
        accounts=account,
        shown=("account", "restriction_number"),
    ),
    EventKind(restrictions.RestrictionTookEffect, pb.RestrictionTookEffect, accounts=account),
    EventKind(restrictions.AccountWoundUp, pb.AccountWoundUp, accounts=account),
    EventKind(vintages.VintageCreated, pb.VintageCreated),
    EventKind(issuance.AllowancesIssued, pb.AllowancesIssued, accounts=account),
    EventKind(
        issuance.AllowancesAllocated, pb.AllowancesAllocated, accounts=lambda event: (event.from_account, event.account)
    ),
    EventKind(transfers.TransferredToTrading, pb.TransferredToTrading, accounts=account),
    EventKind(transfers.ReturnedFromTrading, pb.ReturnedFromTrading, accounts=account),
    EventKind(
        delivery.AllowancesDelivered,
        pb.AllowancesDelivered,
        accounts=lambda event: (event.seller, event.buyer),
        subject=lambda event: f"trade/{event.trade_id}",
        ends_subject=True,
    ),
    EventKind(staging.DeliveryLegsStaged, pb.DeliveryLegsStaged),
    EventKind(delivery.DeliveryCompleted, pb.DeliveryCompleted),
    EventKind(delivery.DeliveryRefused, pb.DeliveryRefused, concern=lambda event: event.reason),
    EventKind(delivery.DeliveryRepeated, pb.DeliveryRepeated, concern=lambda event: "RUN_ORDERED_AGAIN"),
)

COMMANDS = Commands(registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"], DECIDER.decide)

"""Domain events and their stored form: the only list of what the registry publishes.

Written out field by field: what is stored is what you read here. A delivered leg shows in the feeds of its seller
and its buyer, and continues and ends the trace of its trade.
"""

from carbonmarket.registry.v1 import registry_events_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from chassis.decider import as_facts
from chassis.wire import EventKind, Wire
from registry.domain import accounts, delivery, issuance, restrictions, transfers, vintages
from registry.domain.state import AccountKind

# Accounts


def account_opened(event: accounts.AccountOpened) -> pb.AccountOpened:
    return pb.AccountOpened(
        account=event.account,
        kind=types.AccountKind.ValueType(event.kind),
        name=event.name,
        province=event.province,
        eligible_to_trade=event.eligible_to_trade,
        opened_ms=event.opened_ms,
    )


def to_account_opened(message: pb.AccountOpened) -> accounts.AccountOpened:
    return accounts.AccountOpened(
        account=message.account,
        kind=AccountKind(message.kind),
        name=message.name,
        province=message.province,
        eligible_to_trade=message.eligible_to_trade,
        opened_ms=message.opened_ms,
    )


def account_data_changed(event: accounts.AccountDataChanged) -> pb.AccountDataChanged:
    return pb.AccountDataChanged(account=event.account, name=event.name, basis=event.basis)


def to_account_data_changed(message: pb.AccountDataChanged) -> accounts.AccountDataChanged:
    return accounts.AccountDataChanged(account=message.account, name=message.name, basis=message.basis)


def account_closed(event: accounts.AccountClosed) -> pb.AccountClosed:
    return pb.AccountClosed(account=event.account, ground=event.ground)


def to_account_closed(message: pb.AccountClosed) -> accounts.AccountClosed:
    return accounts.AccountClosed(account=message.account, ground=message.ground)


# Restrictions


def account_restricted(event: restrictions.AccountRestricted) -> pb.AccountRestricted:
    return pb.AccountRestricted(
        account=event.account, restriction=event.restriction, ground=event.ground, actor=event.actor
    )


def to_account_restricted(message: pb.AccountRestricted) -> restrictions.AccountRestricted:
    return restrictions.AccountRestricted(
        account=message.account, restriction=message.restriction, ground=message.ground, actor=message.actor
    )


def account_restriction_lifted(event: restrictions.AccountRestrictionLifted) -> pb.AccountRestrictionLifted:
    return pb.AccountRestrictionLifted(account=event.account, restriction=event.restriction)


def to_account_restriction_lifted(message: pb.AccountRestrictionLifted) -> restrictions.AccountRestrictionLifted:
    return restrictions.AccountRestrictionLifted(account=message.account, restriction=message.restriction)


def restriction_took_effect(event: restrictions.RestrictionTookEffect) -> pb.RestrictionTookEffect:
    return pb.RestrictionTookEffect(
        account=event.account, restriction=event.restriction, trading_position=event.trading_position
    )


def to_restriction_took_effect(message: pb.RestrictionTookEffect) -> restrictions.RestrictionTookEffect:
    return restrictions.RestrictionTookEffect(
        account=message.account, restriction=message.restriction, trading_position=message.trading_position
    )


def account_wound_up(event: restrictions.AccountWoundUp) -> pb.AccountWoundUp:
    return pb.AccountWoundUp(
        account=event.account, restriction=event.restriction, trading_position=event.trading_position
    )


def to_account_wound_up(message: pb.AccountWoundUp) -> restrictions.AccountWoundUp:
    return restrictions.AccountWoundUp(
        account=message.account, restriction=message.restriction, trading_position=message.trading_position
    )


# Vintages and issuance


def vintage_created(event: vintages.VintageCreated) -> pb.VintageCreated:
    return pb.VintageCreated(vintage=event.vintage, compliance_year=event.compliance_year)


def to_vintage_created(message: pb.VintageCreated) -> vintages.VintageCreated:
    return vintages.VintageCreated(vintage=message.vintage, compliance_year=message.compliance_year)


def allowances_issued(event: issuance.AllowancesIssued) -> pb.AllowancesIssued:
    return pb.AllowancesIssued(
        vintage=event.vintage,
        account=event.account,
        quantity_tonnes=event.quantity_tonnes,
        basis=event.basis,
    )


def to_allowances_issued(message: pb.AllowancesIssued) -> issuance.AllowancesIssued:
    return issuance.AllowancesIssued(
        vintage=message.vintage,
        account=message.account,
        quantity_tonnes=message.quantity_tonnes,
        basis=message.basis,
    )


def allowances_allocated(event: issuance.AllowancesAllocated) -> pb.AllowancesAllocated:
    return pb.AllowancesAllocated(
        vintage=event.vintage,
        from_account=event.from_account,
        account=event.account,
        quantity_tonnes=event.quantity_tonnes,
        basis=event.basis,
    )


def to_allowances_allocated(message: pb.AllowancesAllocated) -> issuance.AllowancesAllocated:
    return issuance.AllowancesAllocated(
        vintage=message.vintage,
        from_account=message.from_account,
        account=message.account,
        quantity_tonnes=message.quantity_tonnes,
        basis=message.basis,
    )


# Transfers


def transferred_to_trading(event: transfers.TransferredToTrading) -> pb.TransferredToTrading:
    return pb.TransferredToTrading(account=event.account, vintage=event.vintage, quantity_tonnes=event.quantity_tonnes)


def to_transferred_to_trading(message: pb.TransferredToTrading) -> transfers.TransferredToTrading:
    return transfers.TransferredToTrading(
        account=message.account, vintage=message.vintage, quantity_tonnes=message.quantity_tonnes
    )


def returned_from_trading(event: transfers.ReturnedFromTrading) -> pb.ReturnedFromTrading:
    return pb.ReturnedFromTrading(
        account=event.account,
        vintage=event.vintage,
        quantity_tonnes=event.quantity_tonnes,
        trading_position=event.trading_position,
        return_id=event.return_id,
    )


def to_returned_from_trading(message: pb.ReturnedFromTrading) -> transfers.ReturnedFromTrading:
    return transfers.ReturnedFromTrading(
        account=message.account,
        vintage=message.vintage,
        quantity_tonnes=message.quantity_tonnes,
        trading_position=message.trading_position,
        return_id=message.return_id,
    )


# Delivery


def allowances_delivered(event: delivery.AllowancesDelivered) -> pb.AllowancesDelivered:
    return pb.AllowancesDelivered(
        run_id=event.run_id,
        attempt=event.attempt,
        trade_id=event.trade_id,
        vintage=event.vintage,
        quantity_tonnes=event.quantity_tonnes,
        seller=event.seller,
        buyer=event.buyer,
        day=event.day,
    )


def to_allowances_delivered(message: pb.AllowancesDelivered) -> delivery.AllowancesDelivered:
    return delivery.AllowancesDelivered(
        run_id=message.run_id,
        attempt=message.attempt,
        trade_id=message.trade_id,
        vintage=message.vintage,
        quantity_tonnes=message.quantity_tonnes,
        seller=message.seller,
        buyer=message.buyer,
        day=message.day,
    )


def delivery_completed(event: delivery.DeliveryCompleted) -> pb.DeliveryCompleted:
    return pb.DeliveryCompleted(
        run_id=event.run_id,
        attempt=event.attempt,
        day=event.day,
        legs=event.legs,
        quantity_tonnes=event.quantity_tonnes,
        legs_digest=event.legs_digest,
    )


def to_delivery_completed(message: pb.DeliveryCompleted) -> delivery.DeliveryCompleted:
    return delivery.DeliveryCompleted(
        run_id=message.run_id,
        attempt=message.attempt,
        day=message.day,
        legs=message.legs,
        quantity_tonnes=message.quantity_tonnes,
        legs_digest=message.legs_digest,
    )


def delivery_repeated(event: delivery.DeliveryRepeated) -> pb.DeliveryRepeated:
    return pb.DeliveryRepeated(
        run_id=event.run_id,
        attempt=event.attempt,
        day=event.day,
        delivered_attempt=event.delivered_attempt,
        legs=event.legs,
        quantity_tonnes=event.quantity_tonnes,
    )


def to_delivery_repeated(message: pb.DeliveryRepeated) -> delivery.DeliveryRepeated:
    return delivery.DeliveryRepeated(
        run_id=message.run_id,
        attempt=message.attempt,
        day=message.day,
        delivered_attempt=message.delivered_attempt,
        legs=message.legs,
        quantity_tonnes=message.quantity_tonnes,
    )


def delivery_refused(event: delivery.DeliveryRefused) -> pb.DeliveryRefused:
    return pb.DeliveryRefused(
        run_id=event.run_id, attempt=event.attempt, day=event.day, reason=event.reason, facts=dict(event.facts)
    )


def to_delivery_refused(message: pb.DeliveryRefused) -> delivery.DeliveryRefused:
    return delivery.DeliveryRefused(
        run_id=message.run_id,
        attempt=message.attempt,
        day=message.day,
        reason=message.reason,
        facts=as_facts(**message.facts),
    )


OwnAccount = (
    accounts.AccountOpened
    | accounts.AccountDataChanged
    | accounts.AccountClosed
    | restrictions.AccountRestricted
    | restrictions.AccountRestrictionLifted
    | restrictions.RestrictionTookEffect
    | restrictions.AccountWoundUp
    | issuance.AllowancesIssued
    | transfers.TransferredToTrading
    | transfers.ReturnedFromTrading
)


def account(event: OwnAccount) -> tuple[str]:
    return (event.account,)


WIRE = Wire(
    EventKind(
        accounts.AccountOpened,
        pb.AccountOpened,
        account_opened,
        to_account_opened,
        accounts=account,
    ),
    EventKind(
        accounts.AccountDataChanged,
        pb.AccountDataChanged,
        account_data_changed,
        to_account_data_changed,
        accounts=account,
    ),
    EventKind(
        accounts.AccountClosed,
        pb.AccountClosed,
        account_closed,
        to_account_closed,
        accounts=account,
    ),
    EventKind(
        restrictions.AccountRestricted,
        pb.AccountRestricted,
        account_restricted,
        to_account_restricted,
        accounts=account,
    ),
    EventKind(
        restrictions.AccountRestrictionLifted,
        pb.AccountRestrictionLifted,
        account_restriction_lifted,
        to_account_restriction_lifted,
        accounts=account,
    ),
    EventKind(
        restrictions.RestrictionTookEffect,
        pb.RestrictionTookEffect,
        restriction_took_effect,
        to_restriction_took_effect,
        accounts=account,
    ),
    EventKind(
        restrictions.AccountWoundUp,
        pb.AccountWoundUp,
        account_wound_up,
        to_account_wound_up,
        accounts=account,
    ),
    EventKind(vintages.VintageCreated, pb.VintageCreated, vintage_created, to_vintage_created),
    EventKind(
        issuance.AllowancesIssued,
        pb.AllowancesIssued,
        allowances_issued,
        to_allowances_issued,
        accounts=account,
    ),
    EventKind(
        issuance.AllowancesAllocated,
        pb.AllowancesAllocated,
        allowances_allocated,
        to_allowances_allocated,
        accounts=lambda event: (event.from_account, event.account),
    ),
    EventKind(
        transfers.TransferredToTrading,
        pb.TransferredToTrading,
        transferred_to_trading,
        to_transferred_to_trading,
        accounts=account,
    ),
    EventKind(
        transfers.ReturnedFromTrading,
        pb.ReturnedFromTrading,
        returned_from_trading,
        to_returned_from_trading,
        accounts=account,
    ),
    EventKind(
        delivery.AllowancesDelivered,
        pb.AllowancesDelivered,
        allowances_delivered,
        to_allowances_delivered,
        accounts=lambda event: (event.seller, event.buyer),
        subject=lambda event: f"trade/{event.trade_id}",
        ends_subject=True,
    ),
    EventKind(delivery.DeliveryCompleted, pb.DeliveryCompleted, delivery_completed, to_delivery_completed),
    EventKind(
        delivery.DeliveryRepeated,
        pb.DeliveryRepeated,
        delivery_repeated,
        to_delivery_repeated,
        concern=lambda event: "RUN_ORDERED_AGAIN",
    ),
    EventKind(
        delivery.DeliveryRefused,
        pb.DeliveryRefused,
        delivery_refused,
        to_delivery_refused,
        concern=lambda event: event.reason,
    ),
)

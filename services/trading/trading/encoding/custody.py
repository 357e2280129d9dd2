"""Custody: what comes and what is given back: domain values and their messages, field by field."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from trading.domain import custody


def allowances_credited(event: custody.AllowancesCredited) -> pb.AllowancesCredited:
    return pb.AllowancesCredited(
        account=event.account,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        registry_position=event.registry_position,
    )


def to_allowances_credited(message: pb.AllowancesCredited) -> custody.AllowancesCredited:
    return custody.AllowancesCredited(
        account=message.account,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
        registry_position=message.registry_position,
    )


def funds_credited(event: custody.FundsCredited) -> pb.FundsCredited:
    return pb.FundsCredited(
        account=event.account,
        amount_fen=event.amount_fen,
        entry=event.entry,
        clearing_position=event.clearing_position,
    )


def to_funds_credited(message: pb.FundsCredited) -> custody.FundsCredited:
    return custody.FundsCredited(
        account=message.account,
        amount_fen=message.amount_fen,
        entry=message.entry,
        clearing_position=message.clearing_position,
    )


def allowances_returned(event: custody.AllowancesReturned) -> pb.AllowancesReturned:
    return pb.AllowancesReturned(
        account=event.account,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        return_id=event.return_id,
    )


def to_allowances_returned(message: pb.AllowancesReturned) -> custody.AllowancesReturned:
    return custody.AllowancesReturned(
        account=message.account,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
        return_id=message.return_id,
    )


def return_acknowledged(event: custody.ReturnAcknowledged) -> pb.ReturnAcknowledged:
    return pb.ReturnAcknowledged(
        return_id=event.return_id,
        account=event.account,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        registry_position=event.registry_position,
    )


def to_return_acknowledged(message: pb.ReturnAcknowledged) -> custody.ReturnAcknowledged:
    return custody.ReturnAcknowledged(
        return_id=message.return_id,
        account=message.account,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
        registry_position=message.registry_position,
    )


def funds_released(event: custody.FundsReleased) -> pb.FundsReleased:
    return pb.FundsReleased(
        account=event.account,
        amount_fen=event.amount_fen,
        release_id=event.release_id,
    )


def to_funds_released(message: pb.FundsReleased) -> custody.FundsReleased:
    return custody.FundsReleased(
        account=message.account,
        amount_fen=message.amount_fen,
        release_id=message.release_id,
    )


def release_acknowledged(event: custody.ReleaseAcknowledged) -> pb.ReleaseAcknowledged:
    return pb.ReleaseAcknowledged(
        release_id=event.release_id,
        account=event.account,
        amount_fen=event.amount_fen,
        entry=event.entry,
    )


def to_release_acknowledged(message: pb.ReleaseAcknowledged) -> custody.ReleaseAcknowledged:
    return custody.ReleaseAcknowledged(
        release_id=message.release_id,
        account=message.account,
        amount_fen=message.amount_fen,
        entry=message.entry,
    )

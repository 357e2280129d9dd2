"""Block negotiations: domain values and their messages, field by field."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from trading.domain import negotiations
from trading.domain.values import Side


def block_offered(event: negotiations.BlockOffered) -> pb.BlockOffered:
    return pb.BlockOffered(
        block_id=event.block_id,
        day=event.day,
        instrument=event.instrument,
        account=event.account,
        counterparty=event.counterparty,
        side=types.Side.ValueType(event.side),
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        locked_fen=event.locked_fen,
        offered_ms=event.offered_ms,
    )


def to_block_offered(message: pb.BlockOffered) -> negotiations.BlockOffered:
    return negotiations.BlockOffered(
        block_id=message.block_id,
        day=message.day,
        instrument=message.instrument,
        account=message.account,
        counterparty=message.counterparty,
        side=Side(message.side),
        price_fen=message.price_fen,
        quantity_tonnes=message.quantity_tonnes,
        locked_fen=message.locked_fen,
        offered_ms=message.offered_ms,
    )


def block_quoted(event: negotiations.BlockQuoted) -> pb.BlockQuoted:
    return pb.BlockQuoted(
        block_id=event.block_id,
        account=event.account,
        counterparty=event.counterparty,
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        locked_fen=event.locked_fen,
        unlocked_fen=event.unlocked_fen,
        unlocked_tonnes=event.unlocked_tonnes,
        quoted_ms=event.quoted_ms,
    )


def to_block_quoted(message: pb.BlockQuoted) -> negotiations.BlockQuoted:
    return negotiations.BlockQuoted(
        block_id=message.block_id,
        account=message.account,
        counterparty=message.counterparty,
        price_fen=message.price_fen,
        quantity_tonnes=message.quantity_tonnes,
        locked_fen=message.locked_fen,
        unlocked_fen=message.unlocked_fen,
        unlocked_tonnes=message.unlocked_tonnes,
        quoted_ms=message.quoted_ms,
    )


def block_confirmed(event: negotiations.BlockConfirmed) -> pb.BlockConfirmed:
    return pb.BlockConfirmed(
        block_id=event.block_id,
        account=event.account,
        counterparty=event.counterparty,
        trade_id=event.trade_id,
    )


def to_block_confirmed(message: pb.BlockConfirmed) -> negotiations.BlockConfirmed:
    return negotiations.BlockConfirmed(
        block_id=message.block_id,
        account=message.account,
        counterparty=message.counterparty,
        trade_id=message.trade_id,
    )


def block_declined(event: negotiations.BlockDeclined) -> pb.BlockDeclined:
    return pb.BlockDeclined(
        block_id=event.block_id,
        account=event.account,
        counterparty=event.counterparty,
        unlocked_fen=event.unlocked_fen,
        unlocked_tonnes=event.unlocked_tonnes,
    )


def to_block_declined(message: pb.BlockDeclined) -> negotiations.BlockDeclined:
    return negotiations.BlockDeclined(
        block_id=message.block_id,
        account=message.account,
        counterparty=message.counterparty,
        unlocked_fen=message.unlocked_fen,
        unlocked_tonnes=message.unlocked_tonnes,
    )


def block_withdrawn(event: negotiations.BlockWithdrawn) -> pb.BlockWithdrawn:
    return pb.BlockWithdrawn(
        block_id=event.block_id,
        account=event.account,
        counterparty=event.counterparty,
        reason=types.WithdrawReason.ValueType(event.reason),
        unlocked_fen=event.unlocked_fen,
        unlocked_tonnes=event.unlocked_tonnes,
    )


def to_block_withdrawn(message: pb.BlockWithdrawn) -> negotiations.BlockWithdrawn:
    return negotiations.BlockWithdrawn(
        block_id=message.block_id,
        account=message.account,
        counterparty=message.counterparty,
        reason=negotiations.WithdrawReason(message.reason),
        unlocked_fen=message.unlocked_fen,
        unlocked_tonnes=message.unlocked_tonnes,
    )


def block_expired(event: negotiations.BlockExpired) -> pb.BlockExpired:
    return pb.BlockExpired(
        block_id=event.block_id,
        account=event.account,
        counterparty=event.counterparty,
        unlocked_fen=event.unlocked_fen,
        unlocked_tonnes=event.unlocked_tonnes,
    )


def to_block_expired(message: pb.BlockExpired) -> negotiations.BlockExpired:
    return negotiations.BlockExpired(
        block_id=message.block_id,
        account=message.account,
        counterparty=message.counterparty,
        unlocked_fen=message.unlocked_fen,
        unlocked_tonnes=message.unlocked_tonnes,
    )

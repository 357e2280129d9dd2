"""Settlement and confirmation: domain values and their messages, field by field."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from chassis.decider import as_facts
from trading.domain import confirmation, settlement


def trade_marked_settled(event: settlement.TradeMarkedSettled) -> pb.TradeMarkedSettled:
    return pb.TradeMarkedSettled(
        trade_id=event.trade_id,
    )


def to_trade_marked_settled(message: pb.TradeMarkedSettled) -> settlement.TradeMarkedSettled:
    return settlement.TradeMarkedSettled(
        trade_id=message.trade_id,
    )


def trade_blocked(event: settlement.TradeBlocked) -> pb.TradeBlocked:
    return pb.TradeBlocked(
        trade_id=event.trade_id,
        buyer=event.buyer,
        seller=event.seller,
        blocked_fen=event.blocked_fen,
    )


def to_trade_blocked(message: pb.TradeBlocked) -> settlement.TradeBlocked:
    return settlement.TradeBlocked(
        trade_id=message.trade_id,
        buyer=message.buyer,
        seller=message.seller,
        blocked_fen=message.blocked_fen,
    )


def settlement_day_noted(event: settlement.SettlementDayNoted) -> pb.SettlementDayNoted:
    return pb.SettlementDayNoted(
        day=event.day,
    )


def to_settlement_day_noted(message: pb.SettlementDayNoted) -> settlement.SettlementDayNoted:
    return settlement.SettlementDayNoted(
        day=message.day,
    )


def books_agreement_noted(event: settlement.BooksAgreementNoted) -> pb.BooksAgreementNoted:
    return pb.BooksAgreementNoted(
        day=event.day,
        agreed=event.agreed,
    )


def to_books_agreement_noted(message: pb.BooksAgreementNoted) -> settlement.BooksAgreementNoted:
    return settlement.BooksAgreementNoted(
        day=message.day,
        agreed=message.agreed,
    )


def allowances_released(event: settlement.AllowancesReleased) -> pb.AllowancesReleased:
    return pb.AllowancesReleased(
        trade_id=event.trade_id,
        account=event.account,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
    )


def to_allowances_released(message: pb.AllowancesReleased) -> settlement.AllowancesReleased:
    return settlement.AllowancesReleased(
        trade_id=message.trade_id,
        account=message.account,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
    )


def clearing_run_confirmed(event: confirmation.ClearingRunConfirmed) -> pb.ClearingRunConfirmed:
    return pb.ClearingRunConfirmed(
        run_id=event.run_id,
        day=event.day,
        attempt=event.attempt,
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
    )


def to_clearing_run_confirmed(message: pb.ClearingRunConfirmed) -> confirmation.ClearingRunConfirmed:
    return confirmation.ClearingRunConfirmed(
        run_id=message.run_id,
        day=message.day,
        attempt=message.attempt,
        trades=message.trades,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
    )


def clearing_run_disputed(event: confirmation.ClearingRunDisputed) -> pb.ClearingRunDisputed:
    return pb.ClearingRunDisputed(
        run_id=event.run_id,
        day=event.day,
        attempt=event.attempt,
        reason=event.reason,
        facts=dict(event.facts),
    )


def to_clearing_run_disputed(message: pb.ClearingRunDisputed) -> confirmation.ClearingRunDisputed:
    return confirmation.ClearingRunDisputed(
        run_id=message.run_id,
        day=message.day,
        attempt=message.attempt,
        reason=message.reason,
        facts=as_facts(**message.facts),
    )

"""Obligations and the steps of a run up to its confirmation and their stored form, field by field."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from chassis.decider import as_facts
from clearing.domain import legs, obligations, run, state
from clearing.domain.state import Method


def obligation_recorded(event: obligations.ObligationRecorded) -> pb.ObligationRecorded:
    return pb.ObligationRecorded(
        trade_id=event.trade_id,
        day=event.day,
        instrument=event.instrument,
        method=types.TradeMethod.ValueType(event.method),
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer=event.buyer,
        seller=event.seller,
        buyer_fee_fen=event.buyer_fee_fen,
        seller_fee_fen=event.seller_fee_fen,
        trading_position=event.trading_position,
        executed_ms=event.executed_ms,
    )


def to_obligation_recorded(message: pb.ObligationRecorded) -> obligations.ObligationRecorded:
    return obligations.ObligationRecorded(
        trade_id=message.trade_id,
        day=message.day,
        instrument=message.instrument,
        method=Method(message.method),
        price_fen=message.price_fen,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        buyer=message.buyer,
        seller=message.seller,
        buyer_fee_fen=message.buyer_fee_fen,
        seller_fee_fen=message.seller_fee_fen,
        trading_position=message.trading_position,
        executed_ms=message.executed_ms,
    )


def trading_days_noted(event: obligations.TradingDaysNoted) -> pb.TradingDaysNoted:
    return pb.TradingDaysNoted(
        days=event.days,
    )


def to_trading_days_noted(message: pb.TradingDaysNoted) -> obligations.TradingDaysNoted:
    return obligations.TradingDaysNoted(
        days=tuple(message.days),
    )


def clearing_run_opened(event: run.ClearingRunOpened) -> pb.ClearingRunOpened:
    return pb.ClearingRunOpened(
        run_id=event.run_id,
        day=event.day,
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        first_trade_id=event.first_trade_id,
        last_trade_id=event.last_trade_id,
        trading_position=event.trading_position,
        opened_ms=event.opened_ms,
    )


def to_clearing_run_opened(message: pb.ClearingRunOpened) -> run.ClearingRunOpened:
    return run.ClearingRunOpened(
        run_id=message.run_id,
        day=message.day,
        trades=message.trades,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        first_trade_id=message.first_trade_id,
        last_trade_id=message.last_trade_id,
        trading_position=message.trading_position,
        opened_ms=message.opened_ms,
    )


def clearing_run_blocked(event: run.ClearingRunBlocked) -> pb.ClearingRunBlocked:
    return pb.ClearingRunBlocked(
        run_id=event.run_id,
        day=event.day,
        attempt=event.attempt,
        reason=event.reason,
        facts=dict(event.facts),
    )


def to_clearing_run_blocked(message: pb.ClearingRunBlocked) -> run.ClearingRunBlocked:
    return run.ClearingRunBlocked(
        run_id=message.run_id,
        day=message.day,
        attempt=message.attempt,
        reason=message.reason,
        facts=as_facts(**message.facts),
    )


def run_total(row: state.RunTotal) -> types.RunTotal:
    return types.RunTotal(
        instrument=row.instrument,
        method=types.TradeMethod.ValueType(row.method),
        trades=row.trades,
        quantity_tonnes=row.quantity_tonnes,
        value_fen=row.value_fen,
    )


def to_run_total(message: types.RunTotal) -> state.RunTotal:
    return state.RunTotal(
        instrument=message.instrument,
        method=Method(message.method),
        trades=message.trades,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
    )


def clearing_run_computed(event: run.ClearingRunComputed) -> pb.ClearingRunComputed:
    return pb.ClearingRunComputed(
        run_id=event.run_id,
        day=event.day,
        attempt=event.attempt,
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyers_pay_fen=event.buyers_pay_fen,
        sellers_receive_fen=event.sellers_receive_fen,
        fees_fen=event.fees_fen,
        pages=event.pages,
        excluded=event.excluded,
        totals=[run_total(row) for row in event.totals],
    )


def to_clearing_run_computed(message: pb.ClearingRunComputed) -> run.ClearingRunComputed:
    return run.ClearingRunComputed(
        run_id=message.run_id,
        day=message.day,
        attempt=message.attempt,
        trades=message.trades,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        buyers_pay_fen=message.buyers_pay_fen,
        sellers_receive_fen=message.sellers_receive_fen,
        fees_fen=message.fees_fen,
        pages=message.pages,
        excluded=message.excluded,
        totals=tuple(to_run_total(row) for row in message.totals),
    )


def run_leg(row: legs.RunLeg) -> types.RunLeg:
    return types.RunLeg(
        trade_id=row.trade_id,
        instrument=row.instrument,
        quantity_tonnes=row.quantity_tonnes,
        seller=row.seller,
        buyer=row.buyer,
        buyer_pays_fen=row.buyer_pays_fen,
        seller_receives_fen=row.seller_receives_fen,
    )


def to_run_leg(message: types.RunLeg) -> legs.RunLeg:
    return legs.RunLeg(
        trade_id=message.trade_id,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
        seller=message.seller,
        buyer=message.buyer,
        buyer_pays_fen=message.buyer_pays_fen,
        seller_receives_fen=message.seller_receives_fen,
    )


def clearing_run_legs_listed(event: run.ClearingRunLegsListed) -> pb.ClearingRunLegsListed:
    return pb.ClearingRunLegsListed(
        run_id=event.run_id,
        attempt=event.attempt,
        page=event.page,
        legs=[run_leg(row) for row in event.legs],
    )


def to_clearing_run_legs_listed(message: pb.ClearingRunLegsListed) -> run.ClearingRunLegsListed:
    return run.ClearingRunLegsListed(
        run_id=message.run_id,
        attempt=message.attempt,
        page=message.page,
        legs=tuple(to_run_leg(row) for row in message.legs),
    )


def confirmation_ordered(event: run.ConfirmationOrdered) -> pb.ConfirmationOrdered:
    return pb.ConfirmationOrdered(
        run_id=event.run_id,
        attempt=event.attempt,
        day=event.day,
    )


def to_confirmation_ordered(message: pb.ConfirmationOrdered) -> run.ConfirmationOrdered:
    return run.ConfirmationOrdered(
        run_id=message.run_id,
        attempt=message.attempt,
        day=message.day,
    )

"""The steps of a run from its confirmation on, exclusions, and their stored form, field by field."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from chassis.decider import as_facts
from clearing.domain import exclusion, settlement


def clearing_run_agreed(event: settlement.ClearingRunAgreed) -> pb.ClearingRunAgreed:
    return pb.ClearingRunAgreed(
        run_id=event.run_id,
        attempt=event.attempt,
    )


def to_clearing_run_agreed(message: pb.ClearingRunAgreed) -> settlement.ClearingRunAgreed:
    return settlement.ClearingRunAgreed(
        run_id=message.run_id,
        attempt=message.attempt,
    )


def clearing_run_disagreed(event: settlement.ClearingRunDisagreed) -> pb.ClearingRunDisagreed:
    return pb.ClearingRunDisagreed(
        run_id=event.run_id,
        attempt=event.attempt,
        reason=event.reason,
        facts=dict(event.facts),
    )


def to_clearing_run_disagreed(message: pb.ClearingRunDisagreed) -> settlement.ClearingRunDisagreed:
    return settlement.ClearingRunDisagreed(
        run_id=message.run_id,
        attempt=message.attempt,
        reason=message.reason,
        facts=as_facts(**message.facts),
    )


def cash_legs_proven(event: settlement.CashLegsProven) -> pb.CashLegsProven:
    return pb.CashLegsProven(
        run_id=event.run_id,
        attempt=event.attempt,
    )


def to_cash_legs_proven(message: pb.CashLegsProven) -> settlement.CashLegsProven:
    return settlement.CashLegsProven(
        run_id=message.run_id,
        attempt=message.attempt,
    )


def delivery_ordered(event: settlement.DeliveryOrdered) -> pb.DeliveryOrdered:
    return pb.DeliveryOrdered(
        run_id=event.run_id,
        attempt=event.attempt,
        day=event.day,
    )


def to_delivery_ordered(message: pb.DeliveryOrdered) -> settlement.DeliveryOrdered:
    return settlement.DeliveryOrdered(
        run_id=message.run_id,
        attempt=message.attempt,
        day=message.day,
    )


def delivery_confirmed(event: settlement.DeliveryConfirmed) -> pb.DeliveryConfirmed:
    return pb.DeliveryConfirmed(
        run_id=event.run_id,
        attempt=event.attempt,
        registry_position=event.registry_position,
    )


def to_delivery_confirmed(message: pb.DeliveryConfirmed) -> settlement.DeliveryConfirmed:
    return settlement.DeliveryConfirmed(
        run_id=message.run_id,
        attempt=message.attempt,
        registry_position=message.registry_position,
    )


def delivery_voided(event: settlement.DeliveryVoided) -> pb.DeliveryVoided:
    return pb.DeliveryVoided(
        run_id=event.run_id,
        attempt=event.attempt,
        reason=event.reason,
        facts=dict(event.facts),
    )


def to_delivery_voided(message: pb.DeliveryVoided) -> settlement.DeliveryVoided:
    return settlement.DeliveryVoided(
        run_id=message.run_id,
        attempt=message.attempt,
        reason=message.reason,
        facts=as_facts(**message.facts),
    )


def trade_settled(event: settlement.TradeSettled) -> pb.TradeSettled:
    return pb.TradeSettled(
        trade_id=event.trade_id,
        run_id=event.run_id,
        day=event.day,
        buyer=event.buyer,
        seller=event.seller,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer_fee_fen=event.buyer_fee_fen,
        seller_fee_fen=event.seller_fee_fen,
    )


def to_trade_settled(message: pb.TradeSettled) -> settlement.TradeSettled:
    return settlement.TradeSettled(
        trade_id=message.trade_id,
        run_id=message.run_id,
        day=message.day,
        buyer=message.buyer,
        seller=message.seller,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        buyer_fee_fen=message.buyer_fee_fen,
        seller_fee_fen=message.seller_fee_fen,
    )


def settlement_day_completed(event: settlement.SettlementDayCompleted) -> pb.SettlementDayCompleted:
    return pb.SettlementDayCompleted(
        day=event.day,
        run_id=event.run_id,
        trades=event.trades,
        excluded=event.excluded,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
    )


def to_settlement_day_completed(message: pb.SettlementDayCompleted) -> settlement.SettlementDayCompleted:
    return settlement.SettlementDayCompleted(
        day=message.day,
        run_id=message.run_id,
        trades=message.trades,
        excluded=message.excluded,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
    )


def exclusion_proposed(event: exclusion.ExclusionProposed) -> pb.ExclusionProposed:
    return pb.ExclusionProposed(
        exclusion_id=event.exclusion_id,
        run_id=event.run_id,
        trade_ids=event.trade_ids,
        named_trade_ids=event.named_trade_ids,
        ground=event.ground,
        proposer=event.proposer,
    )


def to_exclusion_proposed(message: pb.ExclusionProposed) -> exclusion.ExclusionProposed:
    return exclusion.ExclusionProposed(
        exclusion_id=message.exclusion_id,
        run_id=message.run_id,
        trade_ids=tuple(message.trade_ids),
        named_trade_ids=tuple(message.named_trade_ids),
        ground=message.ground,
        proposer=message.proposer,
    )


def exclusion_approved(event: exclusion.ExclusionApproved) -> pb.ExclusionApproved:
    return pb.ExclusionApproved(
        exclusion_id=event.exclusion_id,
        run_id=event.run_id,
        trade_ids=event.trade_ids,
        ground=event.ground,
        approver=event.approver,
    )


def to_exclusion_approved(message: pb.ExclusionApproved) -> exclusion.ExclusionApproved:
    return exclusion.ExclusionApproved(
        exclusion_id=message.exclusion_id,
        run_id=message.run_id,
        trade_ids=tuple(message.trade_ids),
        ground=message.ground,
        approver=message.approver,
    )


def trade_excluded(event: exclusion.TradeExcluded) -> pb.TradeExcluded:
    return pb.TradeExcluded(
        trade_id=event.trade_id,
        run_id=event.run_id,
        day=event.day,
        buyer=event.buyer,
        seller=event.seller,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer_fee_fen=event.buyer_fee_fen,
        seller_fee_fen=event.seller_fee_fen,
        exclusion_id=event.exclusion_id,
        blocked_fen=event.blocked_fen,
    )


def to_trade_excluded(message: pb.TradeExcluded) -> exclusion.TradeExcluded:
    return exclusion.TradeExcluded(
        trade_id=message.trade_id,
        run_id=message.run_id,
        day=message.day,
        buyer=message.buyer,
        seller=message.seller,
        instrument=message.instrument,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        buyer_fee_fen=message.buyer_fee_fen,
        seller_fee_fen=message.seller_fee_fen,
        exclusion_id=message.exclusion_id,
        blocked_fen=message.blocked_fen,
    )

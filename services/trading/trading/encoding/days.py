"""The day: opening and closing: domain values and their messages, field by field."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from trading.domain import closing, instruments, opening


def limits(of_day: instruments.Limits) -> types.InstrumentLimits:
    return types.InstrumentLimits(
        instrument=of_day.instrument,
        previous_close_fen=of_day.previous_close_fen,
        listed_low_fen=of_day.listed_low_fen,
        listed_high_fen=of_day.listed_high_fen,
        block_low_fen=of_day.block_low_fen,
        block_high_fen=of_day.block_high_fen,
    )


def to_limits(message: types.InstrumentLimits) -> instruments.Limits:
    return instruments.Limits(
        instrument=message.instrument,
        previous_close_fen=message.previous_close_fen,
        listed_low_fen=message.listed_low_fen,
        listed_high_fen=message.listed_high_fen,
        block_low_fen=message.block_low_fen,
        block_high_fen=message.block_high_fen,
    )


def opening_override_proposed(event: opening.OpeningOverrideProposed) -> pb.OpeningOverrideProposed:
    return pb.OpeningOverrideProposed(
        day=event.day,
        ground=event.ground,
        proposed_by=event.proposed_by,
    )


def to_opening_override_proposed(message: pb.OpeningOverrideProposed) -> opening.OpeningOverrideProposed:
    return opening.OpeningOverrideProposed(
        day=message.day,
        ground=message.ground,
        proposed_by=message.proposed_by,
    )


def opening_override_approved(event: opening.OpeningOverrideApproved) -> pb.OpeningOverrideApproved:
    return pb.OpeningOverrideApproved(
        day=event.day,
        ground=event.ground,
        proposed_by=event.proposed_by,
        approved_by=event.approved_by,
    )


def to_opening_override_approved(message: pb.OpeningOverrideApproved) -> opening.OpeningOverrideApproved:
    return opening.OpeningOverrideApproved(
        day=message.day,
        ground=message.ground,
        proposed_by=message.proposed_by,
        approved_by=message.approved_by,
    )


def day_opened(event: opening.DayOpened) -> pb.DayOpened:
    return pb.DayOpened(
        day=event.day,
        opened_ms=event.opened_ms,
        limits=[limits(one) for one in event.limits],
        composite_previous_close_fen=event.composite_previous_close_fen,
        overridden_by=event.overridden_by,
    )


def to_day_opened(message: pb.DayOpened) -> opening.DayOpened:
    return opening.DayOpened(
        day=message.day,
        opened_ms=message.opened_ms,
        limits=tuple(to_limits(one) for one in message.limits),
        composite_previous_close_fen=message.composite_previous_close_fen,
        overridden_by=tuple(message.overridden_by),
    )


def instrument_day_closed(event: closing.InstrumentDayClosed) -> pb.InstrumentDayClosed:
    return pb.InstrumentDayClosed(
        day=event.day,
        instrument=event.instrument,
        open_fen=event.open_fen,
        high_fen=event.high_fen,
        low_fen=event.low_fen,
        close_fen=event.close_fen,
        previous_close_fen=event.previous_close_fen,
        change_bp=event.change_bp,
        listed_tonnes=event.listed_tonnes,
        listed_value_fen=event.listed_value_fen,
        block_tonnes=event.block_tonnes,
        block_value_fen=event.block_value_fen,
        trades=event.trades,
        year_tonnes=event.year_tonnes,
        year_value_fen=event.year_value_fen,
        total_tonnes=event.total_tonnes,
        total_value_fen=event.total_value_fen,
    )


def to_instrument_day_closed(message: pb.InstrumentDayClosed) -> closing.InstrumentDayClosed:
    return closing.InstrumentDayClosed(
        day=message.day,
        instrument=message.instrument,
        open_fen=message.open_fen,
        high_fen=message.high_fen,
        low_fen=message.low_fen,
        close_fen=message.close_fen,
        previous_close_fen=message.previous_close_fen,
        change_bp=message.change_bp,
        listed_tonnes=message.listed_tonnes,
        listed_value_fen=message.listed_value_fen,
        block_tonnes=message.block_tonnes,
        block_value_fen=message.block_value_fen,
        trades=message.trades,
        year_tonnes=message.year_tonnes,
        year_value_fen=message.year_value_fen,
        total_tonnes=message.total_tonnes,
        total_value_fen=message.total_value_fen,
    )


def composite_priced(event: closing.CompositePriced) -> pb.CompositePriced:
    return pb.CompositePriced(
        day=event.day,
        open_fen=event.open_fen,
        high_fen=event.high_fen,
        low_fen=event.low_fen,
        close_fen=event.close_fen,
        previous_close_fen=event.previous_close_fen,
        change_bp=event.change_bp,
    )


def to_composite_priced(message: pb.CompositePriced) -> closing.CompositePriced:
    return closing.CompositePriced(
        day=message.day,
        open_fen=message.open_fen,
        high_fen=message.high_fen,
        low_fen=message.low_fen,
        close_fen=message.close_fen,
        previous_close_fen=message.previous_close_fen,
        change_bp=message.change_bp,
    )


def trading_day_closed(event: closing.TradingDayClosed) -> pb.TradingDayClosed:
    return pb.TradingDayClosed(
        day=event.day,
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        first_trade_id=event.first_trade_id,
        last_trade_id=event.last_trade_id,
        closed_ms=event.closed_ms,
    )


def to_trading_day_closed(message: pb.TradingDayClosed) -> closing.TradingDayClosed:
    return closing.TradingDayClosed(
        day=message.day,
        trades=message.trades,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        first_trade_id=message.first_trade_id,
        last_trade_id=message.last_trade_id,
        closed_ms=message.closed_ms,
    )

"""Calendar, rules and instruments: domain values and their messages, field by field."""

from collections.abc import Iterable, Sequence

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from trading.domain import calendar, instruments, rules


def trading_rules(rules_set: rules.TradingRules) -> types.TradingRules:
    return types.TradingRules(
        valid_from_day=rules_set.valid_from_day,
        source=rules_set.source,
        listed_band_bp=rules_set.listed_band_bp,
        block_band_bp=rules_set.block_band_bp,
        price_tick_fen=rules_set.price_tick_fen,
        quantity_tick_tonnes=rules_set.quantity_tick_tonnes,
        listed_tonnes_max=rules_set.listed_tonnes_max,
        block_tonnes_min=rules_set.block_tonnes_min,
        listed_sessions=sessions(rules_set.listed_sessions),
        block_sessions=sessions(rules_set.block_sessions),
        book_levels=rules_set.book_levels,
        day_trades_max=rules_set.day_trades_max,
    )


def to_trading_rules(message: types.TradingRules) -> rules.TradingRules:
    return rules.TradingRules(
        valid_from_day=message.valid_from_day,
        source=message.source,
        listed_band_bp=message.listed_band_bp,
        block_band_bp=message.block_band_bp,
        price_tick_fen=message.price_tick_fen,
        quantity_tick_tonnes=message.quantity_tick_tonnes,
        listed_tonnes_max=message.listed_tonnes_max,
        block_tonnes_min=message.block_tonnes_min,
        listed_sessions=to_sessions(message.listed_sessions),
        block_sessions=to_sessions(message.block_sessions),
        book_levels=message.book_levels,
        day_trades_max=message.day_trades_max,
    )


def sessions(of_day: Sequence[rules.Session]) -> list[types.Session]:
    return [types.Session(open_minute=one.open_minute, close_minute=one.close_minute) for one in of_day]


def to_sessions(messages: Iterable[types.Session]) -> tuple[rules.Session, ...]:
    return tuple(rules.Session(open_minute=one.open_minute, close_minute=one.close_minute) for one in messages)


def trading_days_announced(event: calendar.TradingDaysAnnounced) -> pb.TradingDaysAnnounced:
    return pb.TradingDaysAnnounced(
        days=event.days,
    )


def to_trading_days_announced(message: pb.TradingDaysAnnounced) -> calendar.TradingDaysAnnounced:
    return calendar.TradingDaysAnnounced(
        days=tuple(message.days),
    )


def trading_rules_set(event: rules.TradingRulesSet) -> pb.TradingRulesSet:
    return pb.TradingRulesSet(
        rules=trading_rules(event.rules),
    )


def to_trading_rules_set(message: pb.TradingRulesSet) -> rules.TradingRulesSet:
    return rules.TradingRulesSet(
        rules=to_trading_rules(message.rules),
    )


def fees_set(event: rules.FeesSet) -> pb.FeesSet:
    return pb.FeesSet(
        valid_from_day=event.valid_from_day,
        buyer_fee_ppm=event.buyer_fee_ppm,
        seller_fee_ppm=event.seller_fee_ppm,
        source=event.source,
    )


def to_fees_set(message: pb.FeesSet) -> rules.FeesSet:
    return rules.FeesSet(
        valid_from_day=message.valid_from_day,
        buyer_fee_ppm=message.buyer_fee_ppm,
        seller_fee_ppm=message.seller_fee_ppm,
        source=message.source,
    )


def composite_weights_set(event: rules.CompositeWeightsSet) -> pb.CompositeWeightsSet:
    return pb.CompositeWeightsSet(
        valid_from_day=event.valid_from_day,
        weights=[types.CompositeWeight(instrument=one.instrument, weight=one.weight) for one in event.weights],
        source=event.source,
    )


def to_composite_weights_set(message: pb.CompositeWeightsSet) -> rules.CompositeWeightsSet:
    return rules.CompositeWeightsSet(
        valid_from_day=message.valid_from_day,
        weights=tuple(rules.Weight(instrument=one.instrument, weight=one.weight) for one in message.weights),
        source=message.source,
    )


def vintage_noted(event: instruments.VintageNoted) -> pb.VintageNoted:
    return pb.VintageNoted(
        instrument=event.instrument,
    )


def to_vintage_noted(message: pb.VintageNoted) -> instruments.VintageNoted:
    return instruments.VintageNoted(
        instrument=message.instrument,
    )


def instrument_listed(event: instruments.InstrumentListed) -> pb.InstrumentListed:
    return pb.InstrumentListed(
        instrument=event.instrument,
        day=event.day,
        reference_price_fen=event.reference_price_fen,
    )


def to_instrument_listed(message: pb.InstrumentListed) -> instruments.InstrumentListed:
    return instruments.InstrumentListed(
        instrument=message.instrument,
        day=message.day,
        reference_price_fen=message.reference_price_fen,
    )

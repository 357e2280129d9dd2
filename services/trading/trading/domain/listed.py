"""Listed agreement: a participant posts a listing, others pick it (rulebook 3.3).

Click-to-trade: a taker sees the best price levels and picks any listing within them, at the listing's price. The taker
states the quantity, at most what is left of the listing. Two listings that cross are not matched: both stay in the book
until somebody picks one.

A listing is valid for the day and fully funded: a seller's units or a buyer's money with its fee are locked until it
is filled, cancelled or expired.

Invariants: a listing is in the book exactly while it is open; a seller's lock is exactly its remaining quantity, a
buyer's is part of the lock of all its open purchases (fees.py).
"""

from dataclasses import dataclass
from enum import IntEnum

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Malformed,
    NotFound,
    Rejected,
    applies,
    check_owner,
    handles,
    known_account,
    merged,
)
from chassis.core.shapes import check_account
from trading.domain.accounts import check_funds_available, check_units_available
from trading.domain.admission import (
    check_day_not_full,
    check_may_trade,
    check_price_tick,
    check_quantity_tick,
    limits_today,
)
from trading.domain.book import Order
from trading.domain.fees import Unlocking, buyer_needs_fen
from trading.domain.instruments import known_instrument
from trading.domain.state import Market
from trading.domain.trades import executed
from trading.domain.values import Method, Side, check_instrument, check_price, check_quantity, check_side, check_value

ORDERS_OPEN_PER_ACCOUNT_MAX = 1_000
ORDERS_OPEN_MAX = 100_000
"""All of them expire at the close, page by page (closing.py)."""


# Commands


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    account: str
    instrument: str
    side: Side
    price_fen: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class TakeListing:
    account: str
    order_id: int
    quantity_tonnes: int
    # The price that the taker saw; refused if it has changed.
    price_fen: int


@dataclass(frozen=True, slots=True)
class CancelOrder:
    order_id: int


# Events


class CancelReason(IntEnum):
    """Numbered as in the proto."""

    BY_OWNER = 1
    ACCOUNT_STOPPED = 2


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order_id: int
    account: str
    instrument: str
    side: Side
    price_fen: int
    quantity_tonnes: int
    day: str
    placed_ms: int
    locked_fen: int


@dataclass(frozen=True, slots=True)
class OrderFilled:
    order_id: int
    account: str


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    order_id: int
    account: str
    reason: CancelReason
    quantity_tonnes: int
    unlocked_fen: int


@dataclass(frozen=True, slots=True)
class OrderExpired:
    order_id: int
    account: str
    quantity_tonnes: int
    unlocked_fen: int


# Decisions


def place_order(market: Market, command: PlaceOrder, context: Context) -> list[object]:
    check_account(command.account)
    check_instrument(command.instrument)
    check_side(command.side)
    check_price(command.price_fen)
    check_quantity(command.quantity_tonnes)
    check_value(command.price_fen, command.quantity_tonnes)
    account = known_account(market.accounts, command.account)
    instrument = known_instrument(market, command.instrument)
    check_owner(command.account, context)
    rules = check_may_trade(market, account, instrument, Method.LISTED, context)
    check_quantity_tick(rules, command.quantity_tonnes)
    if command.quantity_tonnes > rules.listed_tonnes_max:
        raise Rejected(
            "QUANTITY_ABOVE_LISTED_MAX",
            quantity_tonnes=command.quantity_tonnes,
            quantity_tonnes_max=rules.listed_tonnes_max,
        )
    check_price_tick(rules, command.price_fen)
    limits = limits_today(instrument)
    if not limits.listed_low_fen <= command.price_fen <= limits.listed_high_fen:
        raise Rejected(
            "PRICE_OUTSIDE_DAILY_LIMIT",
            price_fen=command.price_fen,
            low_fen=limits.listed_low_fen,
            high_fen=limits.listed_high_fen,
        )
    check_room_for_orders(len(account.orders), ORDERS_OPEN_PER_ACCOUNT_MAX)
    check_room_for_orders(len(market.orders), ORDERS_OPEN_MAX)
    locked_fen = 0
    if command.side is Side.BUY:
        locked_fen = buyer_needs_fen(market, account, command.price_fen * command.quantity_tonnes)
        check_funds_available(account, locked_fen)
    else:
        check_units_available(account, command.instrument, command.quantity_tonnes)

    # From here on the listing is open.
    return [
        OrderPlaced(
            order_id=market.order_id_last + 1,
            account=command.account,
            instrument=command.instrument,
            side=command.side,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            day=market.calendar.open_day,
            placed_ms=context.now_ms,
            locked_fen=locked_fen,
        )
    ]


def take_listing(market: Market, command: TakeListing, context: Context) -> list[object]:
    check_account(command.account)
    check_order_id(command.order_id)
    check_price(command.price_fen)
    check_quantity(command.quantity_tonnes)
    account = known_account(market.accounts, command.account)
    if command.order_id > market.order_id_last:
        raise NotFound("ORDER_UNKNOWN", order_id=command.order_id)
    check_owner(command.account, context)
    listing = market.orders.get(command.order_id)
    if listing is None:
        raise Rejected("LISTING_GONE", order_id=command.order_id)
    instrument = market.instruments[listing.instrument]
    rules = check_may_trade(market, account, instrument, Method.LISTED, context)
    if listing.account == command.account:
        raise Rejected("OWN_LISTING", order_id=command.order_id)
    if listing.price_fen != command.price_fen:
        raise Rejected(
            "LISTING_CHANGED",
            order_id=command.order_id,
            price_fen=listing.price_fen,
            seen_price_fen=command.price_fen,
        )
    if not instrument.book.side(listing.side).is_among_best(listing.price_fen, rules.book_levels):
        raise Rejected(
            "BEYOND_BEST_LEVELS",
            order_id=command.order_id,
            price_fen=listing.price_fen,
            levels=rules.book_levels,
        )
    check_quantity_tick(rules, command.quantity_tonnes)
    if command.quantity_tonnes > listing.remaining_tonnes:
        raise Rejected(
            "QUANTITY_ABOVE_LISTING",
            quantity_tonnes=command.quantity_tonnes,
            remaining_tonnes=listing.remaining_tonnes,
        )
    check_day_not_full(market, listing.price_fen, command.quantity_tonnes)
    if listing.side is Side.SELL:
        check_funds_available(account, buyer_needs_fen(market, account, listing.price_fen * command.quantity_tonnes))
    else:
        check_units_available(account, listing.instrument, command.quantity_tonnes)

    # From here on the trade is made.
    trade = executed(
        market,
        context,
        instrument=listing.instrument,
        method=Method.LISTED,
        price_fen=listing.price_fen,
        quantity_tonnes=command.quantity_tonnes,
        maker=listing.account,
        maker_side=listing.side,
        taker=command.account,
        maker_order_id=listing.order_id,
    )
    if command.quantity_tonnes < listing.remaining_tonnes:
        return [trade]
    return [trade, OrderFilled(listing.order_id, listing.account)]


def cancel_order(market: Market, command: CancelOrder, context: Context) -> list[object]:
    check_order_id(command.order_id)
    if command.order_id > market.order_id_last:
        raise NotFound("ORDER_UNKNOWN", order_id=command.order_id)
    order = market.orders.get(command.order_id)
    if order is None:
        raise Rejected("ORDER_NOT_OPEN", order_id=command.order_id)
    check_owner(order.account, context)

    return [cancelled(order, CancelReason.BY_OWNER, Unlocking(market))]


def check_room_for_orders(orders: int, orders_max: int) -> None:
    if orders >= orders_max:
        raise Rejected("TOO_MANY_OPEN_ORDERS", orders=orders, orders_max=orders_max)


def check_order_id(order_id: int) -> None:
    if order_id < 1:
        raise Malformed("ORDER_ID_OUT_OF_RANGE", "order_id", order_id=order_id)


def cancelled(order: Order, reason: CancelReason, unlocking: Unlocking) -> OrderCancelled:
    return OrderCancelled(
        order_id=order.order_id,
        account=order.account,
        reason=reason,
        quantity_tonnes=order.remaining_tonnes,
        unlocked_fen=unlocking.of(order.account, order.bidding_fen),
    )


def expired(order: Order, unlocking: Unlocking) -> OrderExpired:
    return OrderExpired(
        order_id=order.order_id,
        account=order.account,
        quantity_tonnes=order.remaining_tonnes,
        unlocked_fen=unlocking.of(order.account, order.bidding_fen),
    )


# Changes


def on_order_placed(market: Market, event: OrderPlaced) -> None:
    assert event.order_id == market.order_id_last + 1
    market.order_id_last = event.order_id
    order = Order(
        order_id=event.order_id,
        account=event.account,
        instrument=event.instrument,
        side=event.side,
        price_fen=event.price_fen,
        remaining_tonnes=event.quantity_tonnes,
    )
    account = market.accounts[event.account]
    assert not account.stopped_ground
    if event.side is Side.BUY:
        account.open_purchase(order.bidding_fen, locked_fen=event.locked_fen)
    else:
        assert event.locked_fen == 0
        account.units_of(event.instrument).lock(event.quantity_tonnes)
    market.orders[event.order_id] = order
    account.orders[event.order_id] = None
    market.instruments[event.instrument].book.side(event.side).add(order)


def on_order_filled(market: Market, event: OrderFilled) -> None:
    assert market.orders[event.order_id].remaining_tonnes == 0
    end_order(market, event.order_id, unlocked_fen=0)


def on_order_cancelled(market: Market, event: OrderCancelled) -> None:
    assert market.orders[event.order_id].remaining_tonnes == event.quantity_tonnes > 0
    end_order(market, event.order_id, event.unlocked_fen)


def on_order_expired(market: Market, event: OrderExpired) -> None:
    assert market.orders[event.order_id].remaining_tonnes == event.quantity_tonnes > 0
    end_order(market, event.order_id, event.unlocked_fen)


def end_order(market: Market, order_id: int, unlocked_fen: int) -> None:
    """Remove the listing from the book and unlock what is left of its lock."""
    order = market.orders.pop(order_id)
    account = market.accounts[order.account]
    del account.orders[order_id]
    market.instruments[order.instrument].book.side(order.side).remove(order)
    if order.side is Side.BUY:
        account.end_open_purchase(order.bidding_fen, unlocked_fen=unlocked_fen)
    else:
        account.units_of(order.instrument).unlock(order.remaining_tonnes)


DECIDE: Decide[Market] = merged(
    handles(PlaceOrder, place_order),
    handles(TakeListing, take_listing),
    handles(CancelOrder, cancel_order),
)

EVOLVE: Evolve[Market] = merged(
    applies(OrderPlaced, on_order_placed),
    applies(OrderFilled, on_order_filled),
    applies(OrderCancelled, on_order_cancelled),
    applies(OrderExpired, on_order_expired),
)

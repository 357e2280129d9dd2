"""Trades: the result of both methods, and what the state keeps of each until its units are released.

A trade is final when it is made (rulebook 3.6). It takes the maker's locked units or money and the taker's available
ones; the buyer's units wait for T+1, the seller's proceeds can be spent at once. Its fees are fixed with it.

A trade stays in the state until it is settled and its units are released (settlement.py); one that two people excluded
from its run stays, blocked.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Evolve, applies
from trading.domain import fees
from trading.domain.prices import note_block_trade, note_listed_trade
from trading.domain.state import Market, Total, Trade
from trading.domain.values import Method, Side

# Events


@dataclass(frozen=True, slots=True)
class TradeExecuted:
    trade_id: int
    day: str
    instrument: str
    method: Method
    price_fen: int
    quantity_tonnes: int
    value_fen: int
    buyer: str
    seller: str
    buyer_fee_fen: int
    seller_fee_fen: int
    maker_account: str
    taker_account: str
    maker_order_id: int
    block_id: int
    executed_ms: int
    # The change of the lock of the buyer's open purchases, if the buyer is the taker (fees.py).
    lock_change_fen: int

    @property
    def taker_fee_fen(self) -> int:
        return self.buyer_fee_fen if self.taker_account == self.buyer else self.seller_fee_fen


# For both methods


def executed(
    market: Market,
    context: Context,
    *,
    instrument: str,
    method: Method,
    price_fen: int,
    quantity_tonnes: int,
    maker: str,
    maker_side: Side,
    taker: str,
    maker_order_id: int = 0,
    block_id: int = 0,
) -> TradeExecuted:
    """The trade that maker and taker make, with the fees of the open day."""
    value_fen = price_fen * quantity_tonnes
    buyer, seller = (maker, taker) if maker_side is Side.BUY else (taker, maker)
    paying, receiving = market.accounts[buyer], market.accounts[seller]
    return TradeExecuted(
        trade_id=market.trade_id_last + 1,
        day=market.calendar.open_day,
        instrument=instrument,
        method=method,
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
        value_fen=value_fen,
        buyer=buyer,
        seller=seller,
        buyer_fee_fen=fees.buyer_fee_fen(market, paying, value_fen),
        seller_fee_fen=fees.seller_fee_fen(market, receiving, value_fen),
        maker_account=maker,
        taker_account=taker,
        maker_order_id=maker_order_id,
        block_id=block_id,
        executed_ms=context.now_ms,
        lock_change_fen=fees.lock_change_fen(market, paying, value_fen) if buyer == taker else 0,
    )


# Changes


def on_trade_executed(market: Market, event: TradeExecuted) -> None:
    assert event.trade_id == market.trade_id_last + 1
    assert event.day == market.calendar.open_day
    assert event.buyer != event.seller
    assert event.value_fen == event.price_fen * event.quantity_tonnes
    market.trade_id_last = event.trade_id
    trade = Trade(
        trade_id=event.trade_id,
        day=event.day,
        instrument=event.instrument,
        method=event.method,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer=event.buyer,
        seller=event.seller,
        buyer_pays_fen=event.value_fen + event.buyer_fee_fen,
        seller_receives_fen=event.value_fen - event.seller_fee_fen,
    )
    market.trades[event.trade_id] = trade
    take_from_maker(market, event, trade)
    take_from_taker(market, event, trade)
    give(market, trade)
    count(market, event)


def take_from_maker(market: Market, event: TradeExecuted, trade: Trade) -> None:
    """The maker's part was locked: behind its listing, or behind the block's terms."""
    if event.method is Method.LISTED:
        order = market.orders[event.maker_order_id]
        assert (order.account, order.price_fen) == (event.maker_account, event.price_fen)
        market.instruments[event.instrument].book.side(order.side).reduce(order, event.quantity_tonnes)
    else:
        block = market.blocks[event.block_id]
        assert block.proposer == event.maker_account
        assert (block.price_fen, block.quantity_tonnes) == (event.price_fen, event.quantity_tonnes)
        block.traded = True
    maker = market.accounts[event.maker_account]
    if event.maker_account == event.buyer:
        maker.pay_open_purchase(event.value_fen, paid_fen=trade.buyer_pays_fen)
    else:
        maker.units_of(event.instrument).sell_locked(event.quantity_tonnes)


def take_from_taker(market: Market, event: TradeExecuted, trade: Trade) -> None:
    taker = market.accounts[event.taker_account]
    if event.taker_account == event.seller:
        taker.units_of(event.instrument).sell_available(event.quantity_tonnes)
        return
    # The lock changes first, because the purchase may need the fen that it frees.
    if event.lock_change_fen > 0:
        taker.funds.lock(event.lock_change_fen)
    else:
        taker.funds.unlock(-event.lock_change_fen)
    taker.money().pay_available(trade.buyer_pays_fen)


def give(market: Market, trade: Trade) -> None:
    """The buyer's units wait for T+1; the seller's proceeds can be spent today."""
    buyer, seller = market.accounts[trade.buyer], market.accounts[trade.seller]
    buyer.buy(trade.instrument, trade.quantity_tonnes, trade.value_fen)
    seller.receive(trade.value_fen, proceeds_fen=trade.seller_receives_fen)


def count(market: Market, event: TradeExecuted) -> None:
    """Add the trade to the day's prices and totals."""
    instrument = market.instruments[event.instrument]
    if event.method is Method.LISTED:
        note_listed_trade(market, instrument, event.price_fen, event.quantity_tonnes)
    else:
        note_block_trade(instrument, event.price_fen, event.quantity_tonnes)
    day = market.calendar.days[event.day]
    day.first_trade_id = day.first_trade_id or event.trade_id
    day.last_trade_id = event.trade_id
    for total in (day.whole, day.totals.setdefault((event.instrument, event.method), Total())):
        total.trades += 1
        total.quantity_tonnes += event.quantity_tonnes
        total.value_fen += event.value_fen


EVOLVE: Evolve[Market] = applies(TradeExecuted, on_trade_executed)

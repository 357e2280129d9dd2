"""One trade of a market day: a listing, partly taken."""

from carbonmarket.trading.v1 import trading_query_service_pb2 as queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as types
from support.days.day import ACCOUNTS, EXCHANGE_OPERATOR, Player

MAKER, TAKER = ACCOUNTS[0], ACCOUNTS[1]
PRICE_FEN, LISTED_TONNES, TAKEN_TONNES = 4_800, 5_000, 2_000


async def make_trade(player: Player) -> queries.Trade:
    """Lists, takes a part, and gives the trade as trading shows it."""
    place = trading.PlaceOrderRequest(account=MAKER, instrument="CEA", side=types.SIDE_SELL)
    place.price_fen, place.quantity_tonnes = PRICE_FEN, LISTED_TONNES
    order_id = (await player.ask(f"participant:{MAKER}", place)).order_id
    take = trading.TakeListingRequest(account=TAKER, order_id=order_id, price_fen=PRICE_FEN)
    take.quantity_tonnes = TAKEN_TONNES
    taken = await player.ask(f"participant:{TAKER}", take)
    request = queries.GetTradeRequest(trade_id=taken.trade_id, min_position=taken.position)
    trade: queries.Trade = (await player.port.call(EXCHANGE_OPERATOR, request)).trade
    return trade

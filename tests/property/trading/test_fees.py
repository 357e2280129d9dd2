"""However the same purchases are cut into trades, the day costs the same, and locks hold what their trades need."""

from hypothesis import given, settings
from hypothesis import strategies as st

from support.domains.trading_floor import ANN, FRIDAY, POWER, STEEL, quiet_floor
from trading.domain.block import ConfirmBlock, OfferBlock
from trading.domain.fees import lock_fen
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.rules import FEE_PPM_MAX, SetFees
from trading.domain.trades import TradeExecuted
from trading.domain.values import Side

PRICE_FEN = 4_801
BLOCK_TONNES = 100_000

made_or_taken = st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=12)
rates_ppm = st.integers(0, 2_000) | st.just(FEE_PPM_MAX)


@settings(max_examples=120, deadline=None)
@given(made_or_taken, st.booleans(), rates_ppm, rates_ppm, st.integers(0, 50))
def test_every_partition_of_the_same_trades_costs_the_same(
    parts: list[tuple[int, bool]], with_block: bool, buyer_ppm: int, seller_ppm: int, resting_tonnes: int
) -> None:
    floor = quiet_floor()
    floor.play(ANN, SetFees(FRIDAY, buyer_ppm, seller_ppm, "the exchange's tariff"))
    floor.give("power", tonnes=400_000)
    floor.give("steel", fen=10**12)
    floor.open(FRIDAY)
    floor.at("13:30")
    steel = floor.market.accounts["steel"]
    if resting_tonnes:
        floor.play(STEEL, PlaceOrder("steel", "CEA", Side.BUY, PRICE_FEN - 1, resting_tonnes))
    trades: list[TradeExecuted] = []

    def note(events: list[object]) -> None:
        trades.extend(event for event in events if isinstance(event, TradeExecuted))
        assert steel.funds.locked_fen == lock_fen(floor.market, steel)
        floor.assert_books()

    for tonnes, made in parts:
        maker, taker, side = (STEEL, POWER, Side.BUY) if made else (POWER, STEEL, Side.SELL)
        name, other = maker.partition(":")[2], taker.partition(":")[2]
        note(floor.play(maker, PlaceOrder(name, "CEA", side, PRICE_FEN, tonnes)))
        note(floor.play(taker, TakeListing(other, floor.market.order_id_last, tonnes, PRICE_FEN)))
    if with_block:
        note(floor.play(STEEL, OfferBlock("steel", "power", "CEA", Side.BUY, PRICE_FEN, BLOCK_TONNES)))
        note(floor.play(POWER, ConfirmBlock(1, PRICE_FEN, BLOCK_TONNES)))
    value_fen = PRICE_FEN * (sum(tonnes for tonnes, _ in parts) + with_block * BLOCK_TONNES)
    assert sum(trade.buyer_fee_fen for trade in trades) == value_fen * buyer_ppm // 1_000_000
    assert sum(trade.seller_fee_fen for trade in trades) == value_fen * seller_ppm // 1_000_000
    for trade in trades:
        assert trade.buyer_fee_fen >= 0
        assert 0 <= trade.seller_fee_fen <= trade.value_fen
    floor.close()
    assert steel.funds.locked_fen == 0

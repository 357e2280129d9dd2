"""Answers of registry and trading on a busy day, large numbers and long names included, to see what screens
make of them.
"""

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_events_pb2 as trading_events
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types

DAY = "2021-12-16"
NOON_MS = 1_639_629_000_000
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"

ACCOUNT = registry.Account(
    account="power-0007",
    kind=registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY,
    name="Power Station Seven of the Yangtze Middle Reaches Generation Company Limited",
    province="hubei",
    eligible_to_trade=True,
    state=registry_types.ACCOUNT_STATE_RESTRICTED,
    ground="licence expired",
    restriction_in_effect=True,
    opened_ms=NOON_MS,
    state_since_ms=NOON_MS,
)
ACCOUNTS = registry.ListAccountsResponse(
    accounts=[
        ACCOUNT,
        registry.Account(
            account="hubei",
            kind=registry_types.ACCOUNT_KIND_PROVINCE,
            name="湖北省生态环境厅",
            state=registry_types.ACCOUNT_STATE_OPEN,
        ),
    ],
    next_page_token="more",
)
VINTAGES = registry.ListVintagesResponse(
    vintages=[
        registry.Vintage(
            vintage="CEA",
            compliance_year=2020,
            issued_tonnes=4_500_000_000,
            registry_available_tonnes=4_270_321_157,
            trading_tonnes=229_678_843,
        )
    ]
)
HOLDINGS = registry.GetStatementResponse(
    account=ACCOUNT,
    holdings=[
        registry.Holding(vintage="CEA", registry_available_tonnes=1_250_000, trading_tonnes=99_999),
        registry.Holding(vintage="CEA21", trading_tonnes=7),
    ],
    position=61_234,
)
MOVEMENTS = registry.ListMovementsResponse(
    movements=[
        registry.Movement(
            position=118,
            recorded_ms=NOON_MS,
            vintage="CEA",
            kind=registry_types.MOVEMENT_KIND_ALLOCATED_IN,
            registry_available_change_tonnes=1_250_000,
            counterparty="hubei",
            basis="allocation list of 2021, annex 3",
        ),
        registry.Movement(
            position=61_230,
            recorded_ms=NOON_MS,
            vintage="CEA",
            kind=registry_types.MOVEMENT_KIND_DELIVERED_OUT,
            trading_change_tonnes=-99_999,
            counterparty="cement-0113",
            trade_id=59_700,
            run_id=106,
        ),
        registry.Movement(
            position=61_231,
            recorded_ms=NOON_MS,
            vintage="CEA",
            kind=registry_types.MOVEMENT_KIND_TRANSFERRED_TO_TRADING,
            registry_available_change_tonnes=-1_000_000,
            trading_change_tonnes=1_000_000,
        ),
    ]
)

BOOK = trading.Book(
    instrument="CEA",
    bids=[
        trading.BookLevel(
            price_fen=5120 - step,
            quantity_tonnes=40_000 * (step + 1),
            listings=[trading.Listing(order_id=59_000 + n, quantity_tonnes=40_000) for n in range(step + 1)],
        )
        for step in range(3)
    ],
    asks=[
        trading.BookLevel(
            price_fen=5123 + step,
            quantity_tonnes=99_999,
            listings=[trading.Listing(order_id=59_100 + n, quantity_tonnes=11_111) for n in range(9)],
        )
        for step in range(2)
    ],
)
PRICES = trading.DayPrices(
    last_fen=5123,
    open_fen=4800,
    high_fen=5280,
    low_fen=4800,
    average_fen=5123,
    listed_tonnes=4_103_953,
    listed_value_fen=21_023_005_325,
    block_tonnes=19_579_226,
    block_value_fen=80_000_000_000,
    trades=1_204,
)
PICTURE = trading.StreamMarketDataResponse(book=BOOK, prices=PRICES, day=DAY, position=61_234)
ORDER = trading.Order(
    order_id=59_001,
    account="power-0007",
    instrument="CEA21",
    side=trading_types.SIDE_SELL,
    price_fen=5123,
    quantity_tonnes=99_999,
    filled_tonnes=40_000,
    state=trading.ORDER_STATE_CANCELLED,
    day=DAY,
    placed_ms=NOON_MS,
    ended_ms=NOON_MS,
    trace_id=TRACE_ID,
)
ORDERS = trading.ListOrdersResponse(orders=[ORDER])
TRADE = trading.Trade(
    trade_id=59_700,
    day=DAY,
    instrument="CEA21",
    method=trading_types.TRADE_METHOD_BLOCK,
    price_fen=10_565,
    quantity_tonnes=9_125_285,
    value_fen=96_408_636_025,
    buyer="cement-0113",
    seller="power-0007",
    buyer_fee_fen=48_204_318,
    seller_fee_fen=48_204_318,
    maker_account="power-0007",
    taker_account="cement-0113",
    block_id=12,
    executed_ms=NOON_MS,
    state=trading.TRADE_STATE_EXECUTED,
    trace_id=TRACE_ID,
)
EXECUTED = trading_events.TradeExecuted(trade_id=17, price_fen=4850, quantity_tonnes=1_000, value_fen=4_850_000)
TRADES = trading.ListTradesResponse(trades=[TRADE])
BLOCKS = trading.ListBlocksResponse(
    blocks=[
        trading.Block(
            block_id=12,
            day=DAY,
            instrument="CEA21",
            buyer="cement-0113",
            seller="power-0007",
            proposer="power-0007",
            price_fen=10_565,
            quantity_tonnes=9_125_285,
            state=trading.BLOCK_STATE_CONFIRMED,
            trade_id=59_700,
            offered_ms=NOON_MS,
        )
    ]
)
SESSIONS = [
    trading_types.Session(open_minute=570, close_minute=690),
    trading_types.Session(open_minute=780, close_minute=900),
]
OPEN_DAY = trading.GetDayResponse(
    day=DAY,
    phase=trading_types.DAY_PHASE_CLOSED,
    listed_sessions=SESSIONS,
    block_sessions=SESSIONS[1:],
    settled=True,
    trades=1_204,
    quantity_tonnes=20_480_941,
    value_fen=81_721_811_795,
    opened_ms=NOON_MS,
    closed_ms=NOON_MS,
    now_ms=NOON_MS,
)
BLOCKED_DAY = trading.GetDayResponse(
    day="2021-12-17",
    phase=trading_types.DAY_PHASE_ANNOUNCED,
    listed_sessions=SESSIONS,
    block_sessions=SESSIONS[1:],
    obstacles=[
        trading.OpeningObstacle(reason="EARLIER_DAY_NOT_SETTLED", facts={"day": "2021-12-17", "earlier_day": DAY})
    ],
    override_proposed_by="exchange_operator:ann",
    override_approved_by="exchange_operator:ben",
    now_ms=NOON_MS,
)
LINE = trading.BulletinLine(
    instrument="CEA",
    open_fen=4400,
    high_fen=4550,
    low_fen=4300,
    close_fen=4422,
    previous_close_fen=4293,
    change_bp=300,
    listed_tonnes=901_715,
    listed_value_fen=3_987_000_000,
    block_tonnes=19_579_226,
    block_value_fen=77_734_811_795,
    trades=1_204,
    year_tonnes=157_000_000,
    year_value_fen=670_000_000_000,
    total_tonnes=229_678_843,
    total_value_fen=1_047_523_471_727,
)
BULLETIN = trading.GetBulletinResponse(
    day=DAY,
    composite=trading.BulletinComposite(
        open_fen=4400, high_fen=4550, low_fen=4300, close_fen=4422, previous_close_fen=4460, change_bp=-85
    ),
    lines=[LINE, trading.BulletinLine(instrument="CEA21", open_fen=4400, high_fen=4400, low_fen=4400, close_fen=4400)],
    trades=1_204,
    quantity_tonnes=20_480_941,
    value_fen=81_721_811_795,
)
RULES = trading_types.TradingRules(
    valid_from_day="2021-07-16",
    source="notices of June 2021",
    listed_band_bp=1_000,
    block_band_bp=3_000,
    price_tick_fen=1,
    quantity_tick_tonnes=1,
    listed_tonnes_max=99_999,
    block_tonnes_min=100_000,
    listed_sessions=SESSIONS,
    block_sessions=SESSIONS[1:],
    book_levels=5,
)
INSTRUMENTS = trading.ListInstrumentsResponse(
    instruments=[
        trading.Instrument(
            instrument="CEA",
            first_day="2021-07-16",
            previous_close_fen=4293,
            limits=trading_types.InstrumentLimits(
                listed_low_fen=3864, listed_high_fen=4722, block_low_fen=3005, block_high_fen=5581
            ),
            prices=PRICES,
        ),
        trading.Instrument(instrument="CEA21", first_day="2021-07-16", suspended_ground="news pending"),
        trading.Instrument(instrument="CEA22"),
    ],
    rules=RULES,
    buyer_fee_ppm=500,
    seller_fee_ppm=500,
)
POSITION = trading.GetPositionResponse(
    account="power-0007",
    units=[trading.UnitPosition(instrument="CEA", available_tonnes=1_250_000, locked_tonnes=40_000, bought_tonnes=7)],
    funds=trading.FundPosition(
        available_fen=120_000_000_00,
        locked_fen=4_098_400_00,
        received_unsettled_fen=964_086_360_25,
        withdrawable_fen=100_000_000_00,
        buying_power_fen=120_000_000_00,
    ),
)

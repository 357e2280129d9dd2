"""Answers of clearing after a busy day, and a service's status, to see what screens make of them."""

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.clearing.v1 import clearing_types_pb2 as clearing_types
from carbonmarket.log.v1 import log_events_pb2 as log_events
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_events_pb2 as trading_events
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from carbonmarket_client.statement import Statement, VintageLine
from support.client.answers import DAY, NOON_MS

FUNDS = clearing.GetFundsResponse(
    account="power-0007",
    balance_fen=124_098_400_00,
    unsettled_out_fen=0,
    unsettled_in_fen=964_086_360_25,
    payouts_open_fen=500_000_00,
    restricted=True,
)
ENTRIES = clearing.ListEntriesResponse(
    entries=[
        clearing.Entry(
            log_position=118,
            day=DAY,
            kind=clearing_types.ENTRY_KIND_DEPOSIT,
            amount_fen=12_000_000_000,
            entry_number=7,
            bank="bank-a",
            bank_reference="A-2021-000118",
            recorded_ms=NOON_MS,
        ),
        clearing.Entry(
            log_position=61_230,
            day=DAY,
            kind=clearing_types.ENTRY_KIND_BOUGHT,
            amount_fen=-96_456_840_343,
            trade_id=59_700,
            recorded_ms=NOON_MS,
        ),
    ]
)
PAYOUTS = clearing.ListPayoutsResponse(
    payouts=[
        clearing.Payout(
            payout_id=4,
            account="power-0007",
            amount_fen=50_000_000,
            state=clearing_types.PAYOUT_STATE_RETURNED,
            bank="bank-a",
            bank_reference="A-2021-000119",
            ground="the account at the bank is closed",
            requested_ms=NOON_MS,
            closed_ms=NOON_MS,
        )
    ]
)
STATEMENT = clearing.GetStatementResponse(
    account="power-0007",
    day=DAY,
    opening_fen=12_000_000_000,
    deposits_fen=100,
    payouts_fen=50_000_000,
    bought_fen=4_400,
    sold_fen=96_408_636_025,
    fees_fen=48_204_318,
    closing_fen=108_310_427_407,
    lines=[
        clearing.StatementLine(
            trade_id=59_700,
            instrument="CEA21",
            method=clearing_types.TRADE_METHOD_BLOCK,
            side=clearing_types.SIDE_SELL,
            price_fen=10_565,
            quantity_tonnes=9_125_285,
            value_fen=96_408_636_025,
            fee_fen=48_204_318,
            counterparty="cement-0113",
            state=clearing_types.OBLIGATION_STATE_SETTLED,
            executed_ms=NOON_MS,
        ),
        clearing.StatementLine(
            trade_id=59_701,
            instrument="CEA",
            method=clearing_types.TRADE_METHOD_LISTED,
            side=clearing_types.SIDE_BUY,
            price_fen=4_400,
            quantity_tonnes=1,
            value_fen=4_400,
            counterparty="steel-0002",
            state=clearing_types.OBLIGATION_STATE_SETTLED,
            executed_ms=NOON_MS,
        ),
    ],
    instruments=[
        clearing.StatementInstrument(instrument="CEA", bought_tonnes=1),
        clearing.StatementInstrument(instrument="CEA21", sold_tonnes=9_125_285),
    ],
    objection_before_day="2021-12-17",
)
RECONCILED_STATEMENT = clearing.GetStatementResponse(
    account="power-0007",
    day=DAY,
    closing_fen=120_000,
    blocked_fen=100_005_00,
    instruments=[clearing.StatementInstrument(instrument="CEA", blocked_tonnes=1_000)],
    registry_position=61_234,
    registry_position_before=117,
)
SEVEN_VINTAGES = Statement(
    RECONCILED_STATEMENT,
    tuple(
        VintageLine(
            vintage=vintage,
            opening_tonnes=9_125_286,
            issued_tonnes=0,
            allocated_tonnes=1_250_000,
            bought_tonnes=0,
            sold_tonnes=9_125_285,
            closing_tonnes=1_250_001,
            registry_available_tonnes=1_250_000,
            trading_tonnes=1,
            blocked_tonnes=0,
            sellable_next_day_tonnes=1,
            transferred_to_trading_tonnes=9_125_280,
            returned_from_trading_tonnes=0,
        )
        for vintage in ("CEA", "CEA21", "CEA22", "CEA23", "CEA24", "CEA25", "CEA26")
    ),
)
RUN = clearing.Run(
    run_id=106,
    day=DAY,
    attempt=2,
    phase=clearing_types.RUN_PHASE_BLOCKED,
    blocked_because="CASH_LEG_UNPROVEN",
    facts={"trade_id": "59700", "account": "cement-0113", "amount_fen": "96456840343", "balance_fen": "12000000000"},
    trades=1_204,
    quantity_tonnes=20_480_941,
    value_fen=81_721_811_795,
    excluded_trades=3,
    opened_ms=NOON_MS,
)
RUNS = clearing.ListRunsResponse(
    runs=[
        RUN,
        clearing.Run(run_id=105, day="2021-12-15", attempt=1, phase=clearing_types.RUN_PHASE_COMPLETED, trades=1),
    ]
)
ONE_RUN = clearing.GetRunResponse(
    run=RUN,
    steps=[
        clearing.RunStep(log_position=61_235, attempt=1, step="ClearingRunComputed", recorded_ms=NOON_MS),
        clearing.RunStep(
            log_position=61_236,
            attempt=2,
            step="ClearingRunBlocked",
            reason=RUN.blocked_because,
            facts=RUN.facts,
            recorded_ms=NOON_MS,
        ),
    ],
    exclusions=[
        clearing.Exclusion(
            exclusion_id=2,
            trade_ids=[59_700, 59_701, 59_702],
            ground="bank recalled the deposit",
            proposed_by="clearing_operator:bea",
            approved_by="clearing_operator:cao",
        )
    ],
    legs=[
        clearing_types.RunLeg(
            trade_id=59_700,
            instrument="CEA21",
            quantity_tonnes=9_125_285,
            seller="power-0007",
            buyer="cement-0113",
            buyer_pays_fen=96_456_840_343,
            seller_receives_fen=96_360_431_707,
        )
    ],
    next_page_token="more",
)
OBLIGATIONS = clearing.ListObligationsResponse(
    obligations=[
        clearing.Obligation(
            trade_id=59_700,
            day=DAY,
            instrument="CEA21",
            method=clearing_types.TRADE_METHOD_BLOCK,
            price_fen=10_565,
            quantity_tonnes=9_125_285,
            value_fen=96_408_636_025,
            buyer="cement-0113",
            seller="power-0007",
            state=clearing_types.OBLIGATION_STATE_UNSETTLED,
            executed_ms=NOON_MS,
        )
    ]
)
RECONCILIATION = clearing.Reconciliation(
    day=DAY,
    agreed=False,
    registry_position=61_234,
    trading_position=181_234,
    clearing_position=61_229,
    clearing_entry_number=5_016,
    rows_compared=12_540,
    difference_count=1,
    in_flight_count=2,
    recorded_ms=NOON_MS,
    trees=[
        clearing_types.ComparedTree(
            tree="custody/1",
            held_root="a3f1" * 16,
            held_leaves=7_532,
            held_sums=[150_000_000],
            expected_root="0b7c" * 16,
            expected_leaves=7_531,
            expected_sums=[140_874_715],
        ),
        clearing_types.ComparedTree(
            tree="money/1",
            held_root="c4d2" * 16,
            held_leaves=5_008,
            held_sums=[9_000_000_000, 0, 0, 0],
            expected_root="c4d2" * 16,
            expected_leaves=5_008,
            expected_sums=[9_000_000_000, 0, 0, 0],
        ),
    ],
)
RECONCILIATIONS = clearing.ListReconciliationsResponse(reconciliations=[RECONCILIATION])
ONE_RECONCILIATION = clearing.GetReconciliationResponse(
    reconciliation=RECONCILIATION,
    differences=[
        clearing_types.BookDifference(
            figure=clearing_types.COMPARED_FIGURE_UNITS, account="power-0007", instrument="CEA21", held_tonnes=9_125_285
        )
    ],
    in_flight=[
        clearing_types.InFlight(
            kind=clearing_types.IN_FLIGHT_KIND_UNSETTLED_BOUGHT,
            account="cement-0113",
            instrument="CEA",
            quantity_tonnes=9_125_285,
        ),
        clearing_types.InFlight(
            kind=clearing_types.IN_FLIGHT_KIND_RELEASING, account="power-0007", amount_fen=50_000_000
        ),
    ],
)
OVERRIDE = trading.OverrideOpeningRequest(day="2021-12-17", ground="bank away, see minutes 12")
OVERRIDDEN = trading_events.OpeningOverridden(
    day="2021-12-17",
    obstacles=[trading_types.Obstacle(reason="EARLIER_DAY_NOT_SETTLED", subject=DAY)],
)
STATUS = log.GetStatusResponse(
    log_id="trading",
    rehearsal=True,
    now_ms=NOON_MS,
    head_position=181_240,
    leader_address="127.0.0.1:7002",
    followers=[log.Follower(name="publisher", position=181_240), log.Follower(name="projections", position=181_000)],
    sources=[
        log.Source(log_id="registry", heard_position=61_234, keeps_away_because="registry heard record 9"),
        log.Source(log_id="clearing", heard_position=5_016, halted_because="record 5,017 does not chain on 5,016"),
    ],
    set_aside=[
        log.SetAside(
            position=181_100,
            source_log_id="clearing",
            source_position=5_000,
            type="carbonmarket.clearing.v1.TradeSettled",
            reason="TRADE_UNKNOWN",
        )
    ],
    set_aside_causes=[
        log.SetAsideCause(
            source_log_id="clearing",
            type="carbonmarket.clearing.v1.TradeSettled",
            reason="TRADE_UNKNOWN",
            count=2_345,
            first_position=181_100,
            last_position=183_999,
        )
    ],
    dropped=[
        log.SetAside(
            position=180_400,
            source_log_id="clearing",
            source_position=4_900,
            type="carbonmarket.clearing.v1.TradeSettled",
            reason="TRADE_DIFFERS",
            facts={"trade_id": "17"},
        )
    ],
    unanswered_positions=[181_230],
    proposals=[
        log.Proposal(
            proposal_id=181_235,
            type=OVERRIDE.DESCRIPTOR.full_name,
            data=OVERRIDE.SerializeToString(),
            proposer="exchange_operator:ann",
            proposed_ms=NOON_MS,
            expires_ms=NOON_MS + 7 * 24 * 3_600_000,
            effects=[log_events.Effect(type=OVERRIDDEN.DESCRIPTOR.full_name, data=OVERRIDDEN.SerializeToString())],
        )
    ],
)

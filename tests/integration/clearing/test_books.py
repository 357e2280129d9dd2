"""The running clearing's days: settled, blocked, excluded, refused, killed in between; and what its queries show."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.registry.v1 import registry_events_pb2 as registry_events
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_events_pb2 as trading
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading_commands
from support.processes.clearing_days import (
    AUDITOR,
    EXECUTED_MS,
    FRIDAY,
    ICBC,
    MONDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    close_day,
    executed,
    holding,
    is_blocked_because,
    is_completed,
    is_delivering,
    money,
    reconciled,
    run_until,
    units,
)
from support.processes.clearing_others import Depository, Exchange
from support.processes.one_service import OneService

ANN, BOB = "clearing_operator:ann", "clearing_operator:bob"
POWER, STEEL = "participant:power-0001", "participant:steel-0002"

FRIDAYS = (
    executed(1, "power-0001", "steel-0002", 30, day=FRIDAY, fee_fen=15),
    executed(2, "steel-0002", "held-0005", 10, day=FRIDAY),
)
MONDAYS = (
    executed(3, "cement-0003", "steel-0002", 4, day=MONDAY),
    executed(4, "power-0001", "steel-0002", 2, day=MONDAY),
)
TUESDAYS = (executed(5, "steel-0002", "power-0001", 1, day=TUESDAY),)
WEDNESDAYS = (executed(6, "power-0001", "held-0005", 5, day=WEDNESDAY),)
POWER_FEN = 1_000_000 - 150_015
STEEL_FEN = 149_985 - 50_000
"""Balances after Friday."""

HAPPY_STEPS = [
    "ClearingRunOpened",
    "ClearingRunBegun",
    "ClearingRunComputed",
    "ConfirmationOrdered",
    "ClearingRunAgreed",
    "CashLegsProven",
    "DeliveryOrdered",
    "DeliveryConfirmed",
    "SettlementDayCompleted",
]


def kinds(records: list[log_service_pb2.Record]) -> list[str]:
    return [record.type.rpartition(".")[2] for record in records]


def state_books(exchange: Exchange, depository: Depository, settled_day: str) -> None:
    """Trading and the registry state what is right after Friday."""
    exchange.book = trading_queries.GetAllPositionsResponse(
        units=[units("power-0001", 30), units("steel-0002", 980), units("held-0005", 490)],
        funds=[
            money("power-0001", POWER_FEN),
            money("steel-0002", STEEL_FEN),
            money("cement-0003", 100),
            money("held-0005", 60_000),
        ],
        heard_registry_position=depository.position,
        heard_clearing_entry_number=3,
        settled_day=settled_day,
    )
    depository.holdings = [holding("power-0001", 30), holding("steel-0002", 980), holding("held-0005", 490)]


@pytest_asyncio.fixture(scope="module")
async def friday(
    clearing: OneService, exchange: Exchange, depository: Depository
) -> AsyncIterator[query.GetRunResponse]:
    """Friday is settled: power bought 30 t from steel, who spent the money at held-0005; the books are compared."""
    close_day(exchange, FRIDAY, *FRIDAYS)
    run = await run_until(clearing, 1, is_completed)
    state_books(exchange, depository, FRIDAY)
    await reconciled(clearing, 1)
    yield run


async def test_a_days_run_goes_straight_down_and_shows_every_step_and_leg(friday: query.GetRunResponse) -> None:
    assert [step.step for step in friday.steps] == HAPPY_STEPS
    assert {step.attempt for step in friday.steps[1:]} == {1}
    run = friday.run
    assert (run.day, run.trades, run.quantity_tonnes, run.value_fen, run.fees_fen) == (FRIDAY, 2, 40, 200_000, 30)
    assert list(friday.totals) == [
        types.RunTotal(
            instrument="CEA", method=types.TRADE_METHOD_LISTED, trades=2, quantity_tonnes=40, value_fen=200_000
        )
    ]
    assert friday.legs[0] == types.RunLeg(
        trade_id=1,
        instrument="CEA",
        quantity_tonnes=30,
        seller="steel-0002",
        buyer="power-0001",
        buyer_pays_fen=150_015,
        seller_receives_fen=149_985,
    )


async def test_trading_is_asked_to_confirm_and_the_registry_to_deliver_what_was_computed(
    friday: query.GetRunResponse, exchange: Exchange, depository: Depository
) -> None:
    confirm = exchange.asked[0]
    assert (confirm.run_id, confirm.day, confirm.attempt) == (1, FRIDAY, 1)
    assert (confirm.trades, confirm.quantity_tonnes, confirm.value_fen) == (2, 40, 200_000)
    assert len(confirm.totals) == 1
    assert not confirm.excluded_trade_ids
    deliver = depository.asked[0]
    assert (deliver.run_id, deliver.attempt, deliver.day) == (1, 1, FRIDAY)
    assert (deliver.legs, deliver.quantity_tonnes) == (2, 40)
    staged = depository.staged[0]
    assert (staged.run_id, staged.attempt, staged.page) == (1, 1, 1)
    assert [(leg.trade_id, leg.vintage, leg.quantity_tonnes, leg.seller, leg.buyer) for leg in staged.legs] == [
        (1, "CEA", 30, "steel-0002", "power-0001"),
        (2, "CEA", 10, "held-0005", "steel-0002"),
    ]
    assert confirm.request_id.startswith("clearing/")
    assert deliver.request_id.startswith("clearing/")


async def test_balances_and_entries_show_both_legs_of_every_trade(
    clearing: OneService, friday: query.GetRunResponse
) -> None:
    funds = await clearing.call(POWER, query.GetFundsRequest(account="power-0001"))
    assert (funds.balance_fen, funds.unsettled_out_fen, funds.payouts_open_fen) == (POWER_FEN, 0, 0)
    pages, token = [], ""
    while True:
        request = query.ListEntriesRequest(account="steel-0002", page_size=1, page_token=token)
        page = await clearing.call(STEEL, request)
        pages.append(page)
        token = page.next_page_token
        if not token:
            break
    entries = [entry for page in pages for entry in page.entries]
    assert [(one.kind, one.amount_fen, one.trade_id, one.day) for one in entries] == [
        (types.ENTRY_KIND_SOLD, 149_985, 1, FRIDAY),
        (types.ENTRY_KIND_BOUGHT, -50_000, 2, FRIDAY),
    ]


async def test_obligations_of_a_day_are_listed_for_those_who_may_see_them(
    clearing: OneService, friday: query.GetRunResponse
) -> None:
    everything = await clearing.call(AUDITOR, query.ListObligationsRequest(day=FRIDAY))
    assert [(one.trade_id, one.state, one.run_id) for one in everything.obligations] == [
        (1, types.OBLIGATION_STATE_SETTLED, 1),
        (2, types.OBLIGATION_STATE_SETTLED, 1),
    ]
    own = await clearing.call(POWER, query.ListObligationsRequest(day=FRIDAY, account="power-0001"))
    assert [one.trade_id for one in own.obligations] == [1]


async def test_a_statement_adds_up_and_says_until_when_to_object(
    clearing: OneService, friday: query.GetRunResponse, depository: Depository
) -> None:
    statement = await clearing.call(POWER, query.GetStatementRequest(account="power-0001", day=FRIDAY))
    assert (statement.opening_fen, statement.deposits_fen, statement.payouts_fen) == (0, 1_000_000, 0)
    assert (statement.bought_fen, statement.sold_fen, statement.fees_fen) == (150_000, 0, 15)
    assert statement.closing_fen == POWER_FEN
    assert statement.unsettled_fen == 0
    (line,) = statement.lines
    assert (line.side, line.counterparty, line.fee_fen) == (types.SIDE_BUY, "steel-0002", 15)
    assert line.executed_ms == EXECUTED_MS
    assert list(statement.instruments) == [query.StatementInstrument(instrument="CEA", bought_tonnes=30)]
    assert statement.objection_before_day == MONDAY
    assert (statement.registry_position, statement.registry_position_before) == (depository.position, 0)


async def test_the_three_books_agree_at_stated_positions(
    clearing: OneService, friday: query.GetRunResponse, exchange: Exchange, depository: Depository
) -> None:
    answer = await clearing.call(AUDITOR, query.GetReconciliationRequest(day=FRIDAY))
    found = answer.reconciliation
    assert (found.agreed, found.difference_count, found.rows_compared) == (True, 0, 7)
    assert (found.trading_position, found.registry_position) == (exchange.position, depository.position)
    assert friday.steps[-1].log_position <= found.clearing_position < found.log_position
    assert found.clearing_entry_number == 3


async def test_a_difference_is_named_and_the_books_can_be_compared_again(
    clearing: OneService, friday: query.GetRunResponse, exchange: Exchange, depository: Depository
) -> None:
    depository.holdings[1].quantity_tonnes -= 1
    await clearing.call(ANN, pb.ReconcileAgainRequest(request_id="again 1", day=FRIDAY))
    await reconciled(clearing, 2)
    answer = await clearing.call(AUDITOR, query.GetReconciliationRequest(day=FRIDAY))
    assert not answer.reconciliation.agreed
    assert list(answer.differences) == [
        types.BookDifference(
            figure=types.COMPARED_FIGURE_UNITS,
            account="steel-0002",
            instrument="CEA",
            held_tonnes=979,
            expected_tonnes=980,
        )
    ]
    depository.holdings[1].quantity_tonnes += 1
    exchange.book.heard_registry_position += 1
    await clearing.call(ANN, pb.ReconcileAgainRequest(request_id="again 2", day=FRIDAY))
    await reconciled(clearing, 3)
    answer = await clearing.call(AUDITOR, query.GetReconciliationRequest(day=FRIDAY))
    assert answer.reconciliation.agreed
    statement = await clearing.call(POWER, query.GetStatementRequest(account="power-0001", day=FRIDAY))
    assert statement.registry_position == answer.reconciliation.registry_position - 1, "a statement stays what it was"


async def test_a_payout_is_asked_for_by_trading_instructed_by_people_and_paid_by_the_bank(
    clearing: OneService, friday: query.GetRunResponse, exchange: Exchange
) -> None:
    exchange.write(
        trading.FundsReleased(account="power-0001", amount_fen=400, release_id=1),
        trading.FundsReleased(account="power-0001", amount_fen=600, release_id=2),
    )
    await clearing.heard(exchange)
    funds = await clearing.call(POWER, query.GetFundsRequest(account="power-0001"))
    assert (funds.balance_fen, funds.payouts_open_fen) == (POWER_FEN - 1_000, 1_000)
    for payout_id in (1, 2):
        instruct = pb.InstructPayoutRequest(request_id=f"instruct {payout_id}", payout_id=payout_id, bank="icbc")
        await clearing.call(ANN, instruct)
    paid = pb.RecordPayoutPaidRequest(request_id="paid 1", payout_id=1, bank_reference="out 1")
    await clearing.call(ICBC, paid)
    returned = pb.RecordPayoutReturnedRequest(request_id="returned 2", payout_id=2, ground="account closed")
    answer = await clearing.call(ICBC, returned)
    assert answer.entry_number == 6
    shown = await clearing.call(ICBC, query.ListPayoutsRequest(min_position=answer.position))
    assert [(one.payout_id, one.state, one.ground) for one in shown.payouts] == [
        (1, types.PAYOUT_STATE_PAID, ""),
        (2, types.PAYOUT_STATE_RETURNED, "account closed"),
    ]
    funds = await clearing.call(POWER, query.GetFundsRequest(account="power-0001"))
    assert (funds.balance_fen, funds.payouts_open_fen) == (POWER_FEN - 400, 0)
    others = await clearing.call("settlement_bank:ccb", query.ListPayoutsRequest())
    assert not others.payouts


@pytest_asyncio.fixture(scope="module")
async def monday(
    clearing: OneService, friday: query.GetRunResponse, exchange: Exchange
) -> AsyncIterator[query.GetRunResponse]:
    """Monday waits, because cement cannot pay for trade 3; Tuesday waits for Monday."""
    close_day(exchange, MONDAY, *MONDAYS)
    close_day(exchange, TUESDAY, *TUESDAYS)
    run = await run_until(clearing, 2, is_blocked_because("FUNDS_LACKING"))
    await run_until(clearing, 3, is_blocked_because("EARLIER_DAY_NOT_SETTLED"))
    yield run


async def test_a_run_that_cannot_move_says_why_and_two_people_let_it_go_on(
    clearing: OneService, monday: query.GetRunResponse, exchange: Exchange, depository: Depository
) -> None:
    facts = {"trade_id": "3", "account": "cement-0003", "lacking_fen": "19900", "trades": "1"}
    assert dict(monday.run.facts) == facts
    open_runs = await clearing.call(ANN, query.ListRunsRequest(open_only=True))
    assert [run.run_id for run in open_runs.runs] == [3, 2]

    command = pb.ExcludeTradesRequest(run_id=2, trade_ids=[3], ground="buyer in default")
    done = await clearing.ask_by_two(ANN, BOB, command)
    events = [kind.rpartition(".")[2] for kind in done.events]
    assert events[:3] == ["ExclusionApproved", "TradeExcluded", "ClearingRunBegun"]

    run = await run_until(clearing, 2, is_completed)
    assert (run.run.trades, run.run.excluded_trades) == (1, 1)
    (exclusion,) = run.exclusions
    assert (exclusion.proposed_by, exclusion.approved_by, list(exclusion.trade_ids)) == (ANN, BOB, [3])
    assert [list(one.excluded_trade_ids) for one in exchange.asked if one.run_id == 2] == [[], [3]]
    assert [leg.trade_id for one in depository.staged if one.run_id == 2 for leg in one.legs] == [4]
    await run_until(clearing, 3, is_completed)
    obligations = (await clearing.call(AUDITOR, query.ListObligationsRequest(day=MONDAY))).obligations
    assert [one.state for one in obligations] == [types.OBLIGATION_STATE_EXCLUDED, types.OBLIGATION_STATE_SETTLED]
    cement = await clearing.call(AUDITOR, query.GetFundsRequest(account="cement-0003"))
    assert (cement.balance_fen, cement.unsettled_out_fen) == (100, 0)
    assert cement.blocked_fen == 100, "as much as the balance holds of the 20,000 that the trade would have cost"


async def test_what_an_excluded_trade_blocks_is_on_every_statement_from_its_day_on(
    clearing: OneService, monday: query.GetRunResponse
) -> None:
    await run_until(clearing, 3, is_completed)
    blocked = {}
    for day in (FRIDAY, MONDAY, TUESDAY):
        buyers = await clearing.call(AUDITOR, query.GetStatementRequest(account="cement-0003", day=day))
        sellers = await clearing.call(AUDITOR, query.GetStatementRequest(account="steel-0002", day=day))
        blocked[day] = (buyers.blocked_fen, [unit.blocked_tonnes for unit in sellers.instruments])
        assert (sellers.blocked_fen, [unit.blocked_tonnes for unit in buyers.instruments]) == (0, [])
    assert blocked == {FRIDAY: (0, [0]), MONDAY: (100, [4]), TUESDAY: (100, [4])}
    friday = await clearing.call(POWER, query.GetStatementRequest(account="power-0001", day=FRIDAY))
    after = await clearing.call(POWER, query.GetStatementRequest(account="power-0001", day=MONDAY))
    assert after.registry_position_before == friday.registry_position > 0


async def test_no_answer_is_no_answer_and_a_killed_process_settles_once(
    clearing: OneService, monday: query.GetRunResponse, exchange: Exchange, depository: Depository
) -> None:
    """Trading disputes, then agrees; the registry refuses, then does not answer; clearing is killed meanwhile."""
    await run_until(clearing, 3, is_completed)
    exchange.dispute = trading_commands.RunDisputed(reason="TOTALS_DIFFER", facts={"trades": "2"})
    close_day(exchange, WEDNESDAY, *WEDNESDAYS)
    run = await run_until(clearing, 4, is_blocked_because("TRADING_DISAGREES"))
    assert dict(run.run.facts) == {"trades": "2"}

    exchange.dispute = None
    depository.refusal = registry.DeliverAllowancesResponse(
        refused=registry_events.DeliveryRefused(
            run_id=4, attempt=2, reason="ACCOUNT_CLOSED", facts={"account": "held-0005"}
        )
    )
    await clearing.call(ANN, pb.RetryRunRequest(request_id="retry 1", run_id=4))
    run = await run_until(clearing, 4, is_blocked_because("DELIVERY_REFUSED"))
    assert dict(run.run.facts) == {"account": "held-0005"}

    depository.refusal, depository.away = None, True
    await clearing.call(ANN, pb.RetryRunRequest(request_id="retry 2", run_id=4))
    await run_until(clearing, 4, is_delivering)
    asked = len(depository.asked)
    await clearing.restart()
    async with asyncio.timeout(60):
        while len(depository.asked) < asked + 2:
            await asyncio.sleep(0.05)
    depository.away = False
    await run_until(clearing, 4, is_completed)
    assert len({one.request_id for one in depository.asked[asked:]}) == 1, "the same order, under the same name"
    assert kinds(await clearing.records()).count("TradeSettled") == 5


async def test_the_books_are_the_same_after_the_process_was_killed(
    clearing: OneService, friday: query.GetRunResponse, exchange: Exchange
) -> None:
    before = await clearing.records()
    funds = await clearing.call(AUDITOR, query.GetFundsRequest(account="power-0001"))
    await clearing.restart()
    await clearing.heard(exchange)
    after = await clearing.records()
    assert after[: len(before)] == before
    again = await clearing.call(AUDITOR, query.GetFundsRequest(account="power-0001"))
    assert (again.balance_fen, again.unsettled_out_fen) == (funds.balance_fen, funds.unsettled_out_fen)


async def test_a_participant_follows_its_own_feed_without_gaps(
    clearing: OneService, friday: query.GetRunResponse
) -> None:
    feed = (await clearing.call(STEEL, log_service_pb2.ReadFeedRequest(account="steel-0002"))).records
    assert [one.sequence for one in feed] == list(range(1, len(feed) + 1))
    seen = kinds([one.record for one in feed])
    assert seen[:3] == ["FundAccountOpened", "ObligationRecorded", "ObligationRecorded"]
    assert "ClearingRunComputed" not in seen


async def test_what_cannot_be_applied_is_set_aside_and_holds_every_run_until_two_people_drop_it(
    clearing: OneService, monday: query.GetRunResponse, exchange: Exchange
) -> None:
    exchange.write(executed(1, "power-0001", "steel-0002", 1, day=THURSDAY))
    close_day(exchange, THURSDAY)
    status = await clearing.heard(exchange)
    (set_aside,) = status.set_aside
    assert set_aside.reason == "TRADE_OUT_OF_ORDER"
    run = await run_until(clearing, 5, is_blocked_because("SET_ASIDE_PENDING"))
    assert dict(run.run.facts) == {"set_aside": "1"}
    drop = log_service_pb2.DropSetAsideRequest(set_aside_position=set_aside.position, ground="trade 1 sent twice")
    await clearing.ask_by_two(ANN, BOB, drop)
    retried = await clearing.call(ANN, pb.RetryRunRequest(request_id="retry 3", run_id=5))
    assert (retried.attempt, retried.blocked_because) == (2, "")
    await run_until(clearing, 5, is_completed)

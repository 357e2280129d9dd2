"""Days of a running clearing, as its integration tests play them: trades, closes, and what comes of them."""

import asyncio
from collections.abc import Callable

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.trading.v1 import trading_events_pb2 as trading
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from support.processes.clearing_others import Exchange
from support.processes.one_service import OneService

FRIDAY, MONDAY, TUESDAY, WEDNESDAY = "2021-07-16", "2021-07-19", "2021-07-20", "2021-07-21"
THURSDAY = "2021-07-22"
REGISTRAR = "registry_operator:reg"
AUDITOR, ICBC = "auditor:eve", "settlement_bank:icbc"
PRICE_FEN = 5_000
EXECUTED_MS = 1_626_400_000_000
WAIT_S_MAX = 60.0
POLL_S = 0.05


async def open_books(service: OneService, exchange: Exchange) -> None:
    """Open the accounts that every test of a module finds."""
    exchange.write(trading.TradingDaysAnnounced(days=[FRIDAY, MONDAY, TUESDAY, WEDNESDAY]))
    for account in ("power-0001", "steel-0002", "cement-0003", "closed-0004", "held-0005"):
        exchange.write(trading.TradingAccountOpened(account=account, eligible_to_trade=True))
    exchange.write(trading.TradingAccountClosed(account="closed-0004"))
    await service.heard(exchange)
    banks = pb.SetSettlementBanksRequest(
        request_id="banks", valid_from_day=FRIDAY, banks=["icbc", "ccb"], source="announcement 7"
    )
    await service.call(REGISTRAR, banks)
    for account, amount_fen in (("power-0001", 1_000_000), ("cement-0003", 100), ("held-0005", 10_000)):
        await deposit(service, account, amount_fen)
    exchange.write(trading.TradingAccountStopped(account="held-0005", ground="risk warning"))
    await service.heard(exchange)


async def deposit(service: OneService, account: str, amount_fen: int) -> None:
    """Record a deposit under a reference of its own."""
    request = pb.RecordDepositRequest(
        request_id=f"opening {account}", bank_reference=f"opening {account}", account=account, amount_fen=amount_fen
    )
    await service.call(ICBC, request)


def executed(
    trade_id: int, buyer: str, seller: str, tonnes: int, *, day: str, fee_fen: int = 0
) -> trading.TradeExecuted:
    """A listed trade of CEA at 50 yuan."""
    return trading.TradeExecuted(
        trade_id=trade_id,
        day=day,
        instrument="CEA",
        method=trading_types.TRADE_METHOD_LISTED,
        price_fen=PRICE_FEN,
        quantity_tonnes=tonnes,
        value_fen=PRICE_FEN * tonnes,
        buyer=buyer,
        seller=seller,
        buyer_fee_fen=fee_fen,
        seller_fee_fen=fee_fen,
        executed_ms=EXECUTED_MS,
    )


def closed(day: str, *trades: trading.TradeExecuted) -> trading.TradingDayClosed:
    """The close of a day with these trades."""
    return trading.TradingDayClosed(
        day=day,
        trades=len(trades),
        quantity_tonnes=sum(one.quantity_tonnes for one in trades),
        value_fen=sum(one.value_fen for one in trades),
        first_trade_id=trades[0].trade_id if trades else 0,
        last_trade_id=trades[-1].trade_id if trades else 0,
    )


def close_day(exchange: Exchange, day: str, *trades: trading.TradeExecuted) -> None:
    """Trading executes the trades and closes the day."""
    exchange.write(*trades, closed(day, *trades))


async def run_until(
    service: OneService, run_id: int, arrived: Callable[[query.GetRunResponse], bool]
) -> query.GetRunResponse:
    """The run, once it is as wanted."""
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            position = (await service.records())[-1].position
            runs = await service.call(AUDITOR, query.ListRunsRequest(min_position=position))
            if any(run.run_id == run_id for run in runs.runs):
                answer: query.GetRunResponse = await service.call(AUDITOR, query.GetRunRequest(run_id=run_id))
                if arrived(answer):
                    return answer
            await asyncio.sleep(POLL_S)


def is_completed(answer: query.GetRunResponse) -> bool:
    return answer.run.phase == types.RUN_PHASE_COMPLETED


def is_delivering(answer: query.GetRunResponse) -> bool:
    return answer.run.phase == types.RUN_PHASE_DELIVERING


def is_blocked_because(reason: str) -> Callable[[query.GetRunResponse], bool]:
    return lambda answer: answer.run.blocked_because == reason


async def reconciled(service: OneService, count: int) -> query.ListReconciliationsResponse:
    """The reconciliations, once there are so many."""
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            position = (await service.records())[-1].position
            request = query.ListReconciliationsRequest(min_position=position)
            answer: query.ListReconciliationsResponse = await service.call(AUDITOR, request)
            if len(answer.reconciliations) >= count:
                return answer
            await asyncio.sleep(POLL_S)


def units(account: str, tonnes: int) -> trading_queries.AccountUnits:
    return trading_queries.AccountUnits(account=account, instrument="CEA", total_tonnes=tonnes)


def money(account: str, total_fen: int) -> trading_queries.AccountFunds:
    return trading_queries.AccountFunds(account=account, total_fen=total_fen)


def holding(account: str, tonnes: int) -> registry_queries.TradingHolding:
    return registry_queries.TradingHolding(account=account, vintage="CEA", quantity_tonnes=tonnes)

"""A trading that runs, with the registry's and clearing's logs as the test writes them: for its integration tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.registry.v1 import registry_events_pb2 as registry
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.call import Refused
from rehearsal.postgres import Postgres
from support.domains.trading_floor import DAYS, FRIDAY, RULES, moment
from support.processes.kafka import Kafka
from support.processes.one_service import OneService, WrittenLog, one_service
from support.processes.postgres import new_database
from trading.answers import live

ANN, AUDITOR = "exchange_operator:ann", "auditor:eve"
CLOCK = "rehearsal=2021-07-16T08:00:00+08:00"


@dataclass
class Venue:
    """The service, what it hears, and its clock."""

    service: OneService
    registry: WrittenLog
    clearing: WrittenLog
    day: str = FRIDAY
    entry_number: int = 0

    async def ask(self, actor: str, request: Message) -> Any:
        """Send a command under a new request id."""
        return await self.service.ask(actor, request)

    async def see(self, actor: str, request: Message) -> Any:
        return await self.service.call(actor, request)

    async def at(self, clock: str) -> None:
        """It is so late on the current day; what falls due before is done."""
        request = log_service_pb2.MoveClockRequest(to_ms=moment(self.day, clock))
        await self.ask(ANN, request)

    async def hear(self) -> log_service_pb2.GetStatusResponse:
        """Everything written in the other logs is heard."""
        await self.service.heard(self.registry)
        return await self.service.heard(self.clearing)

    def deposit(self, account: str, amount_fen: int) -> None:
        self.entry_number += 1
        self.clearing.write(
            clearing.FundsDeposited(
                account=account,
                amount_fen=amount_fen,
                bank="icbc",
                bank_reference=f"reference {self.entry_number}",
                entry_number=self.entry_number,
            )
        )

    async def settle(self) -> None:
        """Clearing settles every trade of the day that was closed, and the books agree."""
        trades = (
            await self.see(
                AUDITOR, query.ListTradesRequest(day=self.day, page_size=1_000, min_position=await self.head())
            )
        ).trades
        for trade in sorted(trades, key=lambda trade: trade.trade_id):
            self.clearing.write(settled(trade))
        self.clearing.write(
            clearing.SettlementDayCompleted(day=self.day, run_id=1), clearing.BooksReconciled(day=self.day, agreed=True)
        )
        await self.hear()

    async def head(self) -> int:
        return await self.service.head()


def settled(trade: query.Trade) -> clearing.TradeSettled:
    return clearing.TradeSettled(
        trade_id=trade.trade_id,
        run_id=1,
        day=trade.day,
        buyer=trade.buyer,
        seller=trade.seller,
        instrument=trade.instrument,
        quantity_tonnes=trade.quantity_tonnes,
        value_fen=trade.value_fen,
    )


@asynccontextmanager
async def running_venue(postgres: Postgres, kafka: Kafka, folder: Path) -> AsyncIterator[Venue]:
    """A venue at eight on the first day: days announced, rules set, CEA listed at 48.00, no day open.

    power has 300,000 t of CEA, steel CNY 10 million, cement 200,000 t and CNY 10 million, poor nothing; fund is not
    admitted to trading, held is restricted, gone is closed. CEA21 is known and not listed.
    """
    others = WrittenLog("registry"), WrittenLog("clearing")
    remotes = {other.log_id: other.address for other in others}
    await kafka.clear()
    for other in others:
        await other.start()
    async with (
        new_database(postgres) as url,
        one_service("trading", (pb, query), folder, url, kafka.address, remotes, CLOCK) as service,
    ):
        venue = Venue(service, *others)
        write_accounts(venue)
        await service.heard(venue.registry)
        # Money comes after the accounts are known, as it does from the real clearing: it hears of them from trading.
        venue.deposit("steel", 1_000_000_000)
        venue.deposit("cement", 1_000_000_000)
        await announce(venue)
        await venue.hear()
        yield venue
    for other in others:
        await other.stop()


def write_accounts(venue: Venue) -> None:
    """What the registry said before the first day."""
    for account in ("power", "steel", "cement", "poor", "fund", "held", "gone"):
        venue.registry.write(registry.AccountOpened(account=account, eligible_to_trade=account != "fund"))
    venue.registry.write(
        registry.VintageCreated(vintage="CEA", compliance_year=2020),
        registry.VintageCreated(vintage="CEA21", compliance_year=2021),
        registry.TransferredToTrading(account="power", vintage="CEA", quantity_tonnes=300_000),
        registry.TransferredToTrading(account="cement", vintage="CEA", quantity_tonnes=200_000),
        registry.AccountRestricted(account="held", restriction_number=1, ground="risk warning"),
        registry.AccountRestricted(account="gone", restriction_number=1, ground="dissolved"),
        registry.AccountClosed(account="gone", ground="dissolved"),
    )


async def announce(venue: Venue) -> None:
    """What the exchange says before the first day."""
    weights = [types.CompositeWeight(instrument="CEA", weight=1)]
    await venue.ask(ANN, pb.AnnounceTradingDaysRequest(days=DAYS))
    await venue.ask(ANN, pb.SetTradingRulesRequest(rules=live.RULES.encode(RULES)))
    await venue.ask(
        ANN, pb.SetCompositeWeightsRequest(valid_from_day=FRIDAY, weights=weights, source="the exchange's notice")
    )
    await venue.ask(ANN, pb.AdmitInstrumentRequest(instrument="CEA", day=FRIDAY, reference_price_fen=4_800))


def order(account: str = "power", **changes: Any) -> pb.PlaceOrderRequest:
    right: dict[str, Any] = {
        "account": account,
        "instrument": "CEA",
        "side": types.SIDE_SELL,
        "price_fen": 4_900,
        "quantity_tonnes": 10,
    }
    return pb.PlaceOrderRequest(**(right | changes))


def take(order_id: int = 1, account: str = "steel", **changes: Any) -> pb.TakeListingRequest:
    right: dict[str, Any] = {"price_fen": 4_799 + order_id, "quantity_tonnes": 1}
    return pb.TakeListingRequest(account=account, order_id=order_id, **(right | changes))


def offer(account: str = "power", counterparty: str = "steel", **changes: Any) -> pb.OfferBlockRequest:
    right: dict[str, Any] = {
        "instrument": "CEA",
        "side": types.SIDE_SELL,
        "price_fen": 4_000,
        "quantity_tonnes": 100_000,
    }
    return pb.OfferBlockRequest(account=account, counterparty=counterparty, **(right | changes))


async def refusal(venue: Venue, actor: str, request: Message) -> str:
    """The reason for which a request is refused."""
    with pytest.raises(Refused) as refused:
        await venue.ask(actor, request)
    return refused.value.reason

"""A market on which a row trades: half of its accounts own units, half own money, and a trading day is open.

Set up through the public rpcs, as any market is. The clock is a rehearsal's: it is at ten o'clock of the open day until
somebody moves it, so a day is as long as a row needs.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Protocol

from google.protobuf.message import Message

from bench.harness.row import Place
from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket_client import Outcome
from rehearsal.opening import CLOCK_START, DAY_BEFORE, FIRST_DAY, INSTRUMENT, PROVINCE, rules_of_2021
from rehearsal.people import (
    BANK,
    EXCHANGE_OPERATOR,
    REGISTRY_OPERATOR,
    SETTLEMENT_BANK,
    People,
    china_ms,
    next_record,
    wait_until_heard,
)
from rehearsal.stack import Stack, Start

PRICE_FEN = 48_00
COMMANDS_IN_FLIGHT = 8
OPENING, MORNING, CLOSE = time(9), time(10), time(15)
SATURDAY = 5
DAYS_MAX = 30


class TakesMany(Protocol):
    """The client of a service with a bulk stream."""

    def submit_many(self, commands: Iterable[Message]) -> AsyncIterator[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Endowment:
    """`pairs` accounts that sell with so many tonnes each, and as many that buy with the money for them."""

    pairs: int
    each_tonnes: int


def weekdays(count: int, first: date = FIRST_DAY) -> tuple[str, ...]:
    """Trading days of a market whose calendar nobody looks at."""
    days = (first + timedelta(ahead) for ahead in range(2 * count + 2))
    return tuple(day.isoformat() for day in days if day.weekday() < SATURDAY)[:count]


def seller(number: int) -> str:
    return f"seller-{number:04}"


def buyer(number: int) -> str:
    return f"buyer-{number:04}"


@asynccontextmanager
async def market_for(place: Place, name: str, endowment: Endowment) -> AsyncIterator["Market"]:
    """A row's own market, with its first day open; or the one that is lent to it."""
    if isinstance(place.lent, Market):
        yield place.lent
        return
    async with running_market(place.own(name), endowment) as market:
        yield market


@asynccontextmanager
async def running_market(folder: Path, endowment: Endowment) -> AsyncIterator["Market"]:
    """A stack of its own, with its first day open."""
    async with Stack(folder, Start(clock=CLOCK_START, spans=False)) as stack, People(stack.addresses) as people:
        market = Market(stack, people, weekdays(DAYS_MAX))
        await endow(people, endowment, market.days)
        await market.open_next_day()
        yield market


class Market:
    """A running market, day after day."""

    def __init__(self, stack: Stack, people: People, days: Sequence[str]) -> None:
        self.stack = stack
        self.people = people
        self.days = list(days)
        self.day = ""

    async def open_next_day(self) -> None:
        """Opens the next of the days; it is ten o'clock."""
        self.day = self.days.pop(0)
        day = date.fromisoformat(self.day)
        await self.people.move_clocks(china_ms(day, OPENING))
        await self.people.acting_as(EXCHANGE_OPERATOR).trading.open_day(self.day)
        await self.people.move_clocks(china_ms(day, MORNING))

    async def settle_day(self, trades: int) -> None:
        """Closes the day; returns when it is settled and the three books were found equal."""
        exchange = self.people.acting_as(EXCHANGE_OPERATOR).trading
        await self.people.move_clocks(china_ms(date.fromisoformat(self.day), CLOSE))
        while True:
            day = await exchange.get_day(self.day)
            if day.settled and day.books_agreed:
                assert day.trades == trades, day.trades
                return
            await next_record(exchange, day.position)


async def endow(people: People, endowment: Endowment, days: Sequence[str]) -> None:
    """Everything before the first day."""
    pairs, each_tonnes = endowment.pairs, endowment.each_tonnes
    operator = people.acting_as(REGISTRY_OPERATOR)
    accounts = [name(number) for number in range(pairs) for name in (seller, buyer)]
    await many(operator.registry, [opened(PROVINCE, ""), *(opened(account, PROVINCE) for account in accounts)])
    await operator.registry.create_vintage(INSTRUMENT, 2020)
    await operator.registry.issue_allowances(INSTRUMENT, PROVINCE, each_tonnes * pairs, "bench")
    await many(
        people.acting_as(f"province:{PROVINCE}").registry,
        [
            registry.AllocateAllowancesRequest(
                vintage=INSTRUMENT,
                from_account=PROVINCE,
                account=seller(number),
                quantity_tonnes=each_tonnes,
                basis="bench",
            )
            for number in range(pairs)
        ],
    )
    await in_flight(
        people.participant(seller(number)).registry.transfer_to_trading(seller(number), INSTRUMENT, each_tonnes)
        for number in range(pairs)
    )
    await wait_until_heard(people, "trading", "registry")
    await wait_until_heard(people, "clearing", "trading")
    await operator.clearing.set_settlement_banks(DAY_BEFORE.isoformat(), [BANK], "bench")
    await many(
        people.acting_as(SETTLEMENT_BANK).clearing,
        [
            clearing.RecordDepositRequest(
                bank_reference=f"bench-{number}", account=buyer(number), amount_fen=each_tonnes * PRICE_FEN
            )
            for number in range(pairs)
        ],
    )
    await wait_until_heard(people, "trading", "clearing")
    exchange = people.acting_as(EXCHANGE_OPERATOR).trading
    await exchange.announce_trading_days(days)
    await exchange.set_trading_rules(rules_of_2021(FIRST_DAY))
    await exchange.admit_instrument(INSTRUMENT, days[0], reference_price_fen=PRICE_FEN)


def opened(account: str, province: str) -> registry.OpenAccountRequest:
    kind = registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY if province else registry_types.ACCOUNT_KIND_PROVINCE
    return registry.OpenAccountRequest(
        account=account, kind=kind, name=account, province=province, eligible_to_trade=bool(province)
    )


async def many(service: TakesMany, commands: list[Message]) -> list[Outcome]:
    """Sends commands over the bulk stream; none may be refused."""
    outcomes = [outcome async for outcome in service.submit_many(commands)]
    refused = next((outcome for outcome in outcomes if outcome.refusal is not None), None)
    assert refused is None, refused
    return outcomes


async def in_flight(calls: Iterator[Awaitable[object]], at_once: int = COMMANDS_IN_FLIGHT) -> None:
    """Makes all calls, so many at once."""

    async def worker() -> None:
        for call in calls:
            await call

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())

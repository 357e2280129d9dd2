"""The writers' time of an evening with few, with many and with very many accounts: from the close of a day to the
agreement of the books, all three services together.

Every evening is of the same trades between the same number of accounts, drawn from all there are. The engines of the
three services are played in one process (tests/support/domains/three_engines.py); what is measured is what their
writers do: decisions with their events, and looks at the state. Floor: the fewest accounts. Peer: one look that copies
all positions, as release 1 of clearing asks for every evening.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.harness.report import show
from bench.micros import Micros, held_against
from clearing.domain.banks import SetSettlementBanks
from clearing.domain.funds import RecordDeposit
from registry.domain.accounts import OpenAccount
from registry.domain.issuance import AllocateAllowances, IssueAllowances
from registry.domain.state import AccountKind
from registry.domain.transfers import TransferToTrading
from registry.domain.vintages import CreateVintage
from support.domains.three_engines import EngineAlone, ThreeEngines
from support.domains.trading_floor import FRIDAY, RULES, moment
from trading.answers import live
from trading.domain.calendar import AnnounceTradingDays
from trading.domain.instruments import AdmitInstrument
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.opening import OpenDay
from trading.domain.rules import SetTradingRules
from trading.domain.values import Side

ACCOUNTS = (101, 2_508, 100_000)
ACTIVE = 100
"""So many of them trade on a day."""
TRADES = 170
"""As on an average day of 2021 and 2022."""
TONNES = 1_000
PRICE_FEN = 4_800
SEED = 20_210_716
SATURDAY = 5
SINCE_FRIDAY = [date.fromisoformat(FRIDAY) + timedelta(days) for days in range(18)]
DAYS = tuple(day.isoformat() for day in SINCE_FRIDAY if day.weekday() < SATURDAY)
"""The first evening makes the trees; the median of the others is shown."""
OPERATOR, PROVINCE, EXCHANGE = "registry_operator:ann", "province:hubei", "exchange_operator:ann"
SETTLED_AT_ONCE = 1_000


class Measured:
    """Adds up what the writers of a market do."""

    def __init__(self, market: ThreeEngines) -> None:
        self.seconds = 0.0
        for one in market.all:
            self._measure(one)

    def _measure(self, one: EngineAlone) -> None:
        decide, read = one.engine.decide, one.read

        def decided(*arguments: Any) -> Any:
            started = time.process_time()
            try:
                return decide(*arguments)
            finally:
                self.seconds += time.process_time() - started

        async def looked(look: Callable[[Any], Any]) -> Any:
            started = time.process_time()
            try:
                return await read(look)
            finally:
                self.seconds += time.process_time() - started

        one.engine.decide = decided  # type: ignore[method-assign, assignment]  # what is measured is what is shipped
        one.read = looked  # type: ignore[method-assign]  # what is measured is what is shipped


def name(number: int) -> str:
    return f"account-{number:06}"


async def market_of(accounts: int) -> ThreeEngines:
    """One account is the province's; every other one has units in trading and money in clearing."""
    market = ThreeEngines(moment(FRIDAY, "08:00"))
    registry, clearing, trading = market.registry, market.clearing, market.trading
    registry.ask(OPERATOR, OpenAccount("hubei", AccountKind.PROVINCE, "Hubei", "", False))
    registry.ask(OPERATOR, CreateVintage("CEA", 2020))
    registry.ask(OPERATOR, IssueAllowances("CEA", "hubei", accounts * TONNES, "plan 1"))
    clearing.ask(OPERATOR, SetSettlementBanks(FRIDAY, ("icbc",), "announcement 7"))
    for number in range(accounts - 1):
        account, kind = name(number), AccountKind.KEY_EMITTING_ENTITY
        registry.ask(OPERATOR, OpenAccount(account, kind, f"Entity {number}", "hubei", True))
        registry.ask(PROVINCE, AllocateAllowances("CEA", "hubei", account, TONNES, "list 1"))
        registry.ask(f"participant:{account}", TransferToTrading(account, "CEA", TONNES))
        if number % SETTLED_AT_ONCE == 0:
            await market.settle_down()
    await market.settle_down()
    for number in range(accounts - 1):
        deposit = RecordDeposit(f"opening-{number}", name(number), TONNES * PRICE_FEN)
        clearing.ask("settlement_bank:icbc", deposit)
        if number % SETTLED_AT_ONCE == 0:
            await market.settle_down()
    for command in (AnnounceTradingDays(DAYS), SetTradingRules(RULES), AdmitInstrument("CEA", FRIDAY, PRICE_FEN)):
        trading.ask(EXCHANGE, command)
    await market.settle_down()
    return market


async def trade(market: ThreeEngines, day: str, active: list[str]) -> None:
    """Each lists in its turn, and the next one takes it."""
    market.now_ms = moment(day, "09:00")
    market.trading.ask(EXCHANGE, OpenDay(day))
    market.now_ms = moment(day, "10:00")
    for number in range(TRADES):
        seller, buyer = active[number % ACTIVE], active[(number + 1) % ACTIVE]
        market.trading.ask(f"participant:{seller}", PlaceOrder(seller, "CEA", Side.SELL, PRICE_FEN, 1))
        order_id = market.trading.state.order_id_last
        market.trading.ask(f"participant:{buyer}", TakeListing(buyer, order_id, 1, PRICE_FEN))
    await market.settle_down()


class Evenings:
    """A market, and the seconds that its evenings took."""

    def __init__(self, accounts: int, market: ThreeEngines) -> None:
        self.accounts = accounts
        self.market = market
        self.measured = Measured(market)
        self.seconds: list[float] = []
        self._draw = random.Random(SEED)

    async def play(self, day: str) -> None:
        market = self.market
        active = self._draw.sample(range(self.accounts - 1), ACTIVE)
        await trade(market, day, [name(number) for number in active])
        self.measured.seconds = 0.0
        market.now_ms = moment(day, "15:00")
        await market.settle_down()
        self.seconds.append(self.measured.seconds)
        assert market.trading.state.calendar.days[day].books_agreed

    def rows(self) -> list[Micros]:
        started = time.process_time()
        live.copy_positions(self.market.trading.state)
        copying = time.process_time() - started
        return [
            Micros(f"{self.accounts:,} accounts", (statistics.median(self.seconds[1:]) * 1e6,)),
            Micros(f"peer: {self.accounts:,} accounts, positions copied", (copying * 1e6,)),
        ]


async def run(_: Path) -> None:
    """The markets take turns. Garbage would be looked for in three times three services at once here; a process has
    one, and bounds what it looks at.
    """
    gc.disable()
    markets = [Evenings(accounts, await market_of(accounts)) for accounts in ACCOUNTS]
    for day in DAYS:
        for one in markets:
            await one.play(day)
    rows = [row for one in markets for row in one.rows()]
    gc.enable()
    show(
        f"Evening: {TRADES} trades between {ACTIVE} accounts settled and compared",
        held_against(rows[0], "evening", rows[1:]),
    )

"""Logs of any length: the engines of the three services play a market in one process, and what they decide is appended
to three databases as the writer appends it. Every record is decided and evolved with every check and chains over the
one before; each log has heard the others. A stack started on the folder goes on with the market.

The publisher's checkpoint is put at the end of each log: what was written long ago is not sent to Kafka again.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.harness.row import Place
from bench.market import CLOSE, MORNING, OPENING, PRICE_FEN, Market, buyer, seller, weekdays
from bench.settled import until_projected
from chassis.core.decider import Claimed
from chassis.core.engine import Batch
from chassis.core.record import Record
from chassis.core.shell import MoveClock
from chassis.followers.publisher import FOLLOWER as PUBLISHER
from chassis.log.postgres_log import MIGRATIONS, Pool, PostgresLog, migrate, open_pool
from chassis.process.composition import fold_of
from chassis.say.tracing import Tracing
from clearing.domain.banks import SetSettlementBanks
from clearing.domain.funds import RecordDeposit
from registry.domain.accounts import OpenAccount
from registry.domain.issuance import AllocateAllowances, IssueAllowances
from registry.domain.state import AccountKind
from registry.domain.transfers import TransferToTrading
from registry.domain.vintages import CreateVintage
from rehearsal.opening import CLOCK_START, DAY_BEFORE, INSTRUMENT, PROVINCE
from rehearsal.people import BANK, EXCHANGE_OPERATOR, OPERATOR_OF, REGISTRY_OPERATOR, SETTLEMENT_BANK, People, china_ms
from rehearsal.postgres import Postgres
from rehearsal.stack import Stack, Start
from support.domains.three_engines import EngineAlone, ThreeEngines
from support.domains.trading_floor import RULES, moment
from support.shell.asking import asked
from trading.domain.calendar import AnnounceTradingDays
from trading.domain.instruments import AdmitInstrument
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.opening import OpenDay
from trading.domain.rules import SetTradingRules
from trading.domain.values import Side

BATCH_RECORDS_MAX = 500
BATCHES_WAITING = 5_000
SETTLED_AT_ONCE = 500
TRADES_PER_LISTING = 20
PAIRS_ACTIVE_MAX = 100
TAIL_DAY_TRADES = 200
"""So few that the tail is about as long as it is to be."""
DAYS_MAX = 300
SPARE_TONNES = 10_000
"""Of each seller, and the money for as many of each buyer: for what is traded afterwards."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A market of so many accounts, each with units or money, whose trading log has at least so many records.

    `day_trades` are made on each day, between the first hundred pairs of accounts in turn. Registry and clearing have a
    snapshot at the end of their logs, trading has it `tail_records` before the end.
    """

    accounts: int
    trading_records: int
    day_trades: int = 0
    tail_records: int = 0

    @property
    def pairs(self) -> int:
        return self.accounts // 2


class Store:
    """The databases, and what is not written to them yet."""

    def __init__(self) -> None:
        self.logs: dict[str, PostgresLog] = {}
        self.pools: dict[str, Pool] = {}
        self._waiting: dict[str, list[Batch]] = defaultdict(list)

    def keep(self, one: EngineAlone, batch: Batch) -> None:
        """Takes a batch as it is decided."""
        self._waiting[one.service.name].append(batch)

    async def write_much(self, market: ThreeEngines) -> None:
        """Appends what waits where it is enough."""
        if max(map(len, self._waiting.values())) >= BATCHES_WAITING:
            await self.write(market)

    async def write(self, market: ThreeEngines) -> None:
        """Appends everything that waits, in order."""
        for one in market.all:
            batches, self._waiting[one.service.name] = self._waiting[one.service.name], []
            records: list[Record] = []
            claims: list[Claimed] = []
            head = batches[0].head if batches else one.engine.head
            for batch in batches:
                records += batch.records
                claims += batch.claims
                if len(records) >= BATCH_RECORDS_MAX or batch is batches[-1]:
                    heard = list(one.engine.heard.values()) if batch is batches[-1] else []
                    await self.logs[one.service.name].append(head, records, heard, None, claims)
                    head = type(head)(batch.records[-1].position, batch.records[-1].digest) if batch.records else head
                    records, claims = [], []

    async def snapshot(self, one: EngineAlone) -> None:
        """Of what is written."""
        log = self.logs[one.service.name]
        _, snapshots = fold_of(one.service, log, Tracing())
        await log.save_snapshot(snapshots.take(one.engine))

    async def end(self, market: ThreeEngines) -> None:
        """Puts the publishers where the logs end."""
        await self.write(market)
        for one in market.all:
            checkpoint = "INSERT INTO checkpoints VALUES ($1, $2)"
            await self.pools[one.service.name].execute(checkpoint, PUBLISHER, one.engine.head.position)


@asynccontextmanager
async def open_store(folder: Path, market: ThreeEngines, store: Store) -> AsyncIterator[Postgres]:
    """The databases of a stack in a folder, new, each led by this process."""
    server = Postgres(folder / "postgres")
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        for one in market.all:
            name = one.service.name
            url = await server.create_database(name)
            pool = store.pools[name] = await open_pool(url)
            stack.push_async_callback(pool.close)
            await migrate(pool, {"shell": MIGRATIONS, one.service.package: one.service.migrations})
            log = store.logs[name] = PostgresLog(name, url, pool)
            stack.push_async_callback(log.close)
            assert await log.lead()
        yield server


class Play:
    """Plays the market's course."""

    def __init__(self, wanted: Wanted, store: Store) -> None:
        self.days = list(weekdays(DAYS_MAX))
        self.market = ThreeEngines(china_ms(DAY_BEFORE, OPENING), rehearsal=True, keep=store.keep)
        self._wanted = wanted
        self._store = store
        self._numbers = count(1)
        self._turn = 0

    def _ask(self, one: EngineAlone, actor: str, command: object) -> None:
        """A command as it comes from outside: with a request id of its own."""
        one.decide(asked(actor, f"{command.__class__.__name__}-{next(self._numbers)}", command))

    async def _move(self, to_ms: int) -> None:
        """The clock of all three services, as an operator moves it, and what falls due."""
        market = self.market
        market.now_ms = to_ms
        for one in (market.registry, market.clearing, market.trading):
            self._ask(one, OPERATOR_OF[one.service.name], MoveClock(to_ms))
        await self._rest()

    async def _rest(self) -> None:
        await self.market.settle_down()
        await self._store.write_much(self.market)

    async def begin(self, tonnes: int) -> None:
        """Accounts, units, money, rules."""
        market, pairs = self.market, self._wanted.pairs
        registry, clearing, trading = market.registry, market.clearing, market.trading
        self._ask(registry, REGISTRY_OPERATOR, OpenAccount(PROVINCE, AccountKind.PROVINCE, PROVINCE, "", False))
        self._ask(registry, REGISTRY_OPERATOR, CreateVintage(INSTRUMENT, 2020))
        self._ask(registry, REGISTRY_OPERATOR, IssueAllowances(INSTRUMENT, PROVINCE, pairs * tonnes, "plan"))
        self._ask(clearing, REGISTRY_OPERATOR, SetSettlementBanks(DAY_BEFORE.isoformat(), (BANK,), "bench"))
        for number in range(pairs):
            for account in (seller(number), buyer(number)):
                opened = OpenAccount(account, AccountKind.KEY_EMITTING_ENTITY, account, PROVINCE, True)
                self._ask(registry, REGISTRY_OPERATOR, opened)
            account = seller(number)
            allocated = AllocateAllowances(INSTRUMENT, PROVINCE, account, tonnes, "list")
            self._ask(registry, f"province:{PROVINCE}", allocated)
            self._ask(registry, f"participant:{account}", TransferToTrading(account, INSTRUMENT, tonnes))
            if number % SETTLED_AT_ONCE == 0:
                await self._rest()
        await self._rest()
        for number in range(pairs):
            self._ask(clearing, SETTLEMENT_BANK, RecordDeposit(f"opening-{number}", buyer(number), tonnes * PRICE_FEN))
            if number % SETTLED_AT_ONCE == 0:
                await self._rest()
        self._ask(trading, EXCHANGE_OPERATOR, AnnounceTradingDays(tuple(self.days)))
        self._ask(trading, EXCHANGE_OPERATOR, SetTradingRules(RULES))
        self._ask(trading, EXCHANGE_OPERATOR, AdmitInstrument(INSTRUMENT, self.days[0], PRICE_FEN))
        await self._rest()

    async def play_day(self, trades: int) -> None:
        """The next day, settled."""
        day = self.days.pop(0)
        await self._move(moment(day, f"{OPENING:%H:%M}"))
        self._ask(self.market.trading, EXCHANGE_OPERATOR, OpenDay(day))
        await self._move(moment(day, f"{MORNING:%H:%M}"))
        for _ in range(trades // TRADES_PER_LISTING):
            await self._trade()
        await self._move(moment(day, f"{CLOSE:%H:%M}"))
        assert self.market.trading.state.calendar.days[day].books_agreed

    async def _trade(self) -> None:
        """A listing, and the picks that it is filled by."""
        trading = self.market.trading
        number = self._turn % min(self._wanted.pairs, PAIRS_ACTIVE_MAX)
        self._turn += 1
        listing = PlaceOrder(seller(number), INSTRUMENT, Side.SELL, PRICE_FEN, TRADES_PER_LISTING)
        self._ask(trading, f"participant:{seller(number)}", listing)
        order_id = trading.state.order_id_last
        for _ in range(TRADES_PER_LISTING):
            pick = TakeListing(buyer(number), order_id, 1, PRICE_FEN)
            self._ask(trading, f"participant:{buyer(number)}", pick)
        await self._rest()


async def make_logs(folder: Path, wanted: Wanted) -> list[str]:
    """Makes the logs in a stack's folder; gives the days that are left to be traded on."""
    store = Store()
    play = Play(wanted, store)
    market = play.market
    trading = market.trading.engine
    async with open_store(folder, market, store):
        await play.begin(SPARE_TONNES + wanted.trading_records // min(wanted.pairs, PAIRS_ACTIVE_MAX))
        while trading.head.position < wanted.trading_records - wanted.tail_records:
            await play.play_day(wanted.day_trades)
        await store.write(market)
        await store.snapshot(market.trading)
        tail_ends = trading.head.position + wanted.tail_records
        while trading.head.position < tail_ends:
            await play.play_day(min(wanted.day_trades, TAIL_DAY_TRADES))
        await store.end(market)
        await store.snapshot(market.registry)
        await store.snapshot(market.clearing)
    return play.days


@asynccontextmanager
async def market_on_logs(place: Place, name: str, wanted: Wanted) -> AsyncIterator[Market]:
    """A running market on logs by name, which are made once for all rows of a run. All its tables are up to date, and
    no day is open but what an earlier row left open.
    """
    folder = place.folder / f"logs-{name}"
    left = folder / "days"
    if not left.exists():
        left.write_text(json.dumps(["", *await make_logs(folder, wanted)]))
    start = Start(clock=CLOCK_START, spans=False)
    async with Stack(folder, start) as stack, People(stack.addresses) as people:
        await until_projected(people)
        market = Market(stack, people, [])
        market.day, *market.days = json.loads(left.read_text())
        yield market
        left.write_text(json.dumps([market.day, *market.days]))

"""P7: what a settled trade costs, and how much memory the services need, as history and accounts grow.

Three markets run side by side and play the same day in turn: a new one of 2,508 accounts, one of as many accounts with
a million records in trading's log, and a new one of 100,000 accounts. Their logs were decided by the engines
(bench/logs.py). The first market is the peer of both others. Cost is processor time of services, broker and database
for each trade, from the listing to the agreement of the books and the opening of the next day; memory is that of the
three services.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.logs import Wanted, market_on_logs
from bench.market import Market
from bench.rows.processor import Size, play_day
from bench.rows.startup import LONG
from bench.usage import used_by
from rehearsal.stack import SERVICES

NEW = Wanted(accounts=2_508, trading_records=10_000, day_trades=200)
WIDE = Wanted(accounts=99_998, trading_records=0)
"""With the province as many, but one, as the registry takes: accounts come in pairs."""
LONGEST = Wanted(accounts=2_508, trading_records=10_000_000, day_trades=34_000)
DAY, DAY_TINY = Size(pairs=50, trades_each=20), Size(pairs=4, trades_each=5)
LONGEST_S_MAX = 6 * 60 * 60


class Measured:
    """A market that plays days."""

    def __init__(self, market: Market, day: Size) -> None:
        self._market = market
        self._day = day

    async def begin(self) -> None:
        """The first day is not counted: caches are filled, and the commitments are made."""
        if not self._market.day:
            await self._market.open_next_day()
        await play_day(self._market, self._day)

    async def cost_ms(self) -> float:
        """For each trade of a day."""
        return 1e3 * await play_day(self._market, self._day) / self._day.trades

    def memory_mb(self) -> float:
        memory_mb = used_by(self._market.stack).memory_mb
        return sum(memory_mb[service] for service in SERVICES)


def figures_of(name: str, what: str, floor: str, goal: Goal | None) -> tuple[Figure, Figure]:
    """Of one market against the first: cost and memory."""
    return (
        Figure(name, f"cost of a settled trade, {what}", "cpu ms", floor, Against.PEER, goal),
        Figure(f"{name}-memory", f"memory of the services, {what}", "MB", floor, Against.PEER, goal),
    )


def row_of(name: str, markets: dict[str, Wanted], figures: tuple[Figure, ...]) -> Row:
    """A row of markets against a new one; `figures` are two for each of them."""

    @asynccontextmanager
    async def open_row(place: Place) -> AsyncIterator[Round]:
        day = DAY_TINY if place.tiny else DAY
        wanted = {"new": NEW, **markets}
        async with AsyncExitStack() as stack:
            measured: dict[str, Measured] = {}
            if isinstance(place.lent, Market):
                measured = dict.fromkeys(wanted, Measured(place.lent, day))
            else:
                for what, of in wanted.items():
                    market = await stack.enter_async_context(market_on_logs(place, what, of))
                    measured[what] = Measured(market, day)
            for one in dict.fromkeys(measured.values()):
                await one.begin()

            async def play() -> Pairs:
                cost = {what: await one.cost_ms() for what, one in measured.items()}
                memory = {what: one.memory_mb() for what, one in measured.items()}
                pairs = [Pair(of[what], of["new"]) for what in markets for of in (cost, memory)]
                return {figure.name: pair for figure, pair in zip(figures, pairs, strict=True)}

            yield play

    longest = "longest" in markets
    return Row(
        name=name,
        figures=figures,
        rounds=1 if longest else 3,
        seconds_max=LONGEST_S_MAX if longest else 480,
        open=open_row,
        on_request=longest,
    )


GOAL = Goal(1.2)
ROW = row_of(
    "P7",
    {"long": LONG, "wide": WIDE},
    (
        *figures_of("P7.events", "1,000,000 records", "the same with 10,000 records", GOAL),
        *figures_of("P7.accounts", "100,000 accounts", "the same with 2,508 accounts", GOAL),
    ),
)
LONGEST_ROW = row_of(
    "P7x10",
    {"longest": LONGEST},
    figures_of("P7x10.events", "10,000,000 records", "the same with 10,000 records", None),
)

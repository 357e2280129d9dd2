"""P5: orders and picks decided and evolved with every check, in one process and without a log.

Peer: the fastest pure-Python order book on the package index (bench/packages.py). It checks nothing that a market
checks: no account, no funds, no units, no session, no limit. Both get the same orders: ten prices are listed, then each
is taken, over and over; the peer takes one by an order on the other side at its price.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.packages import import_peer
from chassis.core.decider import Context
from support.domains.trading_floor import FRIDAY, Floor, moment, quiet_floor
from support.shell.asking import acting
from trading.domain.decider import DECIDER
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.state import Market
from trading.domain.values import Side

INSTRUMENT = "CEA"
PRICES = range(4_800, 4_805)
"""As many as a taker may see: a pick behind the five best is refused."""
EACH = 2
"""So many listings at each price."""
SELLER, BUYER = "power", "steel"
AddOrder = Callable[[int, bool], int]
"""Adds an order of one tonne at a price, buying or selling; gives how many trades it made."""


@dataclass(frozen=True, slots=True)
class Size:
    turns: int
    """Of ten listings and ten picks."""

    @property
    def orders(self) -> int:
        return self.turns * 2 * EACH * len(PRICES)


FULL, TINY = Size(turns=2_000), Size(turns=5)


def ready_floor() -> Floor:
    """Friday at ten: one has the units, the other the money."""
    floor = quiet_floor()
    floor.give(SELLER, tonnes=10**6)
    floor.give(BUYER, fen=10**12)
    floor.open(FRIDAY)
    return floor.at("10:00")


def ours_s(size: Size) -> float:
    """The processor's seconds for the orders and picks, on a new market."""
    market = ready_floor().market
    now_ms = moment(FRIDAY, "10:00")
    selling = Context(now_ms, acting(f"participant:{SELLER}"), 0, ())
    buying = Context(now_ms, acting(f"participant:{BUYER}"), 0, ())
    began_s = time.process_time()
    for _ in range(size.turns):
        first = market.order_id_last + 1
        for price_fen in PRICES:
            for _ in range(EACH):
                play(market, PlaceOrder(SELLER, INSTRUMENT, Side.SELL, price_fen, 1), selling)
        for number, order_id in enumerate(range(first, market.order_id_last + 1)):
            play(market, TakeListing(BUYER, order_id, 1, PRICES[number // EACH]), buying)
    took_s = time.process_time() - began_s
    assert len(market.trades) == size.orders // 2
    return took_s


def play(market: Market, command: object, context: Context) -> None:
    """What the engine does with a command."""
    for event in DECIDER.decide[type(command)](market, command, context):
        DECIDER.evolve[type(event)](market, event)


def peers_s(size: Size, new_book: Callable[[], AddOrder]) -> float:
    """The processor's seconds of the peer for the same orders."""
    add, trades = new_book(), 0
    began_s = time.process_time()
    for _ in range(size.turns):
        for buys in (False, True):
            for price_fen in PRICES:
                for _ in range(EACH):
                    trades += add(price_fen, buys)
    took_s = time.process_time() - began_s
    assert trades == size.orders // 2, "every pick was a trade"
    return took_s


def light_matching_engine() -> AddOrder:
    """The order book of the package lightmatchingengine."""
    peer = import_peer("lightmatchingengine.lightmatchingengine")
    engine, buy, sell = peer.LightMatchingEngine(), peer.Side.BUY, peer.Side.SELL

    def add(price_fen: int, buys: bool) -> int:
        _, trades = engine.add_order(INSTRUMENT, price_fen, 1, buy if buys else sell)
        # One for each side.
        return len(trades) // 2

    return add


def row_against(new_book: Callable[[], AddOrder]) -> Row:
    """The row, against this peer."""

    @asynccontextmanager
    async def open_row(place: Place) -> AsyncIterator[Round]:
        size = TINY if place.tiny else FULL
        ours_s(TINY)

        async def play() -> Pairs:
            peer_s = peers_s(size, new_book)
            return {"P5": Pair(size.orders / ours_s(size), size.orders / peer_s)}

        yield play

    return Row(
        name="P5",
        figures=(
            Figure(
                name="P5",
                what="orders and picks decided and evolved, every check",
                unit="per cpu s",
                floor="lightmatchingengine 2019.1.4: no checks, no log",
                against=Against.PEER,
                goal=Goal(0.2),
                more_is_better=True,
            ),
        ),
        rounds=5,
        seconds_max=90,
        open=open_row,
    )


ROW = row_against(light_matching_engine)

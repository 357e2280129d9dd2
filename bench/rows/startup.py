"""P6: how soon a service with a long history serves: started anew, and by its standby.

Start-up: trading, with a million records in its log, a snapshot as old as one gets (the next would be made a thousand
records later) and the tail behind it, is killed and started; it counts until it leads and is ready.

Takeover: trading has a standby. The leader is killed, and it counts until a command that was given to the standby at
that moment, and again where it could not be taken yet, is answered from the log.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import grpc
import grpc.aio

from bench.harness.figures import Against, Figure, Goal, Pair, Pairs
from bench.harness.row import Place, Round, Row
from bench.logs import Wanted, market_on_logs
from bench.market import Market
from carbonmarket.log.v1 import log_service_pb2 as log
from chassis.log.snapshots import SNAPSHOT_EVERY_RECORDS
from rehearsal.people import EXCHANGE_OPERATOR
from rehearsal.processes import Child, free_port, healthy

START_S_MAX, TAKEOVER_S_MAX = 10.0, 2.0
AGAIN_S = 0.005
ANSWER_S_MAX = 10.0
MOVE_CLOCK = "/carbonmarket.log.v1.LogService/MoveClock"
LONG = Wanted(accounts=2_508, trading_records=1_000_000, day_trades=2_000, tail_records=SNAPSHOT_EVERY_RECORDS - 1_000)
LONG_TINY = Wanted(accounts=8, trading_records=200, day_trades=20, tail_records=100)


def long_of(place: Place) -> Wanted:
    return LONG_TINY if place.tiny else LONG


class Trading:
    """Trading's two replicas."""

    def __init__(self, market: Market) -> None:
        self.first = market.stack.supervisor.children["trading"]
        self._market = market
        self._address = f"127.0.0.1:{free_port()}"
        program = self.first.program
        environment = {**program.environment, "CARBONMARKET_LISTEN": self._address}
        second = replace(program, name="trading-2", environment=environment, ready=healthy(self._address))
        self.second = Child(second, market.stack.logs)
        self._numbers = count()

    async def start_s(self) -> float:
        """The first is killed and started; gives the seconds from the start until it leads."""
        await self.first.kill()
        began_s = time.perf_counter()
        await self.first.start()
        return time.perf_counter() - began_s

    async def takeover_s(self) -> float:
        """The first is killed beside the second; gives the seconds until the second answers a command. Then the first
        leads again, alone.
        """
        await self.second.start()
        request = await self._next_minute()
        async with grpc.aio.insecure_channel(self._address) as channel:
            await channel.channel_ready()
            began_s = time.perf_counter()
            await self.first.kill()
            await insist(channel, request)
            took_s = time.perf_counter() - began_s
        await self.first.start()
        request = await self._next_minute()
        await self.second.kill()
        async with grpc.aio.insecure_channel(self._market.stack.addresses["trading"]) as channel:
            await insist(channel, request)
        return took_s

    async def _next_minute(self) -> bytes:
        """A command that is decided on any day: the clock moves on by a little."""
        status = await self._market.people.operated("trading").status()
        request = log.MoveClockRequest(request_id=f"bench-{next(self._numbers)}", to_ms=status.now_ms + 1)
        return request.SerializeToString()


async def insist(channel: grpc.aio.Channel, request: bytes) -> None:
    """Gives a command until it is answered."""
    move: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(MOVE_CLOCK)
    while True:
        try:
            answer = await move(request, metadata=(("carbonmarket-actor", EXCHANGE_OPERATOR),), timeout=ANSWER_S_MAX)
        except grpc.aio.AioRpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise
            await asyncio.sleep(AGAIN_S)
        else:
            assert log.MoveClockResponse.FromString(answer).position
            return


@asynccontextmanager
async def open_row(place: Place) -> AsyncIterator[Round]:
    async with market_on_logs(place, "long", long_of(place)) as market:
        trading = Trading(market)

        async def play() -> Pairs:
            return {
                "P6.start": Pair(await trading.start_s(), START_S_MAX),
                "P6.takeover": Pair(await trading.takeover_s(), TAKEOVER_S_MAX),
            }

        try:
            yield play
        finally:
            await trading.second.kill()


ROW = Row(
    name="P6",
    figures=(
        Figure(
            name="P6.start",
            what="start-up from snapshot and tail, a million events",
            unit="s",
            floor="the goal",
            against=Against.BOUND,
            goal=Goal(1),
        ),
        Figure(
            name="P6.takeover",
            what="standby takes over, to the first command answered",
            unit="s",
            floor="the goal",
            against=Against.BOUND,
            goal=Goal(1),
        ),
    ),
    rounds=3,
    seconds_max=500,
    open=open_row,
)

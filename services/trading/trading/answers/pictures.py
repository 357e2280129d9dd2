"""Market data: the picture of an instrument is made once for all who watch it, and sent to each as the same bytes.

While somebody watches an instrument, one task looks at it: after a commit, but no more often than every
PICTURE_SECONDS_MIN, so that what changes faster is left out. An instrument that nobody watches costs nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.core.call import Overloaded
from chassis.log.writer import Read, Writer
from trading.answers import live
from trading.domain.instruments import known_instrument
from trading.domain.state import Market

STREAMS_MAX = 500
STREAMS_OF_AN_ACTOR_MAX = 10
PICTURE_SECONDS_MIN = 0.2
QUIET_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What an instrument looks like: `shown` is the answer without its position, `sent` with it."""

    position: int
    shown: pb.StreamMarketDataResponse
    sent: bytes


Seen = Read[pb.StreamMarketDataResponse]


class Pictures:
    def __init__(self, writer: Writer[Market]) -> None:
        self._writer = writer
        self._newest: dict[str, Picture] = {}
        self._looked: dict[str, int] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self.streams: dict[str, int] = {}

    async def watch(self, instrument: str, actor: str, seen: Seen) -> AsyncIterator[bytes]:
        """What was seen at once, and the newest picture again and again when it has changed."""
        self.streams[actor] = self.streams.get(actor, 0) + 1
        try:
            self._note(instrument, seen)
            # Not further, where others wait already: they are woken by the next look, which must not be put off.
            self._looked.setdefault(instrument, seen.position)
            while True:
                shown = self._newest[instrument]
                yield shown.sent
                while self._newest[instrument] is shown:
                    await self._looked_again(instrument)
        finally:
            left = self.streams.pop(actor) - 1
            if left:
                self.streams[actor] = left

    def _note(self, instrument: str, seen: Seen) -> None:
        """What did not change is the same picture."""
        newest = self._newest.get(instrument)
        if newest is None or newest.shown != seen.value:
            self._newest[instrument] = Picture(seen.position, seen.value, sent(seen.value, seen.position))

    async def _looked_again(self, instrument: str) -> None:
        """Waits for the one task that looks for all who watch."""
        looking = self._looking.get(instrument)
        if looking is None or looking.done():
            looking = asyncio.create_task(self._look_later(instrument))
            self._looking[instrument] = looking
        # Who leaves must not end it for the others.
        await asyncio.wait({looking})
        looking.result()

    async def _look_later(self, instrument: str) -> None:
        await asyncio.sleep(PICTURE_SECONDS_MIN)
        await self._writer.tail.beyond(self._looked[instrument], QUIET_SECONDS_MAX)
        seen = await self._writer.read(lambda market: picture(market, instrument))
        self._note(instrument, seen)
        self._looked[instrument] = seen.position


def check_streams(streams: Mapping[str, int], actor: str) -> None:
    """Raises Overloaded where this actor, or all together, have as many as may be."""
    if streams.get(actor, 0) >= STREAMS_OF_AN_ACTOR_MAX:
        raise Overloaded("TOO_MANY_STREAMS_OF_ACTOR", actor=actor, streams_max=STREAMS_OF_AN_ACTOR_MAX)
    if sum(streams.values()) >= STREAMS_MAX:
        raise Overloaded("TOO_MANY_STREAMS", streams_max=STREAMS_MAX)


def picture(market: Market, instrument: str) -> pb.StreamMarketDataResponse:
    return pb.StreamMarketDataResponse(
        book=book(market, instrument),
        prices=live.day_prices(market.instruments[instrument].prices),
        day=market.calendar.open_day,
    )


def book(market: Market, instrument: str) -> pb.Book:
    return live.book(instrument, known_instrument(market, instrument).book, live.levels_shown(market))


def sent(shown: pb.StreamMarketDataResponse, position: int) -> bytes:
    answer = pb.StreamMarketDataResponse(position=position)
    answer.MergeFrom(shown)
    return answer.SerializeToString()

"""Market data: a picture of an instrument (book and prices) is encoded once and sent to all its streams.

While an instrument has streams, one task reads it: after a commit, but at most once every PICTURE_SECONDS_MIN, so
changes in between are skipped. An instrument without streams costs nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.core.call import Overloaded
from chassis.log.writer import Read, Writer
from chassis.serving.shared_work import SharedWork
from trading.answers import live
from trading.domain.instruments import known_instrument
from trading.domain.state import Market

STREAMS_MAX = 500
STREAMS_OF_AN_ACTOR_MAX = 10
PICTURE_SECONDS_MIN = 0.2
QUIET_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Picture:
    """`shown` is the answer without its position, for comparing; `sent` is the encoded answer with its position."""

    position: int
    shown: pb.StreamMarketDataResponse
    sent: bytes


Seen = Read[pb.StreamMarketDataResponse]


class Pictures:
    """The newest picture of each instrument that was watched, and the streams of each actor."""

    def __init__(self, writer: Writer[Market]) -> None:
        self._writer = writer
        self._newest: dict[str, Picture] = {}
        self._read_at: dict[str, int] = {}
        self._reading = SharedWork[str, None]()
        self.streams: dict[str, int] = {}

    async def watch(self, instrument: str, seen: Seen) -> AsyncIterator[bytes]:
        """Yield the picture that was just read, then the newest one each time it has changed."""
        self._note(instrument, seen)
        # Never raised here: the streams that wait already get the next read, and it must not be delayed.
        self._read_at.setdefault(instrument, seen.position)
        while True:
            shown = self._newest[instrument]
            yield shown.sent
            while self._newest[instrument] is shown:
                # One task reads for all streams of the instrument.
                await self._reading.result(instrument, lambda: self._read_later(instrument))

    def _note(self, instrument: str, seen: Seen) -> None:
        """Keep the picture if only the position changed, since streams wait for another object."""
        newest = self._newest.get(instrument)
        if newest is None or newest.shown != seen.value:
            self._newest[instrument] = Picture(seen.position, seen.value, sent(seen.value, seen.position))

    async def _read_later(self, instrument: str) -> None:
        await asyncio.sleep(PICTURE_SECONDS_MIN)
        await self._writer.tail.beyond(self._read_at[instrument], QUIET_SECONDS_MAX)
        seen = await self._writer.read(lambda market: picture(market, instrument))
        self._note(instrument, seen)
        self._read_at[instrument] = seen.position


def check_streams(streams: Mapping[str, int], actor: str) -> None:
    """Raises Overloaded if this actor, or all together, have the most streams allowed."""
    if streams.get(actor, 0) >= STREAMS_OF_AN_ACTOR_MAX:
        raise Overloaded("TOO_MANY_STREAMS_OF_ACTOR", actor=actor, streams_max=STREAMS_OF_AN_ACTOR_MAX)
    if sum(streams.values()) >= STREAMS_MAX:
        raise Overloaded("TOO_MANY_STREAMS", streams_max=STREAMS_MAX)


@contextmanager
def stream_of(streams: dict[str, int], actor: str) -> Iterator[None]:
    """Count one stream of an actor until its end. Raises Overloaded.

    Nothing is awaited between the check and the count, so that of many who ask at once no more pass than may.
    """
    check_streams(streams, actor)
    streams[actor] = streams.get(actor, 0) + 1
    try:
        yield
    finally:
        left = streams.pop(actor) - 1
        if left:
            streams[actor] = left


def picture(market: Market, instrument: str) -> pb.StreamMarketDataResponse:
    return pb.StreamMarketDataResponse(
        book=book(market, instrument),
        prices=live.day_prices(market.instruments[instrument].prices),
        day=market.calendar.open_day,
    )


def book(market: Market, instrument: str) -> pb.Book:
    """Return the public levels of an instrument's book. Raises NotFound (`INSTRUMENT_UNKNOWN`)."""
    return live.book(instrument, known_instrument(market, instrument).book, live.levels_shown(market))


def sent(shown: pb.StreamMarketDataResponse, position: int) -> bytes:
    answer = pb.StreamMarketDataResponse(position=position)
    answer.MergeFrom(shown)
    return answer.SerializeToString()

"""Market data: one look at an instrument serves all who watch it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.core.call import Overloaded
from chassis.log.progress import Progress
from chassis.log.writer import Read
from support.domains.trading_floor import POWER, Floor, open_floor
from support.shell.asking import call_of
from trading.answers import pictures as module
from trading.answers.pictures import STREAMS_MAX, STREAMS_OF_AN_ACTOR_MAX, Pictures, check_streams, picture, stream_of
from trading.domain.listed import PlaceOrder
from trading.domain.state import Market
from trading.domain.values import Side
from trading.queries import TradingQueryService

CEA = "CEA"
AUDITOR = "auditor:aud"


class CountingWriter:
    """Looks at the market of a floor, and counts how often."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.tail = Progress()
        self.looks = 0

    async def read(self, look: Callable[[Market], Any]) -> Read[Any]:
        self.looks += 1
        await asyncio.sleep(0)
        return Read(look(self.floor.market), self.tail.position, {})

    def sell(self, price_fen: int = 4_800) -> None:
        self.floor.play(POWER, PlaceOrder("power", CEA, Side.SELL, price_fen, 1))
        self.tail.reach(self.tail.position + 1)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[CountingWriter, Pictures]:
    monkeypatch.setattr(module, "PICTURE_SECONDS_MIN", 0.02)
    writer: Any = CountingWriter(open_floor())
    return writer, Pictures(writer)


async def stream(writer: CountingWriter, pictures: Pictures, actor: str = AUDITOR) -> AsyncGenerator[bytes, None]:
    with stream_of(pictures.streams, actor):
        seen = await writer.read(lambda market: picture(market, CEA))
        async for sent in pictures.watch(CEA, seen):
            yield sent


def listed(sent: bytes) -> int:
    answer = pb.StreamMarketDataResponse.FromString(sent)
    return sum(len(level.listings) for level in answer.book.asks)


async def test_many_streams_show_the_same_bytes_of_one_look(watched: tuple[CountingWriter, Pictures]) -> None:
    writer, pictures = watched
    streams = [stream(writer, pictures, f"auditor:{number}") for number in range(100)]
    assert [listed(sent) for sent in await asyncio.gather(*(anext(one) for one in streams))] == [0] * 100
    looks = writer.looks
    for count in (1, 2, 3):
        following = [asyncio.ensure_future(anext(one)) for one in streams]
        await asyncio.sleep(0)
        writer.sell()
        sent = await asyncio.wait_for(asyncio.gather(*following), 5)
        assert [listed(one) for one in sent] == [count] * 100
        assert len({id(one) for one in sent}) == 1
    assert writer.looks == looks + 3
    await asyncio.gather(*(one.aclose() for one in streams))
    assert pictures.streams == {}


async def test_what_changes_faster_than_pictures_are_made_is_shown_as_it_is_last(
    watched: tuple[CountingWriter, Pictures],
) -> None:
    writer, pictures = watched
    async with aclosing(stream(writer, pictures)) as one:
        await anext(one)
        looks = writer.looks
        for _ in range(50):
            writer.sell()
        assert listed(await asyncio.wait_for(anext(one), 5)) == 50
        assert writer.looks == looks + 1


async def test_a_commit_that_changes_nothing_shown_sends_nothing(watched: tuple[CountingWriter, Pictures]) -> None:
    writer, pictures = watched
    async with aclosing(stream(writer, pictures)) as one:
        await anext(one)
        following = asyncio.ensure_future(anext(one))
        for _ in range(3):
            writer.tail.reach(writer.tail.position + 1)
            await asyncio.sleep(0.05)
        assert not following.done()
        writer.sell()
        assert listed(await asyncio.wait_for(following, 30)) == 1


async def test_who_joins_late_sees_what_is_and_who_leaves_ends_nothing_for_the_others(
    watched: tuple[CountingWriter, Pictures],
) -> None:
    writer, pictures = watched
    async with aclosing(stream(writer, pictures)) as first:
        await anext(first)
        leaving = asyncio.ensure_future(anext(first))
        await asyncio.sleep(0)
        async with aclosing(stream(writer, pictures, "auditor:late")) as late:
            writer.sell()
            assert listed(await anext(late)) == 1
            assert listed(await asyncio.wait_for(leaving, 30)) == 1
            leaving = asyncio.ensure_future(anext(first))
            staying = asyncio.ensure_future(anext(late))
            await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.wait({leaving})
            writer.sell()
            assert listed(await asyncio.wait_for(staying, 30)) == 2


def test_an_actor_has_so_many_streams_and_all_together_have_so_many() -> None:
    check_streams({"a": STREAMS_OF_AN_ACTOR_MAX - 1}, "a")
    with pytest.raises(Overloaded) as own:
        check_streams({"a": STREAMS_OF_AN_ACTOR_MAX}, "a")
    assert own.value.reason == "TOO_MANY_STREAMS_OF_ACTOR"
    with pytest.raises(Overloaded) as whole:
        check_streams(dict.fromkeys(map(str, range(STREAMS_MAX)), 1), "a")
    assert whole.value.reason == "TOO_MANY_STREAMS"


async def test_of_streams_that_are_asked_for_at_once_an_actor_gets_no_more_than_it_may_have(
    watched: tuple[CountingWriter, Pictures],
) -> None:
    writer: Any = watched[0]
    tables: Any = None
    queries: Any = TradingQueryService(tables, writer)
    asked = [queries.StreamMarketData(pb.StreamMarketDataRequest(instrument=CEA), call_of(AUDITOR)) for _ in range(100)]
    answers = await asyncio.gather(*(anext(one) for one in asked), return_exceptions=True)
    refusals = [answer.reason for answer in answers if isinstance(answer, Overloaded)]
    assert refusals == ["TOO_MANY_STREAMS_OF_ACTOR"] * (100 - STREAMS_OF_AN_ACTOR_MAX)
    assert queries.pictures.streams == {AUDITOR: STREAMS_OF_AN_ACTOR_MAX}
    await asyncio.gather(*(one.aclose() for one in asked))
    assert queries.pictures.streams == {}

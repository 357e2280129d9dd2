"""A trade into bytes and back. Floor: protobuf's own part. Peer: a loop over the names instead of compiled source."""

from dataclasses import fields
from operator import attrgetter

from bench.harness.report import show
from bench.micros import Micros, held_against, measure
from carbonmarket.trading.v1 import trading_events_pb2 as pb
from chassis.core.codec import codec_of
from trading.domain.trades import TradeExecuted
from trading.domain.values import Method

COUNT = 20_000
EVENT = TradeExecuted(
    6, "2021-07-16", "CEA", Method.BLOCK, 4_800, 10, 48_000, "p-1", "p-2", 3, 4, "p-2", "p-1", 5, 7, 2**50, 0
)
NAMES = [field.name for field in fields(TradeExecuted)]
values_of = attrgetter(*NAMES)


def looped(message: pb.TradeExecuted) -> TradeExecuted:
    by_name = dict(zip(NAMES, values_of(message), strict=True))
    return TradeExecuted(**by_name | {"method": Method(by_name["method"])})


async def run() -> None:
    codec = codec_of(TradeExecuted, pb.TradeExecuted)
    message = codec.encode(EVENT)
    data = message.SerializeToString(deterministic=True)
    assert looped(message) == EVENT == codec.decode(message)

    async def serialize() -> None:
        for _ in range(COUNT):
            message.SerializeToString(deterministic=True)

    async def encode() -> None:
        for _ in range(COUNT):
            codec.encode(EVENT).SerializeToString(deterministic=True)

    async def encode_in_a_loop() -> None:
        for _ in range(COUNT):
            pb.TradeExecuted(**dict(zip(NAMES, values_of(EVENT), strict=True))).SerializeToString(deterministic=True)

    async def parse() -> None:
        for _ in range(COUNT):
            pb.TradeExecuted.FromString(data)

    async def decode() -> None:
        for _ in range(COUNT):
            codec.decode(pb.TradeExecuted.FromString(data))

    async def decode_in_a_loop() -> None:
        for _ in range(COUNT):
            looped(pb.TradeExecuted.FromString(data))

    floor = await measure("a message into bytes", COUNT, serialize)
    rows: list[Micros] = [
        await measure("an event into bytes", COUNT, encode),
        await measure("peer: in a loop over its names", COUNT, encode_in_a_loop),
    ]
    show("Encoding", held_against(floor, "event", rows))
    floor = await measure("bytes into a message", COUNT, parse)
    rows = [
        await measure("bytes into an event", COUNT, decode),
        await measure("peer: in a loop over its names", COUNT, decode_in_a_loop),
    ]
    show("Decoding", held_against(floor, "event", rows))

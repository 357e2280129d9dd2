"""One suite for the broker: what Kafka (the run's) and its twin of the simulation both keep. They guarantee little."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from chassis.core.record import Head, Record, chain, genesis
from chassis.edges.broker import RecordConsumer, RecordProducer
from chassis.edges.protocols import BrokerAway, Consumer, Producer
from support.processes.kafka import Kafka
from support.simulation.broker import Broker
from support.simulation.weather import Chance, Weather

LATER_S = 30.0
SOON_S = 0.2
NOBODY = "127.0.0.1:1"


@dataclass
class Made:
    """Producers and consumers of one broker, by the log; and a producer of a broker that is away."""

    producer: Callable[[str], Producer]
    consumer: Callable[[str], Consumer]
    away: Producer


@dataclass
class Consuming:
    """Keeps support.simulation.broker.ConsumingProcess."""

    alive: bool = True


@pytest_asyncio.fixture(params=["simulated", "kafka"])
async def broker(request: pytest.FixtureRequest, kafka: Kafka) -> AsyncIterator[Made]:
    if request.param == "simulated":
        one, other = (Broker(Chance(0, Weather(slow=0))) for _ in range(2))
        other.away = True
        yield Made(
            lambda log_id: one.producer(log_id, "test"),
            lambda log_id: one.consumer(log_id, Consuming()),
            other.producer("tally", "test"),
        )
        return
    async with AsyncExitStack() as stack:

        def producer(log_id: str, address: str = kafka.address) -> RecordProducer:
            made = RecordProducer(address, log_id)
            stack.push_async_callback(made.close)
            return made

        yield Made(producer, lambda log_id: RecordConsumer(kafka.address, log_id), producer("tally", NOBODY))


def records(count: int, log_id: str = "tally") -> list[Record]:
    """Every field is filled."""
    made: list[Record] = []
    head = genesis(log_id)
    for number in range(1, count + 1):
        bare = Record(head.position + 1, "tally.Added", b"\x00\x08\xff", 1_000 + number, "ada", "participant", "power")
        bare = replace(bare, approval="tally/1", request_id=f"r {number}", traceparent="00-a-b-01")
        bare = replace(
            bare, source_log_id="other", source_position=number, command_digest=b"\x01\xfe", command_events=2
        )
        made.append(replace(bare, digest=chain(head.digest, bare), seal="key:signature"))
        head = Head(made[-1].position, made[-1].digest)
    return made


@asynccontextmanager
async def consuming(broker: Made, log_id: str = "tally") -> AsyncIterator[Consumer]:
    consumer = broker.consumer(log_id)
    running = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def begun(producer: Producer, consumer: Consumer, record: Record) -> None:
    """A consumer begins at the end, some time after it was started: the same record is sent until one arrives."""
    heard: list[Record] = []
    async with asyncio.timeout(LATER_S):
        while not heard:
            await producer.send([record])
            heard = await consumer.next_batch(SOON_S)
        assert set(heard) == {record}


async def arrived(consumer: Consumer, count: int, first: Record) -> list[Record]:
    """Without the record by which it began: that may come late, too."""
    heard: list[Record] = []
    async with asyncio.timeout(LATER_S):
        while len(heard) < count:
            heard += [record for record in await consumer.next_batch(SOON_S) if record != first]
    return heard


async def test_records_arrive_whole_and_in_order_at_every_consumer_of_their_log(broker: Made) -> None:
    made, producer = records(40), broker.producer("tally")
    async with consuming(broker) as first, consuming(broker) as second:
        for consumer in (first, second):
            await begun(producer, consumer, made[0])
        await producer.send(made[1:30])
        await producer.send(made[30:])
        for consumer in (first, second):
            heard = await arrived(consumer, 39, made[0])
            assert heard == made[1:]
            assert {record.seal for record in heard} == {"key:signature"}, "it is no part of the record"


async def test_what_is_sent_again_arrives_again(broker: Made) -> None:
    made, producer = records(3), broker.producer("tally")
    async with consuming(broker) as consumer:
        await begun(producer, consumer, made[0])
        for _ in range(2):
            await producer.send(made[1:])
        assert await arrived(consumer, 4, made[0]) == [*made[1:], *made[1:]]


async def test_a_consumer_hears_nothing_of_another_log_and_waits_no_longer_than_it_was_asked_to(broker: Made) -> None:
    made, others = records(2), records(2, "bakery")
    async with consuming(broker) as consumer, consuming(broker, "bakery") as of_bakery:
        await begun(broker.producer("bakery"), of_bakery, others[0])
        await broker.producer("bakery").send(others[1:])
        await begun(broker.producer("tally"), consumer, made[0])
        assert await arrived(of_bakery, 1, others[0]) == others[1:]
        async with asyncio.timeout(LATER_S):
            while await consumer.next_batch(SOON_S):
                pass


async def test_a_consumer_begins_at_the_end_of_what_was_sent(broker: Made) -> None:
    made, producer = records(5), broker.producer("tally")
    await producer.send(made[:4])
    async with consuming(broker) as consumer:
        await begun(producer, consumer, made[4])


async def test_a_broker_that_is_away_is_named_and_takes_nothing(broker: Made) -> None:
    with pytest.raises(BrokerAway):
        await broker.away.send(records(1))

"""Kafka as a postman: what is no record is passed over, and what comes after it still comes."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from aiokafka import AIOKafkaProducer

from chassis.core.record import Head, Record, chain, genesis
from chassis.edges.broker import RecordConsumer, RecordProducer, topic_of
from support.processes.kafka import Kafka


def records(count: int) -> list[Record]:
    made: list[Record] = []
    head = genesis("tally")
    for _ in range(count):
        bare = Record(head.position + 1, "tally.Added", b"\x08\x01", 1_000, "participant:ada")
        made.append(replace(bare, digest=chain(head.digest, bare)))
        head = Head(made[-1].position, made[-1].digest)
    return made


async def test_a_message_that_is_no_record_stops_no_record_after_it(kafka: Kafka) -> None:
    made = records(200)
    producer = RecordProducer(kafka.address, "tally")
    await producer.send(made[:1])
    consumer = RecordConsumer(kafka.address, "tally")
    hearing = asyncio.create_task(consumer.run())
    stranger = AIOKafkaProducer(bootstrap_servers=kafka.address)
    await stranger.start()
    heard: list[Record] = []
    try:
        # A consumer begins at the topic's end, some time after it was started: send until it hears.
        async with asyncio.timeout(60):
            while not heard:
                await producer.send(made[1:2])
                heard += await consumer.next_batch(0.2)
        for headers in (
            [],
            [("position", b"one")],
            [("position", b"\xff\xfe"), ("digest", b"\xff")],
            [("position", b"2"), ("digest", b"not base64")],
        ):
            await stranger.send_and_wait(topic_of("tally"), b"nonsense", partition=0, headers=headers)
        await producer.send(made[2:])
        async with asyncio.timeout(60):
            while made[-1] not in heard:
                heard += await consumer.next_batch(0.2)
        assert {record.position for record in heard} >= {2, 200}
        assert all(record in made for record in heard)
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        await stranger.stop()
        await producer.close()

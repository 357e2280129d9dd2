"""Records to the broker and back: batches from a bare producer, each acknowledged and then read by a bare consumer.

A message has the bytes that the publisher gives it, the record's event and its headers; they are made before the time
counts, and nobody checks what comes back.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.core.record import Record
from chassis.edges.broker import BATCH_BYTES_MAX, MESSAGE_BYTES_MAX, headers_of

TOPIC = TopicPartition("bench.bare", 0)
FETCH_MS_MAX = 1_000


@asynccontextmanager
async def bare_broker(address: str) -> AsyncIterator["BareBroker"]:
    """On a topic of its own."""
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", max_request_size=MESSAGE_BYTES_MAX, max_batch_size=BATCH_BYTES_MAX
    )
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="latest", enable_auto_commit=False)
    await producer.start()
    try:
        await consumer.start()
        consumer.assign([TOPIC])
        # The topic comes into being with the first message, and the consumer's place in it with the first fetch.
        await producer.send_and_wait(TOPIC.topic, b"first", partition=TOPIC.partition)
        await consumer.seek_to_end(TOPIC)
        await consumer.position(TOPIC)
        yield BareBroker(producer, consumer)
    finally:
        await consumer.stop()
        await producer.stop()


class BareBroker:
    """Passes records through, and counts the seconds that it takes."""

    def __init__(self, producer: Any, consumer: Any) -> None:
        self.seconds = 0.0
        self._producer = producer
        self._consumer = consumer

    async def pass_through(self, records: Sequence[Record]) -> None:
        made = [(record.data, headers_of(record)) for record in records]
        began_s = time.perf_counter()
        batch = self._producer.create_batch()
        count = 0
        for data, headers in made:
            while batch.append(key=None, value=data, timestamp=None, headers=headers) is None:
                await self._send(batch, count)
                batch, count = self._producer.create_batch(), 0
            count += 1
        await self._send(batch, count)
        self.seconds += time.perf_counter() - began_s

    async def _send(self, batch: Any, count: int) -> None:
        """Until the batch is acknowledged and has come back."""
        await (await self._producer.send_batch(batch, TOPIC.topic, partition=TOPIC.partition))
        while count > 0:
            for of_partition in (await self._consumer.getmany(timeout_ms=FETCH_MS_MAX)).values():
                count -= len(of_partition)

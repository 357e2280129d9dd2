"""Kafka, and the only module that knows FastStream and aiokafka.

Kafka only makes hearing faster: every record can be read from its log, so what Kafka loses, repeats, reorders or
forgets does no harm. Hence no consumer group, no committed offsets, one partition per log, and a start at the end of
the topic.

Set here once, against the libraries' defaults: nothing is acknowledged (there is no group), header values are text, a
batch is closed when aiokafka's buffer is full rather than failing, and what came is taken as soon as it came: no
handler of FastStream's is used, because its loop sleeps for 0.2 s whenever nothing came for 0.2 s.
"""

import asyncio
import base64
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, TopicPartition

from chassis.core.record import Record
from chassis.core.shapes import number_in
from chassis.edges.protocols import BrokerAway

PARTITION = 0
MESSAGE_BYTES_MAX = 1_000_000
BATCH_BYTES_MAX = 900_000
POLL_RECORDS_MAX = 1_000
POLL_SECONDS = 10.0
"""A poll without a record ends after so long; one with records at once."""
BATCHES_WAITING_MAX = 16
WAITING_BYTES_MAX = 32_000_000
SEND_SECONDS_MAX = 10
STOP_SECONDS_MAX = 5
WARN_SECONDS = 60.0
"""Between two warnings of messages that are no records: whoever writes them could otherwise fill the disk."""
RECONNECT_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

logger = logging.getLogger(__name__)


def topic_of(log_id: str) -> str:
    return f"carbonmarket.{log_id}.v1"


def headers_of(record: Record) -> list[tuple[str, bytes]]:
    """All but the event itself, as text."""
    fields = {
        "position": str(record.position),
        "type": record.type,
        "recorded_ms": str(record.recorded_ms),
        "subject": record.subject,
        "role": record.role,
        "account": record.account,
        "approval": record.approval,
        "request_id": record.request_id,
        "traceparent": record.traceparent,
        "source_log_id": record.source_log_id,
        "source_position": str(record.source_position),
        "digest": base64.b64encode(record.digest).decode(),
        "command_digest": base64.b64encode(record.command_digest).decode(),
        "command_events": str(record.command_events),
        "format": str(record.format),
    }
    if record.seal:
        fields["seal"] = record.seal
    return [(name, value.encode()) for name, value in fields.items()]


def record_of(data: bytes, headers: Sequence[tuple[str, bytes]]) -> Record:
    """Raises KeyError or ValueError on a message that is not a record."""
    fields = {name: value.decode() for name, value in headers}
    return Record(
        position=number_in(fields["position"]),
        type=fields["type"],
        data=data,
        recorded_ms=number_in(fields["recorded_ms"]),
        subject=fields["subject"],
        role=fields["role"],
        account=fields["account"],
        approval=fields["approval"],
        request_id=fields["request_id"],
        traceparent=fields["traceparent"],
        source_log_id=fields["source_log_id"],
        source_position=number_in(fields["source_position"]),
        digest=base64.b64decode(fields["digest"]),
        command_digest=base64.b64decode(fields["command_digest"]),
        command_events=number_in(fields["command_events"]),
        format=number_in(fields["format"]),
        seal=fields.get("seal", ""),
    )


class RecordProducer:
    """Keeps chassis.edges.protocols.Producer."""

    def __init__(self, bootstrap: str, log_id: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic_of(log_id)
        self._producer: AIOKafkaProducer | None = None

    async def send(self, records: Sequence[Record]) -> None:
        """Raises BrokerAway; the same records may be sent again."""
        try:
            producer = await self._connected()
            batch = producer.create_batch()
            for record in records:
                if self._add(batch, record) is None:
                    await (await producer.send_batch(batch, self._topic, partition=PARTITION))
                    batch = producer.create_batch()
                    assert self._add(batch, record) is not None, f"record {record.position} is larger than a batch"
            await (await producer.send_batch(batch, self._topic, partition=PARTITION))
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise BrokerAway(str(error) or type(error).__name__) from error

    @staticmethod
    def _add(batch: object, record: Record) -> object | None:
        # aiokafka answers None where the record does not fit any more.
        added: object | None = batch.append(key=None, value=record.data, timestamp=None, headers=headers_of(record))  # type: ignore[attr-defined]  # aiokafka has no types
        return added

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                max_request_size=MESSAGE_BYTES_MAX,
                max_batch_size=BATCH_BYTES_MAX,
                request_timeout_ms=SEND_SECONDS_MAX * 1_000,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), STOP_SECONDS_MAX)
            except (KafkaError, OSError, TimeoutError):
                logger.debug("the producer did not stop cleanly")


class RecordConsumer:
    """Keeps chassis.edges.protocols.Consumer."""

    def __init__(self, bootstrap: str, log_id: str) -> None:
        self._bootstrap = bootstrap
        self._log_id = log_id
        self._batches: asyncio.Queue[list[Record]] = asyncio.Queue(BATCHES_WAITING_MAX)
        self._bytes_waiting = 0
        self._taken = asyncio.Event()
        self.unreadable = 0
        self._unreadable_unsaid = 0
        self._warn_at = 0.0

    async def run(self) -> None:
        """Connects, and again whenever the broker comes back. Runs until cancelled."""
        attempt = 0
        while True:
            broker = KafkaBroker(self._bootstrap, logger=None)
            topic = TopicPartition(topic_of(self._log_id), PARTITION)
            subscriber = broker.subscriber(partitions=[topic], auto_offset_reset="latest", ack_policy=AckPolicy.MANUAL)
            try:
                await broker.start()
                assert subscriber.consumer is not None, "it is started"
                logger.info("hears %s on Kafka", self._log_id, extra={"source": self._log_id})
                while True:
                    await self._take_next(subscriber.consumer)
                    attempt = 0
            except (KafkaError, OSError, TimeoutError) as error:
                if attempt == 0:
                    logger.warning(
                        "Kafka is away, %s is read from its log: %s",
                        self._log_id,
                        error,
                        extra={"source": self._log_id},
                    )
                await asyncio.sleep(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])
                attempt += 1
            finally:
                await broker.stop()

    async def next_batch(self, seconds: float) -> list[Record]:
        """The next records that came, or none after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                batch = await self._batches.get()
        except TimeoutError:
            return []
        self._bytes_waiting -= bytes_of(batch)
        self._taken.set()
        return batch

    async def _take_next(self, consumer: AIOKafkaConsumer) -> None:
        came = await consumer.getmany(timeout_ms=int(POLL_SECONDS * 1_000), max_records=POLL_RECORDS_MAX)
        for messages in came.values():
            await self._take([(one.value or b"", one.headers) for one in messages])

    async def _take(self, messages: Sequence[tuple[bytes, Sequence[tuple[str, bytes]]]]) -> None:
        records = []
        unreadable: list[Exception] = []
        for data, headers in messages:
            try:
                records.append(record_of(data, headers))
            except (KeyError, ValueError) as error:
                unreadable.append(error)
        if unreadable:
            # The log itself is read for whatever is missing.
            self.unreadable += len(unreadable)
            self._unreadable_unsaid += len(unreadable)
            self._warn_of_unreadable(unreadable[0])
        size = bytes_of(records)
        # Alone a batch may have any size: it is in memory already.
        while self._bytes_waiting and self._bytes_waiting + size > WAITING_BYTES_MAX:
            self._taken.clear()
            await self._taken.wait()
        self._bytes_waiting += size
        await self._batches.put(records)

    def _warn_of_unreadable(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._warn_at:
            return
        self._warn_at = now + WARN_SECONDS
        logger.warning(
            "%d messages on %s are no records, the last batch's first because of %r: "
            "somebody besides the service writes to it",
            self._unreadable_unsaid,
            topic_of(self._log_id),
            error,
            extra={"source": self._log_id},
        )
        self._unreadable_unsaid = 0


def bytes_of(records: Sequence[Record]) -> int:
    return sum(len(record.data) for record in records)

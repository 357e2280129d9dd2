"""What Kafka brought and nobody heard yet is bounded, by batches and by bytes."""

import asyncio

import pytest

from chassis.core.record import Record
from chassis.edges import broker
from chassis.edges.broker import RecordConsumer, headers_of

Message = tuple[bytes, list[tuple[str, bytes]]]


def message(position: int, size: int) -> Message:
    data = bytes(size)
    return data, headers_of(Record(position=position, type="t", data=data, recorded_ms=1, subject="ann", role="r"))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_batch_waits_until_what_came_before_leaves_room_for_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "WAITING_BYTES_MAX", 100)
    consumer = RecordConsumer("127.0.0.1:1", "tally")
    await consumer._take([message(1, 60)])
    coming = asyncio.create_task(consumer._take([message(2, 60)]))
    await settle()
    assert not coming.done()
    assert [one.position for one in await consumer.next_batch(1.0)] == [1]
    await coming
    assert [one.position for one in await consumer.next_batch(1.0)] == [2]
    await consumer._take([message(3, 1_000)])
    assert [one.position for one in await consumer.next_batch(1.0)] == [3], "alone a batch may have any size"
    assert await consumer.next_batch(0.0) == []


async def test_messages_that_are_no_records_are_all_counted_and_rarely_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = RecordConsumer("127.0.0.1:1", "tally")
    for _ in range(5):
        await consumer._take([(b"x", [])])
        await consumer.next_batch(1.0)
    assert consumer.unreadable == 5
    assert [record.getMessage().partition(" on ")[0] for record in caplog.records] == ["1 messages"]
    monkeypatch.setattr(consumer, "_warn_at", 0.0)
    await consumer._take([(b"x", [])])
    assert [record.getMessage().partition(" on ")[0] for record in caplog.records] == ["1 messages", "5 messages"]

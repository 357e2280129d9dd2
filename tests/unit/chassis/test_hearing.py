"""Hearing: whatever Kafka loses, repeats, reorders, forges or forgets, each record is taken in once and in order."""

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.record import Head, Record, Sequel, genesis, sequel
from chassis.edges.remote import LogRead
from chassis.log.memory_log import MemoryStore
from support.shell.hearing import SOURCE, FakeRemote, hearing, sealed, source_records, until_halted, until_heard


@given(st.lists(st.integers(1, 12), max_size=30), st.integers(0, 8))
def test_what_is_processed_is_the_next_record_each_time_and_nothing_else(arrived: list[int], heard: int) -> None:
    made = source_records(12)
    head = Head(heard, made[heard - 1].digest) if heard else genesis(SOURCE)
    found = sequel(head, [made[position - 1] for position in arrived])
    assert [record.position for record in found.ready] == list(range(heard + 1, heard + 1 + len(found.ready)))
    assert found.missing == any(position > heard + len(found.ready) for position in arrived)
    assert found.stranger is None


def test_what_stands_next_but_does_not_chain_is_told_from_what_is_missing() -> None:
    made, other = source_records(5), source_records(5, amount=2)
    head = Head(2, made[1].digest)
    assert sequel(head, [made[2], other[3], made[4]]) == Sequel([made[2]], stranger=other[3])
    assert sequel(head, [made[2], made[4]]) == Sequel([made[2]], missing=True)


@pytest.mark.parametrize("seed", range(5))
async def test_lost_repeated_and_reordered_messages_do_no_harm(seed: int) -> None:
    chance = random.Random(seed)
    remote = FakeRemote()
    records = source_records(60)
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        for start in range(0, 60, 10):
            remote.records = records[: start + 10]
            arriving = [record for record in records[start : start + 10] if chance.random() < 0.7]
            arriving += [chance.choice(records[: start + 10]) for _ in range(3)]
            chance.shuffle(arriving)
            await consumer.batches.put(arriving)
        await until_heard(ear, 60)
        assert (await writer.read(lambda state: state.total)).value == 60


async def test_a_lost_last_message_is_read_after_a_short_silence() -> None:
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        await asyncio.sleep(0.05)
        remote.records = source_records(3)
        await until_heard(ear, 3)
        assert (await writer.read(lambda state: state.total)).value == 3


async def test_when_kafka_brings_only_what_was_heard_before_the_log_is_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remote = FakeRemote()
    remote.records = source_records(3)
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await until_heard(ear, 3)
        # No silence any more, so that nothing else makes it look at the log.
        monkeypatch.setattr(consumer, "next_batch", lambda seconds: consumer.batches.get())
        monkeypatch.setattr("chassis.followers.hearing.SILENCE_SECONDS", 1_000.0)
        await asyncio.sleep(0.05)
        remote.records = source_records(9)
        await consumer.batches.put(remote.records[:2])
        await until_heard(ear, 9)
        assert (await writer.read(lambda state: state.total)).value == 9


async def test_after_a_restart_hearing_goes_on_where_it_stood() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    remote.records = source_records(9)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 9)
        assert (await writer.read(lambda state: state.total)).value == 9


async def test_records_that_cause_nothing_are_stored_as_heard_with_the_next_append() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(5, amount=0)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 5)
        assert store.heard == {}
        seen = await writer.read(lambda state: state.total)
        assert (seen.value, seen.heard) == (0, {SOURCE: 5})
    assert store.records == []
    assert store.heard[SOURCE].position == 5


async def test_records_that_cause_nothing_are_heard_with_the_one_after_them_that_does() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    for amount in (0, 0, 3, 0, 4, 0):
        head = Head(remote.records[-1].position, remote.records[-1].digest) if remote.records else None
        remote.records += source_records(1, head, amount)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 6)
        assert (await writer.read(lambda state: state.total)).value == 7
    assert [record.source_position for record in store.records] == [3, 5]
    assert store.heard[SOURCE].position == 6


@pytest.mark.parametrize(
    "forgery", [{"data": b"\x08\x63"}, {"digest": b"?" * 32}, {"source_position": -1}, {"recorded_ms": 2**70}]
)
async def test_a_forged_message_on_kafka_is_neither_believed_nor_does_it_stop_anything(
    forgery: dict[str, object],
) -> None:
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await asyncio.sleep(0.05)
        genuine = source_records(2)
        remote.records = genuine
        forged = replace(genuine[0], **forgery)  # type: ignore[arg-type]  # the test's own fields
        await consumer.batches.put([forged, genuine[1]])
        await until_heard(ear, 2)
        assert not ear.halted_because
        assert (await writer.read(lambda state: state.total)).value == 2


async def test_a_forgery_that_chains_is_not_believed_and_the_source_is_heard_as_it_is() -> None:
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await asyncio.sleep(0.05)
        remote.away = True
        await consumer.batches.put(source_records(2, amount=900))
        await asyncio.sleep(0.05)
        assert ear.upto.position == 0
        remote.away = False
        remote.records = source_records(2)
        await until_heard(ear, 2)
        assert not ear.halted_because
        assert (await writer.read(lambda state: state.total)).value == 2


async def test_a_source_that_refuses_to_be_read_is_asked_again() -> None:
    remote = FakeRemote()
    remote.refuses = True
    async with hearing(MemoryStore("tally"), remote) as (ear, _, _):
        await asyncio.sleep(0.05)
        assert not ear.halted_because
        remote.refuses = False
        remote.records = source_records(2)
        await until_heard(ear, 2)
        assert ear.upto.position == 2


async def test_while_the_source_is_away_what_it_sealed_is_heard() -> None:
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await asyncio.sleep(0.05)
        remote.away = True
        await consumer.batches.put(await sealed(source_records(3)))
        await until_heard(ear, 3)
        assert (await writer.read(lambda state: state.total)).value == 3


async def test_a_source_that_takes_calls_and_does_not_answer_delays_nothing_that_it_sealed() -> None:
    remote = FakeRemote()
    records = source_records(4)
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await asyncio.sleep(0.05)
        remote.hangs = True
        remote.records = records
        # The first batch lacks its seal, so the log is read, and no answer comes.
        await consumer.batches.put(records[:1])
        await asyncio.sleep(0.05)
        assert ear.upto.position == 0
        for end in (2, 3, 4):
            await consumer.batches.put(await sealed(records[:end]))
            await until_heard(ear, end)
        assert (await writer.read(lambda state: state.total)).value == 4


async def test_a_source_that_does_not_answer_at_the_start_delays_nothing_that_it_sealed() -> None:
    remote = FakeRemote()
    remote.hangs = True
    remote.records = source_records(3)
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await consumer.batches.put(await sealed(remote.records))
        await until_heard(ear, 3)
        assert (await writer.read(lambda state: state.total)).value == 3


async def test_when_hearing_halts_the_poll_under_way_has_ended_before_anything_else_is_done() -> None:
    remote = FakeRemote()
    remote.records = source_records(2)
    polls = 0
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, _):
        await until_heard(ear, 2)
        next_batch = consumer.next_batch

        async def slow_to_end(seconds: float) -> list[Record]:
            nonlocal polls
            polls += 1
            try:
                return await next_batch(seconds)
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                polls -= 1

        consumer.next_batch = slow_to_end  # type: ignore[method-assign]  # the test's own consumer
        seen: list[int] = []
        note = ear._note

        async def noting(halted_because: str, position: int) -> None:
            seen.append(polls)
            await note(halted_because, position)

        ear._note = noting  # type: ignore[method-assign]  # to see what is under way then
        remote.records = source_records(3, amount=2)
        await until_halted(ear)
        assert seen == [0]


async def test_an_answer_that_is_older_than_what_kafka_brought_meanwhile_is_no_fork() -> None:
    remote = FakeRemote()
    remote.records = source_records(2)
    answer, asked = asyncio.Event(), asyncio.Event()
    read_log = remote.read_log

    async def read_slowly(after_position: int, records_max: int) -> LogRead:
        found = await read_log(after_position, records_max)
        asked.set()
        await answer.wait()
        return found

    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, _):
        await until_heard(ear, 2)
        remote.read_log = read_slowly  # type: ignore[method-assign]  # the test's own source
        async with asyncio.timeout(30):
            await asked.wait()
        remote.records = source_records(5)
        await consumer.batches.put(await sealed(remote.records))
        await until_heard(ear, 5)
        answer.set()
        await asyncio.sleep(0.1)
        assert (ear.upto.position, ear.halted_because) == (5, "")

"""Hearing: whatever Kafka loses, repeats, reorders or forgets, each record is taken in once and in order."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import cast

import grpc
import pytest
from google.protobuf import wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket.log.v1 import log_events_pb2
from chassis.broker import RecordConsumer
from chassis.call import Call, NotYet, Refused
from chassis.corrections import HearingResumed, ResumeHearing
from chassis.decider import Rejected
from chassis.engine import Engine
from chassis.hearing import Heard, Hearing, next_in_order
from chassis.memory_log import MemoryLog, MemoryStore
from chassis.record import Head, Record, chain, genesis
from chassis.remote import Remote
from chassis.telemetry import JsonLines, Metrics
from chassis.tracing import Tracing
from chassis.writer import Writer
from support import tally
from support.tally import Add, Tally

SOURCE = "google"
"""The source's name stands in its events' type names, as a service's does."""


class FakeConsumer:
    """What arrives on Kafka, as the test decides."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[list[Record]] = asyncio.Queue()

    async def next_batch(self, seconds: float) -> list[Record]:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                return await self.batches.get()
        return []


class FakeRemote:
    """The source's log; away when told."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False
        self.refuses = False

    async def read_log(self, after_position: int, records_max: int) -> tuple[Sequence[Record], int]:
        if self.away:
            raise NotYet("away")
        if self.refuses:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", {})
        return self.records[after_position : after_position + records_max], len(self.records)


def source_records(count: int, head: Head | None = None, amount: int = 1) -> list[Record]:
    head = head or genesis(SOURCE)
    records = []
    for _ in range(count):
        data = wrappers_pb2.Int64Value(value=amount).SerializeToString()
        bare = Record(head.position + 1, "google.protobuf.Int64Value", data, 1_000, "participant:ada")
        records.append(replace(bare, digest=chain(head.digest, bare)))
        head = Head(records[-1].position, records[-1].digest)
    return records


def on_value(event: wrappers_pb2.Int64Value, heard: Heard) -> Add | None:
    return Add(event.value) if event.value else None


@asynccontextmanager
async def hearing(store: MemoryStore, remote: FakeRemote) -> AsyncIterator[tuple[Hearing, FakeConsumer, Writer[Tally]]]:
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), sources=frozenset({SOURCE}))
    for record in await log.read(0, 1_000):
        engine.apply(record)
    engine.heard = {upto.log_id: upto for upto in await log.heard()}
    writer = Writer(engine, log, Metrics())
    consumer = FakeConsumer()
    ear = Hearing(
        SOURCE,
        {wrappers_pb2.Int64Value: on_value},
        writer,
        cast(Remote, remote),
        cast(RecordConsumer, consumer),
        Tracing(),
    )
    tasks = [asyncio.create_task(writer.run()), asyncio.create_task(ear.run())]
    yield ear, consumer, writer
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await log.close()


async def until_halted(ear: Hearing) -> None:
    async with asyncio.timeout(5):
        while not ear.halted_because:
            await asyncio.sleep(0.005)


async def until_heard(ear: Hearing, position: int) -> None:
    async with asyncio.timeout(5):
        while ear.upto.position < position and not ear.halted_because:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.03)


@given(st.lists(st.integers(1, 12), max_size=30), st.integers(0, 8))
def test_what_is_processed_is_the_next_record_each_time_and_nothing_else(arrived: list[int], heard: int) -> None:
    made = source_records(12)
    ready, gap = next_in_order(heard, [made[position - 1] for position in arrived])
    assert [record.position for record in ready] == list(range(heard + 1, heard + 1 + len(ready)))
    assert gap == any(position > heard + len(ready) for position in arrived)


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
        monkeypatch.setattr("chassis.hearing.SILENCE_SECONDS", 1_000.0)
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


async def test_records_that_cause_nothing_still_move_the_heard_position() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(5, amount=0)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 5)
    assert store.records == []
    assert store.heard[SOURCE].position == 5


async def test_a_source_that_forked_halts_hearing_and_both_digests_are_named() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    kept = store.heard[SOURCE].digest.hex()
    remote.records = source_records(6, amount=2)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 6)
        assert kept in ear.halted_because
        assert remote.records[3].digest.hex() in ear.halted_because
        assert (await writer.read(lambda state: state.total)).value == 4


async def test_a_halt_is_told_with_the_record_it_stopped_at_and_that_records_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    remote = FakeRemote()
    good, bad = source_records(2)
    remote.records = [
        good,
        replace(bad, type="carbonmarket.unknown.v1.Unheard", traceparent=f"00-{'b' * 32}-{1:016x}-01"),
    ]
    unchained = remote.records[1]
    remote.records[1] = replace(unchained, digest=chain(good.digest, unchained))
    async with hearing(MemoryStore("tally"), remote) as (ear, _, _):
        await until_heard(ear, 2)
    (line,) = [
        json.loads(JsonLines("tally").format(record)) for record in caplog.records if record.levelname == "CRITICAL"
    ]
    assert (line["source"], line["source_position"], line["traceparent"][3:5]) == (SOURCE, 2, "bb")


async def test_a_source_in_step_lags_by_no_record_and_one_that_is_halted_lags_by_all_that_is_left() -> None:
    remote = FakeRemote()
    remote.records = source_records(3)
    async with hearing(MemoryStore("tally"), remote) as (ear, _, _):
        await until_heard(ear, 3)
        assert ear.lag.records == 0
        in_step_at = ear.lag.in_step_at
        remote.records += [replace(record, position=record.position + 3) for record in source_records(4)]
        await until_halted(ear)
        assert ear.lag.records == 4
        halted_at = ear.lag.in_step_at
        await asyncio.sleep(0.1)
        assert in_step_at <= ear.lag.in_step_at == halted_at, (
            "and since when it lags stands still, however long it lasts"
        )


async def test_a_source_that_came_back_older_halts_hearing() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    remote.records = remote.records[:2]
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 9)
        assert "came back older" in ear.halted_because


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


async def test_what_comes_before_a_record_that_stops_the_reader_is_heard() -> None:
    remote = FakeRemote()
    good = source_records(3)
    bare = Record(4, "google.protobuf.Unheard", b"", 1_000, "participant:ada")
    remote.records = [*good, replace(bare, digest=chain(good[-1].digest, bare))]
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        await until_heard(ear, 4)
        assert "does not know" in ear.halted_because
        assert (await writer.read(lambda state: state.total)).value == 3


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


async def test_two_people_may_say_that_hearing_goes_on_just_where_it_stands() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    remote.records = source_records(4)[:2]
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 9)
        assert "came back older" in ear.halted_because
        remote.records = source_records(5)
        command = ResumeHearing(SOURCE, 4, source_records(4)[3].digest, "an old replica had answered")
        await writer.submit(command, "r1", Call("clearing_operator:ann"))
        await writer.submit(command, "r1", Call("clearing_operator:ben"))
        await until_goes_on(ear)
        await until_heard(ear, 5)
        assert ear.upto.position == 5


async def test_an_event_of_an_unknown_type_stops_the_reader() -> None:
    remote = FakeRemote()
    bare = Record(1, "google.protobuf.Unheard", b"", 1_000, "participant:ada")
    remote.records = [replace(bare, digest=chain(genesis(SOURCE).digest, bare))]
    async with hearing(MemoryStore("tally"), remote) as (ear, _, _):
        await until_heard(ear, 1)
        assert "does not know" in ear.halted_because
        assert ear.upto.position == 0


async def test_while_the_source_is_away_what_kafka_brings_is_heard() -> None:
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await asyncio.sleep(0.05)
        remote.away = True
        await consumer.batches.put(source_records(3))
        remote.away = False
        remote.records = source_records(3)
        await until_heard(ear, 3)
        assert (await writer.read(lambda state: state.total)).value == 3


async def test_a_halt_is_written_down_once_and_lasts_over_restarts_until_a_mended_release_gets_past_it() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    good = source_records(2)
    bare = Record(3, "google.protobuf.Unheard", b"", 1_000, "participant:ada")
    remote.records = [*good, replace(bare, digest=chain(good[-1].digest, bare))]
    for _ in range(2):
        async with hearing(store, remote) as (ear, _, writer):
            await until_halted(ear)
            await asyncio.sleep(0.03)
            read = await writer.read(lambda _: writer.context("participant:ada").halted)
            assert read.value == (SOURCE,)
    (halted,) = [record for record in store.records if record.type.endswith("HearingHalted")]
    assert "does not know" in log_events_pb2.HearingHalted.FromString(halted.data).why
    remote.records = [*good, *source_records(1, Head(2, good[-1].digest))]
    async with hearing(store, remote) as (ear, _, writer):
        await until_goes_on(ear)
        assert ear.upto.position == 3
    assert store.records[-1].type.endswith("HearingWentOn")


async def test_two_people_say_from_which_record_on_a_forked_source_is_heard_again() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    remote.records = source_records(6, amount=2)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 6)
        agreed = remote.records[3]
        command = ResumeHearing(SOURCE, agreed.position, agreed.digest, "the source was restored from its replica")
        ann, ben = Call("clearing_operator:ann"), Call("clearing_operator:ben")
        await writer.submit(command, "r1", ann)
        with pytest.raises(Rejected, match="SECOND_PERSON_REQUIRED"):
            await writer.submit(command, "r2", ann)
        assert ear.halted_because
        (await writer.submit(command, "r1", ben)).only(HearingResumed)
        await until_goes_on(ear)
        await until_heard(ear, 6)
        assert (await writer.read(lambda state: state.total)).value == 4 + 2 * 2
    assert store.heard[SOURCE].position == 6


async def until_goes_on(ear: Hearing) -> None:
    async with asyncio.timeout(5):
        while ear.halted_because:
            await asyncio.sleep(0.01)

"""Hearing that stops: a fork, a bug, a newer release; what is written of it, and how it goes on."""

import asyncio
import json
from dataclasses import replace

import pytest

from carbonmarket.log.v1 import log_events_pb2
from chassis.core import set_aside as set_aside_module
from chassis.core.asides import ASIDE_BYTES, bytes_of
from chassis.core.corrections import HearingResumed, ResumeHearing
from chassis.core.decider import Context, Decider, Rejected
from chassis.core.engine import StateUnusable
from chassis.core.record import Head, Record, chain, genesis
from chassis.core.set_aside import DropSetAside
from chassis.core.wire import DATA_BYTES_MAX
from chassis.followers import hearing as hearing_module
from chassis.followers.hearing import Hearing
from chassis.log.memory_log import MemoryStore
from chassis.log.writer import Writer
from chassis.say.telemetry import json_lines
from support.shell import tally
from support.shell.asking import acting, call_of
from support.shell.hearing import (
    SOURCE,
    FakeRemote,
    MemoryForks,
    hearing,
    source_records,
    until_goes_on,
    until_halted,
    until_heard,
)
from support.shell.two_people import approved, proposed


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
        json.loads(json_lines("tally").format(record)) for record in caplog.records if record.levelname == "CRITICAL"
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
            "and since when it lags does not change, however long it lasts"
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


async def test_a_source_that_forked_and_is_just_as_long_halts_hearing_at_the_next_look() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
        head = Head(3, remote.records[2].digest)
        remote.records = [*remote.records[:3], *source_records(1, head, amount=2)]
        await until_halted(ear)
        assert "has forked" in ear.halted_because


async def test_what_comes_before_a_record_that_stops_the_reader_is_heard() -> None:
    remote = FakeRemote()
    good = source_records(3)
    bare = Record(4, "google.protobuf.Unheard", b"", 1_000, "participant:ada")
    remote.records = [*good, replace(bare, digest=chain(good[-1].digest, bare))]
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        await until_heard(ear, 4)
        assert "does not know" in ear.halted_because
        assert (await writer.read(lambda state: state.total)).value == 3


async def test_a_record_that_is_larger_than_ours_may_be_halts_hearing_where_it_could_not_be_set_aside() -> None:
    """From a release that writes larger ones: what came before is heard, and nothing ends."""
    remote = FakeRemote()
    good = source_records(2)
    data = bytes(DATA_BYTES_MAX + 1)
    large = Record(3, good[0].type, data, 1_000, "participant:ada")
    remote.records = [*good, replace(large, digest=chain(good[-1].digest, large))]
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        await until_heard(ear, 3)
        assert f"has {DATA_BYTES_MAX + 1} bytes" in ear.halted_because
        assert (await writer.read(lambda state: state.total)).value == 2


async def test_where_no_more_can_be_set_aside_the_source_waits_until_people_have_dealt_with_some(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(set_aside_module, "ALL_SET_ASIDE_BYTES_MAX", 2 * ASIDE_BYTES)
    store, remote = MemoryStore("tally"), FakeRemote()
    # One of them fits in the tally, one among what is set aside.
    remote.records = source_records(3, amount=900)
    async with hearing(store, remote) as (ear, _, writer):
        await until_halted(ear)
        assert "no more can be set aside" in ear.halted_because and "TALLY_FULL" in ear.halted_because
        assert ear.upto.position == 2
        shell = writer.engine.shell
        (position,) = shell.set_aside
        assert shell.set_aside.bytes == bytes_of(shell.set_aside[position]) <= 2 * ASIDE_BYTES
        drop = DropSetAside(position, "entered twice, ticket 12")
        await approved(writer, await proposed(writer, drop, "clearing_operator:ann"), "clearing_operator:ben")
        await until_goes_on(ear)
        await until_heard(ear, 3)
        assert (list(shell.dropped), len(shell.set_aside)) == ([position], 1)
        assert shell.set_aside.bytes == sum(map(bytes_of, shell.set_aside.values()))
    assert "a decision failed" not in caplog.text, "nothing is wrong with the code"


async def test_room_that_is_made_while_the_halt_is_still_written_down_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(set_aside_module, "ALL_SET_ASIDE_BYTES_MAX", 2 * ASIDE_BYTES)
    remote, forks = FakeRemote(), MemoryForks()
    remote.records = source_records(3, amount=900)
    await forks.keep_heard_head(SOURCE, await remote.signed_head(1))
    remote.may_sign.clear()
    async with hearing(MemoryStore("tally"), remote, forks=forks) as (ear, _, writer):
        await until_halted(ear)
        (position,) = writer.engine.shell.set_aside
        drop = DropSetAside(position, "entered twice, ticket 12")
        await approved(writer, await proposed(writer, drop, "clearing_operator:ann"), "clearing_operator:ben")
        remote.may_sign.set()
        await until_goes_on(ear)
        assert ear.upto.position == 3


async def test_a_forked_source_is_not_tried_again_when_less_is_set_aside(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hearing_module, "RETRY_SECONDS", 0.01)
    remote = FakeRemote()
    remote.records = source_records(2, amount=900)
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        await until_heard(ear, 2)
        (position,) = writer.engine.shell.set_aside
        remote.records = source_records(3, amount=2)
        await until_halted(ear)
        drop = DropSetAside(position, "entered twice, ticket 12")
        await approved(writer, await proposed(writer, drop, "clearing_operator:ann"), "clearing_operator:ben")
        await asyncio.sleep(0.2)
    assert [record.levelname for record in caplog.records].count("CRITICAL") == 1
    assert "resumes at" not in caplog.text


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
        await approved(writer, await proposed(writer, command, "clearing_operator:ann"), "clearing_operator:ben")
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


async def test_a_halt_is_written_down_once_and_lasts_over_restarts_until_a_mended_release_gets_past_it() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    good = source_records(2)
    bare = Record(3, "google.protobuf.Unheard", b"", 1_000, "participant:ada")
    remote.records = [*good, replace(bare, digest=chain(good[-1].digest, bare))]
    for _ in range(2):
        async with hearing(store, remote) as (ear, _, writer):
            await until_halted(ear)
            await asyncio.sleep(0.03)
            read = await writer.read(lambda _: writer.context(acting("participant:ada")).halted)
            assert read.value == (SOURCE,)
    (halted,) = [record for record in store.records if record.type.endswith("HearingHalted")]
    assert "does not know" in log_events_pb2.HearingHalted.FromString(halted.data).halted_because
    remote.records = [*good, *source_records(1, Head(2, good[-1].digest))]
    async with hearing(store, remote) as (ear, _, writer):
        await until_goes_on(ear)
        assert ear.upto.position == 3
    assert store.records[-1].type.endswith("HearingRecovered")


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
        ann, ben = "clearing_operator:ann", "clearing_operator:ben"
        with pytest.raises(Rejected, match="APPROVAL_REQUIRED"):
            await writer.submit(command, call_of(ann, "alone"))
        number = await proposed(writer, command, ann)
        with pytest.raises(Rejected, match="SECOND_PERSON_REQUIRED"):
            await approved(writer, number, ann)
        assert ear.halted_because
        (await approved(writer, number, ben)).only(HearingResumed)
        await until_goes_on(ear)
        await until_heard(ear, 6)
        assert (await writer.read(lambda state: state.total)).value == 4 + 2 * 2
    assert store.heard[SOURCE].position == 6


async def test_hearing_goes_on_also_where_two_people_said_so_before_the_forked_source_signed_its_log() -> None:
    store, remote, forks = MemoryStore("tally"), FakeRemote(), MemoryForks()
    remote.records = source_records(4)
    await forks.keep_heard_head(SOURCE, await remote.signed_head(4))
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    remote.records = source_records(6, amount=2)
    remote.may_sign.clear()
    async with hearing(store, remote, forks=forks) as (ear, _, writer):
        await until_halted(ear)
        agreed = remote.records[3]
        command = ResumeHearing(SOURCE, agreed.position, agreed.digest, "the source was restored from its replica")
        await approved(writer, await proposed(writer, command, "clearing_operator:ann"), "clearing_operator:ben")
        remote.may_sign.set()
        await until_goes_on(ear)
        await until_heard(ear, 6)
        assert ear.upto.position == 6


async def test_what_was_taken_in_before_hearing_was_put_back_is_not_counted_twice_nor_after_a_restart() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    common = source_records(3)
    head = Head(3, common[-1].digest)
    remote.records = [*common, *source_records(2, head)]
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 5)
    # Restored as of its third record, it went on otherwise; the operators go back further than they must.
    remote.records = [*common, *source_records(3, head, amount=10)]
    async with hearing(store, remote) as (ear, _, writer):
        await until_halted(ear)
        command = ResumeHearing(SOURCE, 1, common[0].digest, "the last record that we know to be true")
        await approved(writer, await proposed(writer, command, "clearing_operator:ann"), "clearing_operator:ben")
        await until_goes_on(ear)
        await until_heard(ear, 6)
        assert (await writer.read(lambda state: state.total)).value == 5 + 3 * 10
    remote.records += source_records(1, Head(6, remote.records[-1].digest), amount=100)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 7)
        assert (await writer.read(lambda state: state.total)).value == 5 + 3 * 10 + 100


def ruinous() -> Decider[tally.Tally]:
    """A release that makes of 13 what the state cannot take."""
    sound = tally.decider()

    def add(state: tally.Tally, command: tally.Add, context: Context) -> list[object]:
        return [tally.Added(tally.TALLY_MAX + 1)] if command.amount == 13 else tally.add(state, command, context)

    return replace(sound, decide={**sound.decide, tally.Add: add})


async def test_a_heard_record_that_the_state_cannot_take_ends_the_process_once_and_halts_that_source_alone() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    first = source_records(2)
    remote.records = [*first, *source_records(1, Head(2, first[-1].digest), amount=13)]
    async with hearing(store, remote, ruinous(), "release 1") as (ear, _, writer):
        await until_halted_or_ended(ear, writer)
        assert not ear.halted_because
    assert [name for name, _ in store.culprits] == [f"{SOURCE}/3"]
    async with hearing(store, remote, ruinous(), "release 1") as (ear, _, writer):
        await asyncio.sleep(0.05)
        assert "it ended the process before" in ear.halted_because
        await writer.submit(tally.Add(5), call_of("participant:ada", "r1"))
        assert (await writer.read(lambda state: state.total)).value == 2 + 5
    async with hearing(store, remote, tally.decider(), "release 2, fixed") as (ear, _, writer):
        await until_goes_on(ear)
        assert (await writer.read(lambda state: state.total)).value == 2 + 5 + 13


async def until_halted_or_ended(ear: Hearing, writer: Writer[tally.Tally]) -> None:
    async with asyncio.timeout(30):
        while not ear.halted_because and writer._ended is None:
            await asyncio.sleep(0.005)


async def test_hearing_that_goes_well_is_not_resumed_and_never_beyond_what_was_heard() -> None:
    remote = FakeRemote()
    remote.records = source_records(4)
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        await until_heard(ear, 4)
        with pytest.raises(Rejected, match="HEARING_NOT_HALTED"):
            await proposed(writer, ResumeHearing(SOURCE, 2, b"d" * 32, "again"), "clearing_operator:ann")
        remote.records = source_records(6, amount=2)
        remote.records = remote.records[:2]
        await until_halted(ear)
        with pytest.raises(Rejected, match="POSITION_NOT_HEARD"):
            await proposed(writer, ResumeHearing(SOURCE, 5, b"d" * 32, "ahead"), "clearing_operator:ann", "ahead")


async def test_a_heard_table_that_fell_behind_the_log_ends_the_process_before_anything_counts_twice() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(4)
    async with hearing(store, remote) as (ear, _, _):
        await until_heard(ear, 4)
    store.heard.clear()
    with pytest.raises(StateUnusable, match="the log has heard 4 of it"):
        async with hearing(store, remote):
            pass

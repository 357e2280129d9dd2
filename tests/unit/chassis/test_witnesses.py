"""A log that came back older than others heard of it keeps away who could take the numbers of what is lost."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chassis.core.call import Call, KeptAway
from chassis.core.decider import Actor
from chassis.core.record import Head, HeardUpTo, Record
from chassis.edges.remote import LogRead
from chassis.followers.timers import Timers
from chassis.log import retry
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.protocol import Fenced
from chassis.log.writer import Writer
from chassis.serving.errors import failure_of
from support.shell.hearing import (
    SOURCE,
    FakeRemote,
    MemoryForks,
    hearing,
    sealed,
    source_records,
    until_halted,
    until_heard,
)
from support.shell.tally import Add, AddLater

HOLDER = Actor("ada", "participant", "ada")
BANK = Actor("bank-a", "settlement_bank", "bank-a")
PROVINCE = Actor("hubei", "province", "hubei")
OPERATOR = Actor("ann", "exchange_operator")
LOST = HeardUpTo("tally", 9, b"9" * 32)


async def ask(writer: Writer[Any], actor: Actor, request_id: str, *, given_again: bool = False) -> int:
    done = await writer.submit(Add(1), Call(actor, request_id, given_again=given_again))
    return done.position


async def is_kept_away(writer: Writer[Any], actor: Actor) -> bool:
    try:
        await ask(writer, actor, f"{actor} {writer.tail.position}")
    except KeptAway:
        return True
    return False


async def noted(writer: Writer[Any], said: HeardUpTo) -> None:
    async with asyncio.timeout(5):
        while writer.witnesses.knowing_more.get(SOURCE) != said:
            await asyncio.sleep(0.005)


async def kept(forks: MemoryForks, lost: dict[str, Head]) -> None:
    async with asyncio.timeout(30):
        while forks.lost != lost:
            await asyncio.sleep(0.005)


async def of_no_concern(writer: Writer[Any]) -> None:
    async with asyncio.timeout(5):
        while writer.witnesses.knowing_more:
            await asyncio.sleep(0.005)


async def test_who_acts_for_an_account_is_kept_away_while_another_service_heard_more_and_the_refusal_says_why() -> None:
    async with hearing(MemoryStore("tally"), FakeRemote()) as (_, _, writer):
        await ask(writer, HOLDER, "before")
        await writer.witnesses.note(SOURCE, LOST)
        for actor in (HOLDER, BANK, PROVINCE):
            with pytest.raises(KeptAway) as kept:
                await ask(writer, actor, "new")
        assert failure_of(kept.value).code.name == "UNAVAILABLE"
        assert (failure_of(kept.value).reason, failure_of(kept.value).facts) == (
            "LOG_CAME_BACK_OLDER",
            {"witness": SOURCE, "witness_position": "9", "end_position": "1"},
        )
        assert await ask(writer, OPERATOR, "an operator's") == 2
        assert await ask(writer, HOLDER, "lost", given_again=True) == 3
        assert await is_kept_away(writer, HOLDER), "what was given again lets nobody else in"


async def test_people_are_let_in_again_once_the_other_service_names_a_record_that_this_log_has() -> None:
    store = MemoryStore("tally")
    async with hearing(store, FakeRemote()) as (_, _, writer):
        for number in range(3):
            await ask(writer, HOLDER, f"r{number}")
        await writer.witnesses.note(SOURCE, HeardUpTo("tally", 2, b"2" * 32))
        assert await is_kept_away(writer, HOLDER), "another record was there"
        await writer.witnesses.note(SOURCE, None)
        assert await is_kept_away(writer, HOLDER), "to say nothing takes nothing back"
        await writer.witnesses.note(SOURCE, HeardUpTo("tally", 2, store.records[1].digest))
        assert not await is_kept_away(writer, HOLDER)
        await writer.witnesses.note(SOURCE, LOST)
        assert await is_kept_away(writer, HOLDER), "it heard lost records from Kafka meanwhile"
        await writer.witnesses.note(SOURCE, HeardUpTo("tally", 2, store.records[1].digest))
        assert not await is_kept_away(writer, HOLDER), "and hearing was resumed at the very record that it named before"


async def test_each_of_several_witnesses_has_to_agree() -> None:
    store = MemoryStore("tally")
    async with hearing(store, FakeRemote()) as (_, _, writer):
        await ask(writer, HOLDER, "r")
        for witness in ("registry", "clearing"):
            await writer.witnesses.note(witness, LOST)
        await writer.witnesses.note("registry", HeardUpTo("tally", 1, store.records[0].digest))
        assert await is_kept_away(writer, HOLDER)
        assert writer.witnesses.why("registry") == ""
        assert LOST.digest.hex() in writer.witnesses.why("clearing")


async def test_nothing_is_heard_until_what_is_lost_was_given_again_and_then_all_of_it_is() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.heard_of_us = LOST
    remote.records = source_records(3)
    async with hearing(store, remote) as (ear, consumer, writer):
        await noted(writer, LOST)
        await consumer.batches.put(await sealed(remote.records))
        await asyncio.sleep(0.2)
        assert (ear.upto.position, writer.tail.position) == (0, 0)
        assert await ask(writer, HOLDER, "lost", given_again=True) == 1, "it gets the number that it had"
        remote.heard_of_us = HeardUpTo("tally", 1, store.records[0].digest)
        await until_heard(ear, 3)
        assert (writer.tail.position, writer.witnesses.knowing_more) == (4, {})


async def test_a_service_that_forked_itself_is_asked_what_it_heard_while_it_is_not_heard() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(3)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 3)
        remote.records = source_records(3, amount=2)
        await until_halted(ear)
        remote.heard_of_us = LOST
        await noted(writer, LOST)
        assert ear.halted_because
        remote.heard_of_us = HeardUpTo("tally", 1, store.records[0].digest)
        await of_no_concern(writer)


async def test_a_fork_of_the_source_is_found_while_nothing_is_heard() -> None:
    """Else two logs that both came back older would wait for each other."""
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(3)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 3)
        remote.heard_of_us = LOST
        remote.records = source_records(2)
        await noted(writer, LOST)
        await until_halted(ear)


async def test_what_falls_due_is_done_while_people_are_kept_away() -> None:
    """It follows its cause at once: among what was lost it came before what people have to give again."""
    async with hearing(MemoryStore("tally"), FakeRemote()) as (_, _, writer):
        await writer.submit(AddLater(1_000), Call(OPERATOR, "later"))
        await writer.witnesses.note(SOURCE, LOST)
        await Timers(writer).run_overdue()
        assert (await writer.read(lambda state: (state.total, state.due))).value == (1, [])
        assert await is_kept_away(writer, HOLDER)


async def test_what_others_send_in_a_sources_name_is_counted_while_nothing_is_heard() -> None:
    remote = FakeRemote()
    remote.heard_of_us, remote.records = LOST, source_records(3)
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await noted(writer, LOST)
        await consumer.batches.put([replace(remote.records[2], position=10**12)])
        async with asyncio.timeout(30):
            while not ear.forged_records:
                await asyncio.sleep(0.005)
        assert (ear.forged_records, ear.upto.position, ear.lag.records) == (1, 0, 3)


async def test_a_record_that_does_not_chain_halts_hearing_also_while_nothing_is_heard() -> None:
    store, remote = MemoryStore("tally"), FakeRemote()
    remote.records = source_records(3)
    async with hearing(store, remote) as (ear, _, writer):
        await until_heard(ear, 3)
        remote.heard_of_us = LOST
        await noted(writer, LOST)
        remote.records = [*remote.records, source_records(4, amount=2)[3]]
        await until_halted(ear)
        assert "has forked" in ear.halted_because


async def test_what_others_heard_is_checked_again_until_the_database_answers_and_no_record_is_none_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "RETRY_SECONDS", 0.01)
    store = MemoryStore("tally")
    async with hearing(store, FakeRemote()) as (_, _, writer):
        for number in range(3):
            await ask(writer, HOLDER, f"r{number}")
    second = HeardUpTo("tally", 2, store.records[1].digest)
    # A new leader has no record in memory but its own.
    async with hearing(store, FakeRemote()) as (_, _, writer):
        await ask(writer, HOLDER, "its own")
        read, errors = writer.log.read, [OSError("the database is away")]

        async def away_once(after_position: int, records_max: int) -> list[Record]:
            if errors:
                raise errors.pop()
            return await read(after_position, records_max)

        monkeypatch.setattr(writer.log, "read", away_once)
        await writer.witnesses.note(SOURCE, second)
        assert not errors
        assert not await is_kept_away(writer, HOLDER)

        async def nothing(after_position: int, records_max: int) -> list[Record]:
            return []

        monkeypatch.setattr(writer.log, "read", nothing)
        await writer.witnesses.note("registry", second)
        assert await is_kept_away(writer, HOLDER)


async def test_a_source_that_hangs_keeps_a_new_leader_waiting_for_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.followers.hearing.WITNESS_SECONDS_MAX", 0.05)
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        remote.hangs = True
        async with asyncio.timeout(5):
            await ear.ask_witness()
        assert not await is_kept_away(writer, HOLDER)


async def test_a_source_that_is_just_starting_is_asked_again_before_anybody_is_let_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.followers.hearing.WITNESS_RETRY_SECONDS", 0.0)
    monkeypatch.setattr("chassis.followers.hearing.WITNESS_SECONDS_MAX", 30.0)
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, _, writer):
        read_log, asked_for = remote.read_log, 0

        async def starting(after_position: int, records_max: int) -> LogRead:
            nonlocal asked_for
            asked_for += 1
            remote.away, remote.heard_of_us = asked_for < 3, LOST
            return await read_log(after_position, records_max)

        monkeypatch.setattr(remote, "read_log", starting)
        await ear.ask_witness()
        assert await is_kept_away(writer, HOLDER)


async def test_what_a_source_heard_more_is_kept_over_a_restart_in_which_it_is_away() -> None:
    store, forks, remote = MemoryStore("tally"), MemoryForks(), FakeRemote()
    remote.heard_of_us = LOST
    async with hearing(store, remote, forks=forks) as (_, _, writer):
        await noted(writer, LOST)
        await kept(forks, {SOURCE: Head(LOST.position, LOST.digest)})
    remote.away = True
    async with hearing(store, remote, forks=forks) as (ear, _, writer):
        await ear.recall_witness()
        assert await is_kept_away(writer, HOLDER)
        assert await ask(writer, HOLDER, "lost", given_again=True) == 1
        remote.heard_of_us, remote.away = HeardUpTo("tally", 1, store.records[0].digest), False
        await of_no_concern(writer)
        await kept(forks, {})
    async with hearing(store, remote, forks=forks) as (ear, _, writer):
        remote.away = True
        await ear.recall_witness()
        assert not await is_kept_away(writer, HOLDER)


async def test_what_was_kept_is_forgotten_where_the_log_has_the_record_after_all() -> None:
    """A newer backup was restored meanwhile."""
    store, forks, remote = MemoryStore("tally"), MemoryForks(), FakeRemote()
    remote.away = True
    async with hearing(store, remote, forks=forks) as (ear, _, writer):
        await ask(writer, HOLDER, "before")
        forks.lost[SOURCE] = Head(1, store.records[0].digest)
        await ear.recall_witness()
        assert forks.lost == {}
        assert not await is_kept_away(writer, HOLDER)


async def test_a_replica_that_lost_the_leadership_unawares_does_not_take_its_log_for_older() -> None:
    store, taken_for_older = MemoryStore("tally"), True
    with suppress(Fenced):
        async with hearing(store, FakeRemote()) as (_, _, writer):
            await ask(writer, HOLDER, "before")
            store.leader = MemoryLog(store)
            await writer.witnesses.note(SOURCE, LOST)
            taken_for_older = bool(writer.witnesses.knowing_more)
    assert not taken_for_older

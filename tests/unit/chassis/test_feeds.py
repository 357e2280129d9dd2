"""Feeds: who waits for an account's next record is woken by it, and by nothing that concerns others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.call import Unavailable
from chassis.core.decider import BeyondEnd, NotFound, NotPermitted, Rejected
from chassis.core.engine import Engine
from chassis.core.feed_chain import FeedEntry, FeedHead, empty_feed
from chassis.core.record import Record
from chassis.followers.projections import Projector, Tables
from chassis.log import tail
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.seals import SealedFeed, SealedHead, Seals, Signer
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving import feed_heads, log_heads
from chassis.serving.log_service import Followed, LogService
from chassis.serving.signing_rate import SigningRate
from support.shell import tally
from support.shell.asking import call_of
from support.shell.hearing import KEY, PUBLIC_KEY, MemoryForks, MemorySeals
from support.shell.tally import Order, Tally

AUDITOR = call_of("auditor:aud")


class MemoryTables:
    """A feed in memory that counts how often it is read, and does not write if the test asks."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.feed: list[FeedEntry] = []
        self.reads = 0
        self.emptied = 0
        self._position = 0

    async def load_checkpoint(self, follower: str) -> int:
        return self._position

    async def load_feeds(self, followers: Sequence[str]) -> tuple[dict[str, int], dict[str, FeedHead]]:
        heads = {entry.account: FeedHead(entry.sequence, entry.digest) for entry in self.feed}
        return dict.fromkeys(followers, self._position), heads

    async def times_emptied(self) -> int:
        return self.emptied

    async def write(
        self, follower: str, before: int, position: int, statements: object, feed: Sequence[FeedEntry]
    ) -> None:
        self.feed += feed
        self._position = position

    async def read_feed(
        self, account: str, after_sequence: int, records_max: int
    ) -> Sequence[tuple[FeedEntry, Record]]:
        self.reads += 1
        return [
            (entry, self._store.records[entry.position - 1])
            for entry in self.feed
            if entry.account == account and entry.sequence > after_sequence
        ][:records_max]


@asynccontextmanager
async def fed() -> AsyncIterator[tuple[LogService, Writer[Tally], MemoryTables, Projector]]:
    store = MemoryStore("tally")
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), frozenset({Order}))
    writer = Writer(engine, log, Metrics())
    store_of_tables: Any = MemoryTables(store)
    projector = Projector("tally", writer.tail, {}, engine.wire, store_of_tables)
    await projector.load()
    running = [asyncio.create_task(part) for part in (writer.run(), projector.run())]
    await writer.read(lambda _: None)  # proves the leadership
    signer = Signer("tally", KEY, MemorySeals())
    tables = Tables(store_of_tables, projector)
    service = LogService(writer, tables, lambda: Followed([], [], []), MemoryForks(), signer)
    yield service, writer, store_of_tables, projector
    for task in running:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*running)


def ask(account: str, after: int = 0, wait_ms: int = 30_000) -> pb.ReadFeedRequest:
    return pb.ReadFeedRequest(account=account, after_sequence=after, wait_ms=wait_ms)


async def test_of_many_that_wait_only_the_account_that_is_concerned_is_woken_and_read() -> None:
    async with fed() as (service, writer, tables, projector):
        polls = {f"p{n}": asyncio.create_task(service.ReadFeed(ask(f"p{n}"), AUDITOR)) for n in range(200)}
        await asyncio.sleep(0)
        done = await writer.submit(Order("p7"), call_of("auditor:aud", "r1"))
        (record,) = (await asyncio.wait_for(polls.pop("p7"), 5)).records
        assert (record.sequence, record.record.position) == (1, done.position)
        await asyncio.sleep(0.05)
        assert not any(poll.done() for poll in polls.values())
        assert tables.reads == 1
        for poll in polls.values():
            poll.cancel()
        await asyncio.wait(polls.values())
        assert projector._waiting == {}, "who left is not remembered"


async def test_what_is_there_already_is_not_waited_for_and_an_end_in_vain_reads_nothing() -> None:
    async with fed() as (service, writer, tables, projector):
        for number in range(3):
            done = await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        await projector.wait_for(done.position)
        answer = await asyncio.wait_for(service.ReadFeed(ask("p1", after=1), AUDITOR), 5)
        assert [record.sequence for record in answer.records] == [2, 3]
        assert list((await service.ReadFeed(ask("p1", after=3, wait_ms=20), AUDITOR)).records) == []
        assert list((await service.ReadFeed(ask("p1", after=3, wait_ms=0), AUDITOR)).records) == []
        assert tables.reads == 1


async def test_several_who_wait_for_one_account_are_all_told() -> None:
    async with fed() as (service, writer, _, _projector):
        polls = [asyncio.create_task(service.ReadFeed(ask("p1"), AUDITOR)) for _ in range(5)]
        await asyncio.sleep(0)
        await writer.submit(Order("p1"), call_of("auditor:aud", "r1"))
        answers = await asyncio.wait_for(asyncio.gather(*polls), 5)
        assert [len(answer.records) for answer in answers] == [1] * 5


async def test_an_answer_bears_each_entrys_digest_and_the_end_of_the_feed_signed_at_most_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fed() as (service, writer, _, projector):
        signed = []
        signer = service._signer
        assert signer is not None
        seal_feed = signer.seal_feed

        async def count(account: str, head: FeedHead, position: int) -> SealedFeed:
            signed.append(head.sequence)
            return await seal_feed(account, head, position)

        monkeypatch.setattr(signer, "seal_feed", count)
        empty = (await service.ReadFeed(ask("p1", wait_ms=0), AUDITOR)).signed_head
        assert (empty.sequence, empty.digest) == (0, empty_feed("tally", "p1").digest)
        for number in range(4):
            done = await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
            await projector.wait_for(done.position)
            answer = await service.ReadFeed(ask("p1", after=number), AUDITOR)
            (entry,) = answer.records
            assert entry.record.command_digest == b""
            assert answer.signed_head.sequence == 1
        assert signed == [0, 1], "four entries that were read at once had one signature"
        monkeypatch.setattr(feed_heads, "SIGN_SECONDS", 0.0)
        head = (await service.ReadFeed(ask("p1", after=4, wait_ms=0), AUDITOR)).signed_head
        assert (head.sequence, head.digest, head.position) == (4, entry.digest, done.position)


async def test_the_end_of_a_feed_is_signed_as_it_was_with_an_entry_and_never_with_two_digests() -> None:
    async with fed() as (service, writer, tables, projector):
        for number in range(3):
            done = await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        await projector.wait_for(done.position)
        entries = (await service.ReadFeed(ask("p1"), AUDITOR)).records
        request = pb.GetSignedFeedHeadRequest(account="p1", sequence=2)
        head = (await service.GetSignedFeedHead(request, AUDITOR)).head
        assert (head.sequence, head.digest, head.position) == (2, entries[1].digest, entries[1].record.position)
        with pytest.raises(BeyondEnd):
            await service.GetSignedFeedHead(pb.GetSignedFeedHeadRequest(account="p1", sequence=4), AUDITOR)
        with pytest.raises(NotPermitted):
            await service.GetSignedFeedHead(request, call_of("participant:p2"))
        tables.feed[1] = replace(tables.feed[1], digest=b"other")
        with pytest.raises(Rejected, match="LOG_HAS_FORKED"):
            await service.GetSignedFeedHead(request, AUDITOR)


async def test_where_the_tables_lack_an_entry_its_signed_end_is_not_there_now_and_no_bug() -> None:
    async with fed() as (service, writer, tables, projector):
        done = await writer.submit(Order("p1"), call_of("auditor:aud", "r1"))
        await projector.wait_for(done.position)
        request = pb.GetSignedFeedHeadRequest(account="p1", sequence=1)
        feed = tables.feed
        tables.feed = []
        with pytest.raises(Unavailable, match="lack entry 1"):
            await service.GetSignedFeedHead(request, AUDITOR)
        tables.feed, tables.emptied = feed, 1
        with pytest.raises(Unavailable, match="being rebuilt"):
            await service.GetSignedFeedHead(request, AUDITOR)


async def test_one_caller_has_one_earlier_end_of_a_feed_signed_at_a_time_and_keeps_nobody_else_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_heads, "ASKERS_MAX", 2)
    async with fed() as (service, writer, _, projector):
        for number in range(3):
            done = await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        done = await writer.submit(Order("p2"), call_of("auditor:aud", "of p2"))
        await projector.wait_for(done.position)
        requests = [pb.GetSignedFeedHeadRequest(account="p1", sequence=sequence) for sequence in (1, 2, 3)]
        await service.GetSignedFeedHead(requests[0], AUDITOR)
        with pytest.raises(Unavailable, match="you asked for another head"):
            await service.GetSignedFeedHead(requests[1], AUDITOR)
        of_another = pb.GetSignedFeedHeadRequest(account="p2", sequence=1)
        assert (await service.GetSignedFeedHead(of_another, AUDITOR)).head.sequence == 1, "each feed has its own turn"
        other = call_of("auditor:bea")
        assert (await service.GetSignedFeedHead(requests[1], other)).head.sequence == 2
        with pytest.raises(Unavailable, match="2 others asked"):
            await service.GetSignedFeedHead(requests[2], call_of("auditor:cem"))
        monkeypatch.setattr(service._feed_heads, "_rate", SigningRate(0, 2))
        assert (await service.GetSignedFeedHead(requests[2], AUDITOR)).head.sequence == 3


async def test_an_end_of_a_feed_that_was_signed_before_takes_no_turn_and_is_not_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fed() as (service, writer, _, projector):
        for number in range(2):
            done = await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        await projector.wait_for(done.position)
        first, second = (pb.GetSignedFeedHeadRequest(account="p1", sequence=sequence) for sequence in (1, 2))
        signed = await service.GetSignedFeedHead(first, call_of("auditor:bea"))
        assert service._signer is not None
        monkeypatch.setattr(service._signer._store, "keep_feed_seal", no_write)
        for _ in range(5):
            assert await service.GetSignedFeedHead(first, AUDITOR) == signed
        monkeypatch.undo()
        assert (await service.GetSignedFeedHead(second, AUDITOR)).head.sequence == 2, "the turn was not taken"


async def no_write(head: SealedFeed) -> SealedFeed:
    raise AssertionError("it is kept already")


async def test_a_record_that_was_changed_in_the_database_is_read_as_it_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever verifies the log finds it; an error of the service would hide what differs, and where."""
    monkeypatch.setattr(log_heads, "ASK_SECONDS", 0)
    monkeypatch.setattr(tail, "TAIL_RECORDS_MAX", 1)
    async with fed() as (service, writer, _, _projector):
        for number in range(4):
            await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        stored = writer.tail._log._store.records  # type: ignore[attr-defined]  # the test's own log
        for changed in ({"data": b"\xff\xff"}, {"type": "x.Y"}, {"recorded_ms": -1, "source_position": -1}):
            whole = stored[1]
            stored[1] = replace(whole, **changed)
            answer = await service.Read(pb.ReadRequest(records_max=4), AUDITOR)
            assert [one.position for one in answer.records] == [1, 2, 3, 4]
            await service.GetSignedHead(pb.GetSignedHeadRequest(position=4), AUDITOR)
            with pytest.raises(Rejected, match="LOG_HAS_FORKED"):
                await service.GetSignedHead(pb.GetSignedHeadRequest(position=1), AUDITOR)
            stored[1] = whole


async def test_any_position_is_signed_and_only_the_end_of_what_was_read_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_heads, "ASK_SECONDS", 0)
    async with fed() as (service, writer, _, _projector):
        for number in range(5):
            await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        assert service._signer is not None
        kept = service._signer._store.kept  # type: ignore[attr-defined]  # the test's own store
        records = (await service.Read(pb.ReadRequest(records_max=5), AUDITOR)).records
        for position in (1, 2, 3, 4, 5):
            head = (await service.GetSignedHead(pb.GetSignedHeadRequest(position=position), AUDITOR)).head
            assert head.digest == records[position - 1].digest
            assert Seals("tally", [PUBLIC_KEY]).holds(SealedHead(position, head.digest, head.seal))
        assert list(kept) == [5]
        kept[5] = replace(kept[5], digest=b"of another log")
        for position in (1, 5):
            with pytest.raises(Rejected, match="LOG_HAS_FORKED"):
                await service.GetSignedHead(pb.GetSignedHeadRequest(position=position), AUDITOR)
        kept[7] = replace(kept.pop(5), position=7)
        with pytest.raises(Rejected, match="LOG_HAS_FORKED"):
            await service.GetSignedHead(pb.GetSignedHeadRequest(position=5), AUDITOR)


async def test_a_position_far_below_every_kept_head_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_heads, "READ_RECORDS_MAX", 2)
    monkeypatch.setattr(log_heads, "ASK_SECONDS", 0)
    async with fed() as (service, writer, _, _projector):
        for number in range(3):
            await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        for position in (3, 2):
            await service.GetSignedHead(pb.GetSignedHeadRequest(position=position), AUDITOR)
        with pytest.raises(NotFound, match="NO_HEAD_SIGNED"):
            await service.GetSignedHead(pb.GetSignedHeadRequest(position=1), AUDITOR)


async def test_one_actor_has_the_log_signed_at_one_position_a_second_and_nobody_reads_it_for_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_heads, "ASKERS_MAX", 2)
    async with fed() as (service, writer, _, _projector):
        await writer.submit(Order("p1"), call_of("auditor:aud", "r1"))
        request = pb.GetSignedHeadRequest(position=1)
        answers = [service.GetSignedHead(request, AUDITOR) for _ in range(5)]
        refused = await asyncio.gather(*answers, return_exceptions=True)
        assert [isinstance(one, Unavailable) for one in refused] == [False, True, True, True, True]
        await service.GetSignedHead(request, call_of("auditor:bea"))
        with pytest.raises(Unavailable, match="ask again"):
            await service.GetSignedHead(request, call_of("auditor:cem"))
        assert (await service.GetSignedHead(pb.GetSignedHeadRequest(), AUDITOR)).head.position == 1
        monkeypatch.setattr(service._log_heads, "_rate", SigningRate(0, 2))
        assert (await service.GetSignedHead(request, AUDITOR)).head.position == 1


async def test_many_who_read_a_feed_at_once_have_its_end_signed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fed() as (service, writer, _, projector):
        done = await writer.submit(Order("p1"), call_of("auditor:aud", "r1"))
        await projector.wait_for(done.position)
        signed = 0
        signer = service._feed_heads._signer
        assert signer is not None
        seal_feed = signer.seal_feed

        async def slowly(account: str, head: FeedHead, position: int) -> SealedFeed:
            nonlocal signed
            signed += 1
            await asyncio.sleep(0.02)
            return await seal_feed(account, head, position)

        monkeypatch.setattr(signer, "seal_feed", slowly)
        reads = [asyncio.create_task(service.ReadFeed(ask("p1"), AUDITOR)) for _ in range(200)]
        await asyncio.sleep(0.01)
        reads[0].cancel()
        answers = await asyncio.gather(*reads[1:])
        assert {answer.signed_head.sequence for answer in answers} == {1}
        assert signed == 1


async def test_a_log_is_signed_at_any_position_and_never_with_two_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_heads, "ASK_SECONDS", 0)
    async with fed() as (service, writer, _, _projector):
        for number in range(3):
            await writer.submit(Order("p1"), call_of("auditor:aud", f"r{number}"))
        head = (await service.GetSignedHead(pb.GetSignedHeadRequest(position=3), AUDITOR)).head
        record = (await service.Read(pb.ReadRequest(after_position=2, records_max=1), AUDITOR)).records[0]
        assert (head.position, head.digest) == (3, record.digest)
        assert Seals("tally", [PUBLIC_KEY]).holds(SealedHead(head.position, head.digest, head.seal))
        with pytest.raises(BeyondEnd):
            await service.GetSignedHead(pb.GetSignedHeadRequest(position=4), AUDITOR)
        assert service._signer is not None
        service._signer._store.kept[3] = SealedHead(3, b"other", head.seal)  # type: ignore[attr-defined]  # the test's own store
        with pytest.raises(Rejected, match="LOG_HAS_FORKED") as refused:
            await service.GetSignedHead(pb.GetSignedHeadRequest(position=3), AUDITOR)
        assert refused.value.facts == {"signed_digest": b"other".hex(), "digest": record.digest.hex()}

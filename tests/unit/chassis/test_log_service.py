"""LogService: what it says of a log is true while it says it, and small enough to be sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest

from carbonmarket.log.v1 import log_events_pb2 as events_pb
from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.asides import SetAsideNoted
from chassis.core.call import Call, Unavailable
from chassis.core.engine import Engine
from chassis.core.record import HeardUpTo, Record, first_fault, genesis
from chassis.core.submission import HeardRecord, service_actor
from chassis.edges.remote import MESSAGE_BYTES_MAX, record_from
from chassis.followers.caller import RefusedOrder
from chassis.followers.projections import Tables
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.seals import Signer
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from chassis.serving.log_service import Followed, LogService, refused_order
from support.shell import tally
from support.shell.asking import call_of
from support.shell.hearing import KEY, MemoryForks, MemorySeals
from support.shell.tally import Add, Order, Tally
from support.shell.two_people import declared

ADA = "participant:ada"
AUDITOR = call_of("auditor:aud")


REFUSED = RefusedOrder(7, "Ordered", "other", "REQUEST_ID_REUSED", {"request_id": "tally/7"})


def standing() -> Followed:
    return Followed([], [pb.Source(log_id="other", heard_position=99)], [refused_order(REFUSED)])


@asynccontextmanager
async def log_service(store: MemoryStore) -> AsyncIterator[tuple[LogService, Writer[Tally]]]:
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), frozenset({Order}), declared(2))
    writer = Writer(engine, log, Metrics())
    running = asyncio.create_task(writer.run())
    yield LogService(writer, cast(Tables, None), standing, MemoryForks()), writer
    running.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await running


async def test_a_replica_that_lost_the_leadership_unawares_does_not_say_where_the_log_ends() -> None:
    store = MemoryStore("tally")
    async with log_service(store) as (service, writer):
        await writer.submit(Add(1), call_of(ADA, "r1"))
        assert (await service.Read(pb.ReadRequest(), AUDITOR)).head_position == 1
        store.leader = MemoryLog(store)
        with pytest.raises(Unavailable):
            await service.Read(pb.ReadRequest(after_position=1), AUDITOR)


async def test_a_log_of_large_records_is_read_in_answers_that_can_be_sent() -> None:
    async with log_service(MemoryStore("tally")) as (service, writer):
        count = MESSAGE_BYTES_MAX // 450_000 + 10
        for number in range(count):
            await writer.submit(Order(f"{number:06d}" * 75_000), call_of(ADA, f"r{number}"))
        found: list[pb.Record] = []
        while len(found) < count:
            answer = await service.Read(pb.ReadRequest(after_position=len(found)), AUDITOR)
            assert 0 < answer.ByteSize() <= MESSAGE_BYTES_MAX
            found += answer.records
        assert first_fault(genesis("tally"), [record_from(record) for record in found]) is None


class RefusedLog(MemoryLog):
    """The log as the shell has it, which no caller's question may reach."""

    async def read(self, after_position: int, records_max: int) -> list[Record]:
        raise AssertionError("a connection of the shell")


async def test_older_records_are_read_for_callers_from_a_log_of_their_own() -> None:
    store = MemoryStore("tally")
    log, callers = RefusedLog(store), MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing())
    writer = Writer(engine, log, Metrics())
    running = asyncio.create_task(writer.run())
    signer = Signer("tally", KEY, MemorySeals())
    service = LogService(writer, cast(Tables, None), standing, MemoryForks(), signer, callers)
    for number in range(3):
        await writer.submit(Add(1), call_of(ADA, f"r{number}"))
    writer.tail.start_at(3)
    assert len((await service.Read(pb.ReadRequest(), AUDITOR)).records) == 3
    assert (await service.GetSignedHead(pb.GetSignedHeadRequest(position=2), AUDITOR)).head.position == 2
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_the_status_says_of_sources_only_what_is_committed() -> None:
    async with log_service(MemoryStore("tally")) as (service, writer):
        await writer.insist(HeardRecord(HeardUpTo("other", 1, b"d"), "", Add(1)))
        (source,) = (await service.GetStatus(pb.GetStatusRequest(), AUDITOR)).sources
        assert source.heard_position == 1


async def test_the_status_shows_the_last_of_what_was_dropped_so_that_it_can_be_decided_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.serving.log_service.DROPPED_SHOWN_MAX", 2)
    async with log_service(MemoryStore("tally")) as (service, writer):
        shell = writer.engine.shell
        for position in (9, 3, 5):
            shell.dropped.add(position, SetAsideNoted("other", position, "t", "TALLY_FULL", (("total", "7"),)))
        dropped = (await service.GetStatus(pb.GetStatusRequest(), AUDITOR)).dropped
        assert [(one.position, one.reason, dict(one.facts)) for one in dropped] == [
            (3, "TALLY_FULL", {"total": "7"}),
            (5, "TALLY_FULL", {"total": "7"}),
        ]


async def test_the_status_counts_what_is_set_aside_by_cause_and_shows_the_first_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.serving.log_service.SET_ASIDE_SHOWN_MAX", 2)
    async with log_service(MemoryStore("tally")) as (service, writer):
        shell = writer.engine.shell
        for position, reason in ((3, "TALLY_FULL"), (5, "SHELF_FULL"), (6, "TALLY_FULL"), (9, "TALLY_FULL")):
            shell.set_aside.add(position, SetAsideNoted("other", position, "t", reason, ()))
        status = await service.GetStatus(pb.GetStatusRequest(), AUDITOR)
        assert list(status.set_aside_causes) == [
            cause("TALLY_FULL", count=3, first_position=3, last_position=9),
            cause("SHELF_FULL", count=1, first_position=5, last_position=5),
        ]
        assert [one.position for one in status.set_aside] == [3, 5, 6]


def cause(reason: str, **counted: int) -> pb.SetAsideCause:
    return pb.SetAsideCause(source_log_id="other", type="t", reason=reason, **counted)


async def test_an_approval_says_how_far_dropping_went() -> None:
    async with log_service(MemoryStore("tally")) as (service, writer):
        for position in (1, 2, 3):
            await writer.insist(HeardRecord(HeardUpTo("other", position, b"d"), "", Add(tally.TALLY_MAX + 1)))
        first, second, _ = writer.engine.shell.set_aside
        drop = pb.DropSetAsideRequest(set_aside_position=first, through_position=second, ground="settled by hand")
        request = pb.ProposeCommandRequest(type=drop.DESCRIPTOR.full_name, data=drop.SerializeToString())
        made = await service.ProposeCommand(request, call_of("registry_operator:ann", "propose"))
        approve = pb.ApproveProposalRequest(proposal_id=made.proposal_id)
        done = await service.ApproveProposal(approve, call_of("registry_operator:eve", "approve"))
        assert list(done.events) == ["carbonmarket.log.v1.SetAsideDropped"]
        assert done.effects == made.effects
        shown = [events_pb.SetAsideDropped.FromString(effect.data).set_aside_position for effect in done.effects]
        assert shown == [first, second]
        again = await service.ApproveProposal(approve, call_of("registry_operator:eve", "approve"))
        assert again == done, "also when it is asked again"


async def test_the_status_shows_orders_that_are_refused_and_the_release_levels() -> None:
    async with log_service(MemoryStore("tally")) as (service, _):
        status = await service.GetStatus(pb.GetStatusRequest(), AUDITOR)
        (refused,) = status.refused_orders
        assert (refused.position, refused.order, refused.service) == (7, "Ordered", "other")
        assert (refused.reason, dict(refused.facts)) == ("REQUEST_ID_REUSED", {"request_id": "tally/7"})
        assert (status.release_level, status.release_level_known) == (0, 2)
        activate = pb.ActivateReleaseRequest(release_level=1, ground="all replicas run it")
        request = pb.ProposeCommandRequest(type=activate.DESCRIPTOR.full_name, data=activate.SerializeToString())
        made = await service.ProposeCommand(request, call_of("registry_operator:ann", "propose"))
        (shown,) = (await service.GetStatus(pb.GetStatusRequest(), AUDITOR)).proposals
        assert (shown.proposal_id, shown.proposer) == (made.proposal_id, "registry_operator:ann")
        assert pb.ActivateReleaseRequest.FromString(shown.data) == activate
        approve = pb.ApproveProposalRequest(proposal_id=made.proposal_id)
        done = await service.ApproveProposal(approve, call_of("registry_operator:eve", "approve"))
        assert list(done.events) == ["carbonmarket.log.v1.ReleaseActivated"]
        assert (await service.GetStatus(pb.GetStatusRequest(), AUDITOR)).release_level == 1


READS_THE_LOG = (
    *("registry_operator:eve", "exchange_operator:eve", "clearing_operator:eve"),
    *("auditor:aud", "regulator:reg", "service:trading"),
)
OTHERS = ("participant:power-0007", "province:hubei", "settlement_bank:bank-a")


@pytest.mark.parametrize("actor", [*READS_THE_LOG, *OTHERS])
async def test_only_who_may_read_the_log_is_shown_all_proposals_and_the_facts_of_what_waits(actor: str) -> None:
    async with log_service(MemoryStore("tally")) as (service, writer):
        await writer.insist(HeardRecord(HeardUpTo("other", 1, b"d"), "", Add(tally.TALLY_MAX + 1)))
        activate = pb.ActivateReleaseRequest(release_level=1, ground="all replicas run it")
        request = pb.ProposeCommandRequest(type=activate.DESCRIPTOR.full_name, data=activate.SerializeToString())
        await service.ProposeCommand(request, call_of("registry_operator:ann", "propose"))
        status = await service.GetStatus(pb.GetStatusRequest(), call_of(actor))
        (aside,), (refused,) = status.set_aside, status.refused_orders
        shown = (len(status.proposals), bool(aside.facts), bool(refused.facts))
        assert shown == ((1, True, True) if actor in READS_THE_LOG else (0, False, False))
        assert (aside.reason, refused.reason) == ("TALLY_FULL", "REQUEST_ID_REUSED")


async def test_a_service_that_reads_the_log_is_told_how_far_its_own_was_heard_and_nobody_else_is() -> None:
    async with log_service(MemoryStore("tally")) as (service, writer):
        other, third = Call(service_actor("other")), Call(service_actor("third"))
        assert not (await service.Read(pb.ReadRequest(), other)).HasField("heard_of_reader")
        await writer.insist(HeardRecord(HeardUpTo("other", 1, b"d"), "", Add(1)))
        for after in (0, 1):
            said = (await service.Read(pb.ReadRequest(after_position=after), other)).heard_of_reader
            assert (said.position, said.digest) == (1, b"d"), "also where there is nothing more to read"
        for caller in (AUDITOR, third):
            assert not (await service.Read(pb.ReadRequest(), caller)).HasField("heard_of_reader")

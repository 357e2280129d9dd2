"""LogService: a service's log, its accounts' feeds, its status and its clock, the same in every service."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from carbonmarket.log.v1 import log_events_pb2 as events_pb
from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.approvals import ApprovalRulesSet
from chassis.core.asides import Asides, Dropped, OfCause, SetAsideNoted
from chassis.core.call import HOLDER_ROLES, Call
from chassis.core.codec import codec_of
from chassis.core.commands import Commands
from chassis.core.decider import NotFound, NotPermitted, Rejected
from chassis.core.feed_chain import as_shown_in_feed
from chassis.core.proposals import (
    ApproveProposal,
    CommandProposed,
    Effect,
    Proposal,
    ProposeCommand,
    RejectProposal,
    effects_of,
)
from chassis.core.record import HeardUpTo
from chassis.core.roles import roles_of
from chassis.core.shapes import check_account, check_not_negative, check_position, check_sequence
from chassis.core.shell import DECIDE_ALL, NEEDS_TWO, ClockMoved, MoveClock, ShellState
from chassis.core.submission import service_actor
from chassis.edges.remote import record_to
from chassis.followers.caller import RefusedOrder
from chassis.followers.projections import Tables
from chassis.followers.timers import RehearsalClock
from chassis.log.forks import PROOFS_MAX, ForkStore
from chassis.log.protocol import READ_RECORDS_MAX, Readable
from chassis.log.seals import Forked, SealedFeed, SealedHead, Signer
from chassis.log.writer import Writer
from chassis.serving.command_service import CommandService
from chassis.serving.feed_heads import SignedFeeds
from chassis.serving.log_heads import SignedLog

WAIT_MS_MAX = 30_000
ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""An answer ends before it, so that no page of large records is too large to be sent."""
SET_ASIDE_SHOWN_MAX = 100
"""Of what is set aside for one cause, those that were set aside first; the log has all."""
DROPPED_SHOWN_MAX = 100
"""Of what was dropped, those that were dropped last; the log has all."""
READS_LOG = roles_of(pb.DESCRIPTOR.services_by_name["LogService"].methods_by_name["Read"])
"""Whom the status shows everything: what they may read in the log anyway."""
SHELL_COMMANDS = Commands(pb.DESCRIPTOR.services_by_name["LogService"], DECIDE_ALL)
EFFECT = codec_of(Effect, events_pb.Effect)
RULES = codec_of(ApprovalRulesSet, events_pb.ApprovalRulesSet)
NOT_PROPOSED = (ProposeCommand, ApproveProposal, RejectProposal, MoveClock)
"""A proposal of a proposal says nothing, and the clock of a rehearsal moves with all that falls due on its way."""


M = TypeVar("M", pb.Record, pb.FeedRecord)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """What the leader knows besides its log: its followers, the sources it hears, and its refused orders."""

    followers: list[pb.Follower]
    sources: list[pb.Source]
    refused_orders: list[pb.RefusedOrder]


@dataclass(frozen=True, slots=True)
class AsidesShown:
    """Of what is set aside and of what was dropped, what the status shows."""

    causes: list[OfCause]
    set_aside: dict[int, SetAsideNoted]
    dropped: dict[int, SetAsideNoted]


class LogService(CommandService[Any]):
    """`status` is filled in by the service that knows its followers and sources."""

    def __init__(
        self,
        writer: Writer[Any],
        tables: Tables,
        status: Callable[[], Followed],
        forks: ForkStore,
        signer: Signer | None = None,
        log_for_callers: Readable | None = None,
    ) -> None:
        super().__init__(writer, SHELL_COMMANDS)
        self._tables = tables
        self._status = status
        self._clock = RehearsalClock(writer)
        self._signer = signer
        self._log_heads = SignedLog(writer.tail, signer, log_for_callers) if signer is not None else None
        self._feed_heads = SignedFeeds(tables, signer)
        self._forks = forks
        self._log = log_for_callers

    async def Read(self, request: pb.ReadRequest, call: Call) -> pb.ReadResponse:
        """The log's end is answered only while this replica leads. A replica that has lost the leadership without
        knowing it would answer an older end, which would look to hearers like a log that was restored older.
        """
        tail = self.writer.tail
        after, records_max, wait_seconds = request.after_position, records_asked(request), seconds_asked(request)
        check_not_negative(after, "after_position")
        if after == tail.position and wait_seconds > 0:
            with call.waiting() as may_wait:
                await tail.beyond(after, wait_seconds if may_wait else 0)
        engine = self.writer.engine
        heard = (await self.writer.read(lambda _: heard_of(call, engine.heard))).value
        check_position(after, tail.position, "after_position")
        found = await tail.records(after, records_max, self._log) if after < tail.position else ()
        return pb.ReadResponse(
            records=within_bytes([record_to(record) for record in found]),
            head_position=tail.position,
            signed_head=self._signed_head(),
            heard_of_reader=pb.HeardUpTo(position=heard.position, digest=heard.digest) if heard else None,
        )

    def _signed_head(self) -> pb.SignedHead | None:
        newest = self._signer.newest if self._signer else None
        return signed_head(newest) if newest else None

    async def GetSignedHead(self, request: pb.GetSignedHeadRequest, call: Call) -> pb.GetSignedHeadResponse:
        try:
            head = await self._signed_at(request.position, call) if request.position else self._newest_signed()
        except Forked as error:
            raise Rejected("LOG_HAS_FORKED", signed_digest=error.signed_digest, digest=error.digest) from error
        if head is None:
            raise NotFound("NO_HEAD_SIGNED")
        return pb.GetSignedHeadResponse(head=head)

    def _newest_signed(self) -> pb.SignedHead | None:
        head = self._signed_head()
        if head is None and self._signer is not None:
            self._signer.check_is_the_log_signed(self.writer.tail.position)
        return head

    async def _signed_at(self, position: int, call: Call) -> pb.SignedHead | None:
        if self._log_heads is None:
            return None
        await self.writer.read(lambda _: None)
        check_position(position, self.writer.tail.position, "position")
        head = await self._log_heads.at(position, str(call.actor))
        return signed_head(head) if head else None

    async def GetSignedFeedHead(self, request: pb.GetSignedFeedHeadRequest, call: Call) -> pb.GetSignedFeedHeadResponse:
        account, sequence = request.account, request.sequence
        check_may_read_feed(account, call)
        check_sequence(sequence, await self._tables.feed_end(account, sequence), "sequence")
        try:
            if sequence:
                head = await self._feed_heads.at(account, sequence, str(call.actor))
            else:
                head = await self._feed_heads.newest(account)
        except Forked as error:
            raise Rejected("LOG_HAS_FORKED", signed_digest=error.signed_digest, digest=error.digest) from error
        if head is None:
            raise NotFound("NO_HEAD_SIGNED")
        return pb.GetSignedFeedHeadResponse(head=signed_feed_head(head))

    async def GetForkProofs(self, request: pb.GetForkProofsRequest, call: Call) -> pb.GetForkProofsResponse:
        proofs = await self._forks.fork_proofs(PROOFS_MAX)
        return pb.GetForkProofsResponse(
            proofs=[
                pb.ForkProof(log_id=one.log_id, head=signed_head(one.head), other_head=signed_head(one.other))
                for one in proofs
            ]
        )

    async def ReadFeed(self, request: pb.ReadFeedRequest, call: Call) -> pb.ReadFeedResponse:
        account, after = request.account, request.after_sequence
        check_may_read_feed(account, call)
        check_sequence(after, await self._tables.feed_end(account, after), "after_sequence")
        records_max, wait_seconds = records_asked(request), seconds_asked(request)
        if not await self._tables.feed_beyond(account, after, 0):
            with call.waiting() as may_wait:
                if not await self._tables.feed_beyond(account, after, wait_seconds if may_wait else 0):
                    return pb.ReadFeedResponse(signed_head=await self._signed_feed(account))
        found = await self._tables.read_feed(account, after, records_max)
        records = [
            pb.FeedRecord(sequence=entry.sequence, record=record_to(as_shown_in_feed(record)), digest=entry.digest)
            for entry, record in found
        ]
        return pb.ReadFeedResponse(records=within_bytes(records), signed_head=await self._signed_feed(account))

    async def _signed_feed(self, account: str) -> pb.SignedFeedHead | None:
        try:
            newest = await self._feed_heads.newest(account)
        except Forked as error:
            # Shown without its signature, the feed is found wanting by who verifies it.
            logger.critical("this log has forked, the end of a feed is not signed: %s", error)
            return None
        return signed_feed_head(newest) if newest else None

    async def GetStatus(self, request: pb.GetStatusRequest, call: Call) -> pb.GetStatusResponse:
        engine = self.writer.engine

        def look(_: object) -> tuple[ShellState, AsidesShown, int]:
            shell = engine.shell
            asides = AsidesShown(
                shell.set_aside.causes(),
                shell.set_aside.first_of_each_cause(SET_ASIDE_SHOWN_MAX),
                shell.dropped.last_dropped(DROPPED_SHOWN_MAX),
            )
            copied = replace(
                shell,
                set_aside=Asides(),
                dropped=Dropped(),
                unanswered=set(shell.unanswered),
                order_names={},
                traces={},
                proposals=dict(shell.proposals),
            )
            return copied, asides, self.writer.now_ms()

        read = await self.writer.read(look)
        shell, asides, now_ms = read.value
        followed = self._status()
        for source in followed.sources:
            source.heard_position = read.heard.get(source.log_id, 0)
        reads_log = call.role in READS_LOG
        return pb.GetStatusResponse(
            log_id=shell.log_id,
            rehearsal=shell.rehearsal,
            now_ms=now_ms,
            head_position=self.writer.tail.position,
            leader_address=shell.leader_address,
            followers=followed.followers,
            sources=followed.sources,
            refused_orders=[one if reads_log else without_facts(one) for one in followed.refused_orders],
            set_aside=[set_aside(position, one, reads_log) for position, one in asides.set_aside.items()],
            set_aside_causes=[set_aside_cause(one) for one in asides.causes],
            dropped=[set_aside(position, one, reads_log) for position, one in asides.dropped.items()],
            unanswered_positions=sorted(shell.unanswered),
            release_level=shell.release_level,
            release_level_known=engine.declared.release_level,
            always_two_people=sorted(kind.__name__ for kind in NEEDS_TWO | engine.decider.needs_two),
            approval_rules=[RULES.encode(rules) for _, rules in sorted(shell.approval_rules.items())],
            proposals=[proposal(*one) for one in sorted(shell.proposals.items())] if reads_log else [],
        )

    async def ProposeCommand(self, request: pb.ProposeCommandRequest, call: Call) -> pb.ProposeCommandResponse:
        done = await self.submit(request, call)
        proposed = done.only(CommandProposed)
        return pb.ProposeCommandResponse(
            proposal_id=done.position,
            expires_ms=proposed.expires_ms,
            effects=[EFFECT.encode(effect) for effect in proposed.effects],
            position=done.position,
        )

    async def ApproveProposal(self, request: pb.ApproveProposalRequest, call: Call) -> pb.ApproveProposalResponse:
        done = await self.submit(request, call)
        caused, wire = list(done.events[1:]), self.writer.engine.wire
        kinds = dict.fromkeys(type(event) for event in caused)
        return pb.ApproveProposalResponse(
            events=[wire.by_event[kind].type_name for kind in kinds],
            effects=[EFFECT.encode(effect) for effect in effects_of(wire, caused)],
            position=done.position,
        )

    async def MoveClock(self, request: pb.MoveClockRequest, call: Call) -> pb.MoveClockResponse:
        command = self.commands.read(request)
        assert isinstance(command, MoveClock)
        done = await self._clock.move(command, call)
        return pb.MoveClockResponse(now_ms=done.only(ClockMoved).now_ms, position=done.position)


def heard_of(call: Call, heard: Mapping[str, HeardUpTo]) -> HeardUpTo | None:
    """How far the log of the service that calls was heard."""
    return next((upto for log_id, upto in heard.items() if service_actor(log_id) == call.actor), None)


def check_may_read_feed(account: str, call: Call) -> None:
    if call.role in HOLDER_ROLES and call.account != account:
        raise NotPermitted("FEED_OF_ANOTHER_ACCOUNT", account=account, actor=str(call.actor))
    check_account(account)


def set_aside(position: int, event: SetAsideNoted, with_facts: bool) -> pb.SetAside:
    return pb.SetAside(
        position=position,
        source_log_id=event.source_log_id,
        source_position=event.source_position,
        type=event.type,
        reason=event.reason,
        facts=dict(event.facts) if with_facts else {},
        timer=event.timer,
    )


def set_aside_cause(one: OfCause) -> pb.SetAsideCause:
    return pb.SetAsideCause(
        source_log_id=one.cause.source_log_id,
        type=one.cause.type,
        reason=one.cause.reason,
        count=one.count,
        first_position=one.first_position,
        last_position=one.last_position,
    )


def proposal(number: int, one: Proposal) -> pb.Proposal:
    return pb.Proposal(
        proposal_id=number,
        type=one.type,
        data=one.data,
        proposer=str(one.proposer),
        proposed_ms=one.proposed_ms,
        expires_ms=one.expires_ms,
        effects=[EFFECT.encode(effect) for effect in one.effects],
    )


def without_facts(one: pb.RefusedOrder) -> pb.RefusedOrder:
    return pb.RefusedOrder(position=one.position, order=one.order, service=one.service, reason=one.reason)


def signed_head(head: SealedHead) -> pb.SignedHead:
    return pb.SignedHead(position=head.position, digest=head.digest, seal=head.seal)


def signed_feed_head(head: SealedFeed) -> pb.SignedFeedHead:
    return pb.SignedFeedHead(
        account=head.account, sequence=head.sequence, digest=head.digest, position=head.position, seal=head.seal
    )


def within_bytes(messages: Sequence[M]) -> Sequence[M]:
    """As many as fit an answer, but at least one."""
    size = 0
    for count, message in enumerate(messages):
        size += message.ByteSize()
        if size > ANSWER_BYTES_MAX and count > 0:
            return messages[:count]
    return messages


def refused_order(one: RefusedOrder) -> pb.RefusedOrder:
    return pb.RefusedOrder(
        position=one.position, order=one.order, service=one.service, reason=one.reason, facts=one.facts
    )


def records_asked(request: pb.ReadRequest | pb.ReadFeedRequest) -> int:
    """As many as may be at once, where zero are asked for or more."""
    check_not_negative(request.records_max, "records_max")
    return min(request.records_max or READ_RECORDS_MAX, READ_RECORDS_MAX)


def seconds_asked(request: pb.ReadRequest | pb.ReadFeedRequest) -> float:
    check_not_negative(request.wait_ms, "wait_ms")
    return min(request.wait_ms, WAIT_MS_MAX) / 1000

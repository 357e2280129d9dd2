"""The auditor's own reading of a log: positions, digests and time, by the published definition and no shared code.

A record's digest is SHA-256 over the digest before it, then format, position, time, source position and count of the
command's events (8 bytes each), then type, subject, role, account, approval, request id, traceparent, source log and
digest of the command, each as length (4) and bytes, then the event's bytes. Numbers are big-endian. The first record
follows SHA-256("carbonmarket log " + log id).
"""

import hashlib
from dataclasses import dataclass, field

from google.protobuf import descriptor_pool, message_factory

from carbonmarket.log.v1 import log_events_pb2
from carbonmarket.log.v1.log_service_pb2 import Record
from support.auditor.findings import Findings

RELEASE_ACTIVATED = log_events_pb2.ReleaseActivated.DESCRIPTOR.full_name
APPROVAL_RULES_SET = log_events_pb2.ApprovalRulesSet.DESCRIPTOR.full_name
ABOUT = {
    "carbonmarket.clearing.v1.PayoutInstructed": ("instruction", "payout_id"),
    "carbonmarket.clearing.v1.PayoutInstructionRevoked": ("instruction", "payout_id"),
    "carbonmarket.log.v1.HearingRecovered": ("hearing", "source_log_id"),
    "carbonmarket.log.v1.HearingResumed": ("hearing", "source_log_id"),
    "carbonmarket.log.v1.OrderRenamed": ("order", "order_position"),
    "carbonmarket.log.v1.SetAsideDecidedAgain": ("set aside", "set_aside_position"),
    "carbonmarket.log.v1.SetAsideDropped": ("set aside", "set_aside_position"),
    "carbonmarket.trading.v1.TradingResumed": ("suspension", "instrument"),
    "carbonmarket.trading.v1.TradingSuspended": ("suspension", "instrument"),
}
"""What these events change: a proposal to change it that was made before them is outdated."""


def digest_of(before: bytes, record: Record) -> bytes:
    sha = hashlib.sha256(before)
    for number in (record.format, record.position, record.recorded_ms, record.source_position, record.command_events):
        sha.update(number.to_bytes(8, "big", signed=True))
    who = (record.subject, record.role, record.account, record.approval)
    texts = (record.type, *who, record.request_id, record.traceparent, record.source_log_id)
    for written in (*(text.encode("utf-8") for text in texts), record.command_digest):
        sha.update(len(written).to_bytes(4, "big"))
        sha.update(written)
    sha.update(record.data)
    return sha.digest()


def actor_of(record: Record) -> str:
    """Who caused a record, as a caller names itself: `role:name`."""
    return record.subject if ":" in record.subject else f"{record.role}:{record.subject}"


def thing_of(type_name: str, data: bytes) -> tuple[str, object] | None:
    """What an event changes, if it is one of ABOUT."""
    if type_name not in ABOUT:
        return None
    word, field_name = ABOUT[type_name]
    kind = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(type_name))
    return word, getattr(kind.FromString(data), field_name)


def acts_for(record: Record) -> str:
    """For whom: `role:account`."""
    return f"{record.role}:{record.account}"


@dataclass(slots=True)
class Approval:
    """Who proposed and who approved (`role:name`), and the effects that were shown and have not come yet."""

    proposer: str
    approver: str
    effects: list[log_events_pb2.Effect]


@dataclass(slots=True)
class LogReader:
    """How far one log has been read, and what must hold of every record whatever it says."""

    log_id: str
    findings: Findings
    position: int = 0
    now_ms: int = 0
    digest: bytes = b""
    heard: dict[str, int] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    last_source: tuple[str, int] = ("", 0)
    set_aside: dict[int, log_events_pb2.SetAsideNoted] = field(default_factory=dict)
    dropped: dict[int, log_events_pb2.SetAsideNoted] = field(default_factory=dict)
    halted: dict[str, str] = field(default_factory=dict)
    proposals: dict[int, log_events_pb2.CommandProposed] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    changed_at: dict[tuple[str, object], int] = field(default_factory=dict)  # the last event about each thing
    dropped_for: dict[str, tuple[str, str, str]] = field(
        default_factory=dict
    )  # by approval, the cause of what was dropped
    decided_again: dict[str, str] = field(default_factory=dict)  # by approval, which log it had been heard from

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256(f"carbonmarket log {self.log_id}".encode()).digest()

    def take(self, record: Record) -> None:
        say = self.findings.say
        if record.format != 1:
            say("records have the format that was published", f"record {record.position} has format {record.format}")
        if record.position != self.position + 1:
            say("positions have no gap", f"{record.position} follows {self.position}")
        if record.digest != digest_of(self.digest, record):
            say("digests chain", f"record {record.position} does not continue record {self.position}")
        if record.recorded_ms < self.now_ms:
            say("time never goes back", f"{record.recorded_ms} follows {self.now_ms}")
        if record.approval:
            self._take_approved(record)
        self._take_source(record)
        thing = thing_of(record.type, record.data)
        if thing is not None:
            self.changed_at[thing] = record.position
        self.position, self.digest, self.now_ms = record.position, record.digest, record.recorded_ms

    def _take_source(self, record: Record) -> None:
        """What was heard, was heard once and in order; each of the service's own orders was answered once."""
        source = (record.source_log_id, record.source_position)
        if not record.source_log_id or source == self.last_source:
            self.last_source = source
            return
        self.last_source = source
        if record.source_log_id == self.log_id:
            if record.source_position in self.answered:
                self.findings.say("an order is answered once", f"order {record.source_position}")
            self.answered.add(record.source_position)
            return
        before = self.heard.get(record.source_log_id, 0)
        if record.source_position <= before:
            self.findings.say(
                "hearing is exactly once", f"{record.source_log_id} {record.source_position} after {before}"
            )
        self.heard[record.source_log_id] = record.source_position

    def take_shell_event(self, record: Record) -> None:
        """The few events that every log has."""
        if record.type == log_events_pb2.LogOpened.DESCRIPTOR.full_name:
            opened = log_events_pb2.LogOpened.FromString(record.data)
            self.findings.same("a log is opened once, first", "log", (record.position, opened.log_id), (1, self.log_id))
        elif record.type == log_events_pb2.SetAsideNoted.DESCRIPTOR.full_name:
            self.set_aside[record.position] = log_events_pb2.SetAsideNoted.FromString(record.data)
        elif record.type == log_events_pb2.SetAsideDecidedAgain.DESCRIPTOR.full_name:
            again = log_events_pb2.SetAsideDecidedAgain.FromString(record.data)
            if self.dropped.pop(again.set_aside_position, None) is None:
                self._ends_set_aside(again.set_aside_position, record)
            else:
                self._rests_on_two(record)
            self.decided_again[record.approval] = again.source_log_id
            if again.source_log_id == self.log_id:
                self.answered.discard(again.source_position)
        elif record.type == log_events_pb2.SetAsideDropped.DESCRIPTOR.full_name:
            self._take_dropped(record)
        elif record.type == log_events_pb2.HearingResumed.DESCRIPTOR.full_name:
            resumed = log_events_pb2.HearingResumed.FromString(record.data)
            self._rests_on_two(record)
            self.heard[resumed.source_log_id] = resumed.source_position
            self.halted.pop(resumed.source_log_id, None)
        elif record.type in (RELEASE_ACTIVATED, APPROVAL_RULES_SET):
            self._rests_on_two(record)
        elif record.type == log_events_pb2.OrderRenamed.DESCRIPTOR.full_name:
            self._rests_on_two(record)
            renamed = log_events_pb2.OrderRenamed.FromString(record.data)
            if renamed.order_position in self.answered:
                self.findings.say("only an order without an answer is renamed", f"order {renamed.order_position}")
        elif record.type == log_events_pb2.CommandProposed.DESCRIPTOR.full_name:
            proposed = log_events_pb2.CommandProposed.FromString(record.data)
            self.findings.same("a proposal names who made it", "proposal", proposed.proposer, actor_of(record))
            self.proposals[record.position] = proposed
        elif record.type == log_events_pb2.ProposalApproved.DESCRIPTOR.full_name:
            approved = log_events_pb2.ProposalApproved.FromString(record.data)
            proposed = self.proposals.pop(approved.proposal_id, log_events_pb2.CommandProposed())
            if proposed.proposer.partition(":")[2] in ("", record.subject):
                self.findings.say("two people approve", f"proposal {approved.proposal_id}: {actor_of(record)}")
            for thing in [thing_of(effect.type, effect.data) for effect in proposed.effects]:
                if thing is not None and self.changed_at.get(thing, 0) > approved.proposal_id:
                    self.findings.say("no outdated proposal is approved", f"proposal {approved.proposal_id}: {thing}")
            approval = Approval(proposed.proposer, actor_of(record), list(proposed.effects))
            self.approvals[f"{self.log_id}/{record.position}"] = approval
        elif record.type == log_events_pb2.ProposalRejected.DESCRIPTOR.full_name:
            self.proposals.pop(log_events_pb2.ProposalRejected.FromString(record.data).proposal_id)
        elif record.type == log_events_pb2.ProposalExpired.DESCRIPTOR.full_name:
            self.proposals.pop(log_events_pb2.ProposalExpired.FromString(record.data).proposal_id)
        elif record.type == log_events_pb2.HearingHalted.DESCRIPTOR.full_name:
            halted = log_events_pb2.HearingHalted.FromString(record.data)
            self.halted[halted.source_log_id] = halted.halted_because
        elif record.type == log_events_pb2.HearingRecovered.DESCRIPTOR.full_name:
            del self.halted[log_events_pb2.HearingRecovered.FromString(record.data).source_log_id]

    def _ends_set_aside(self, position: int, record: Record) -> log_events_pb2.SetAsideNoted | None:
        self._rests_on_two(record)
        aside = self.set_aside.pop(position, None)
        if aside is None:
            self.findings.say("what ends was set aside", f"record {position}")
        return aside

    def _take_dropped(self, record: Record) -> None:
        dropped = log_events_pb2.SetAsideDropped.FromString(record.data)
        aside = self._ends_set_aside(dropped.set_aside_position, record)
        if aside is None:
            return
        self.dropped[dropped.set_aside_position] = aside
        stated, kept = (dropped.reason, dict(dropped.facts)), (aside.reason, dict(aside.facts))
        self.findings.same("what is dropped says what it leaves open", "set aside", stated, kept)
        cause = (aside.source_log_id, aside.type, aside.reason)
        first = self.dropped_for.setdefault(record.approval, cause)
        self.findings.same("what is dropped together has one cause", "set aside", cause, first)

    def _take_approved(self, record: Record) -> None:
        """It is its approver's, and says what the proposal showed of it."""
        approval = self.approvals.get(record.approval)
        if approval is None or approval.approver != actor_of(record):
            self.findings.say("a record rests on an approval by its subject", f"{record.approval}, {actor_of(record)}")
        elif approval.effects and approval.effects[0].type == record.type:
            effect = approval.effects.pop(0)
            kind = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(record.type))
            stated, shown = kind.FromString(record.data), kind.FromString(effect.data)
            for name in [field.name for field, _ in shown.ListFields()]:
                what = f"{record.type}.{name}"
                self.findings.same(
                    "what is approved is what was shown", what, getattr(stated, name), getattr(shown, name)
                )

    def two_of(self, record: Record) -> tuple[str, str]:
        """Who proposed and who approved what a record says; empty where it rests on no approval."""
        approval = self.approvals.get(record.approval, Approval("", "", []))
        return approval.proposer, approval.approver

    def _rests_on_two(self, record: Record) -> None:
        if not record.approval:
            self.findings.say("two people correct a log", f"{record.type}, recorded by {actor_of(record)} alone")

    def conclude(self) -> None:
        """What was set aside, or is not heard, and not dealt with since is a finding."""
        self.findings.at = f"{self.log_id}, at the end"
        for place, approval in self.approvals.items():
            for effect in approval.effects:
                self.findings.say("what is approved is what was shown", f"{place} caused no {effect.type}")
        for source, why in self.halted.items():
            self.findings.say("every source is heard", f"{source}: {why}")
        for position, aside in self.set_aside.items():
            heard = f"{aside.source_log_id} {aside.source_position} {aside.type}"
            self.findings.say("nothing heard is set aside", f"record {position}: {heard}: {aside.reason}")

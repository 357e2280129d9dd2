"""Two people: what one proposes another approves, and then it is decided as of that moment."""

from dataclasses import replace

from carbonmarket.log.v1 import log_events_pb2
from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.approvals import HOUR_MS, OPEN_HOURS
from chassis.core.decider import Malformed, NotFound, NotPermitted, Rejected
from chassis.core.engine import Done, Engine
from chassis.core.proposals import (
    PROPOSAL_BYTES_MAX,
    PROPOSALS_BYTES_MAX,
    PROPOSALS_OF_ONE_PERSON_BYTES_MAX,
    PROPOSALS_OF_ONE_PERSON_MAX,
    PROPOSALS_OPEN_MAX,
    ApproveProposal,
    CommandProposed,
    ProposalApproved,
    ProposalExpired,
    ProposalRejected,
    ProposeCommand,
    RejectProposal,
    effects_of,
)
from chassis.core.record import HeardUpTo
from chassis.core.set_aside import DropSetAside, SetAsideDropped
from chassis.core.shell import MoveClock, OpenLog
from chassis.core.submission import DueTimer, HeardRecord
from chassis.say.tracing import Tracing
from chassis.serving.log_service import SHELL_COMMANDS
from support.shell import tally
from support.shell.asking import asked
from support.shell.tally import Add, Tally
from support.shell.two_people import by_two, declared, proposal_of

ANN, BEN = "registry_operator:ann", "exchange_operator:ben"
NOW_MS = 1_000
OPEN_FOR_MS = OPEN_HOURS * HOUR_MS
GROUND = "settled by hand, minutes 12"


def with_one_set_aside() -> tuple[Engine[Tally], int]:
    on: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), declared=declared())
    on.decide(asked("service:tally", "", OpenLog(False)), {}, NOW_MS)
    on.decide(HeardRecord(HeardUpTo("other", 1, b"d"), "x.Y", Add(tally.TALLY_MAX + 1)), {}, NOW_MS)
    (position,) = on.shell.set_aside
    return on, position


def ask(on: Engine[Tally], actor: str, command: object, now_ms: int = NOW_MS) -> Done:
    outcome = on.decide(asked(actor, "", command), {}, now_ms)
    assert isinstance(outcome, Done), outcome
    return outcome


def refusal(on: Engine[Tally], actor: str, command: object, now_ms: int = NOW_MS) -> Rejected:
    before = on.head
    outcome = on.decide(asked(actor, "", command), {}, now_ms)
    assert isinstance(outcome, Rejected), outcome
    assert on.head == before
    return outcome


def test_a_command_that_takes_two_people_is_refused_to_one() -> None:
    on, position = with_one_set_aside()
    alone = refusal(on, ANN, DropSetAside(position, GROUND))
    assert (alone.reason, alone.facts) == ("APPROVAL_REQUIRED", {"command": "DropSetAside"})


def test_what_a_second_person_approves_is_decided_then_and_rests_on_the_approval() -> None:
    on, position = with_one_set_aside()
    proposed = ask(on, ANN, proposal_of(DropSetAside(position, GROUND)))
    assert proposed.only(CommandProposed).proposer == ANN
    on.take_batch()
    done = ask(on, BEN, ApproveProposal(proposed.position))
    assert [type(event) for event in done.events] == [ProposalApproved, SetAsideDropped]
    approval, dropped = on.take_batch().records
    assert (approval.subject, approval.approval) == ("ben", "")
    assert (dropped.subject, dropped.approval) == ("ben", f"tally/{approval.position}")
    assert on.shell.proposals == {} == on.shell.set_aside


def test_nobody_approves_alone_in_no_other_role_either() -> None:
    on, position = with_one_set_aside()
    number = ask(on, ANN, proposal_of(DropSetAside(position, GROUND))).position
    for actor in (ANN, "clearing_operator:ann"):
        assert refusal(on, actor, ApproveProposal(number)).reason == "SECOND_PERSON_REQUIRED"


def test_only_who_may_call_the_command_proposes_approves_and_rejects_it() -> None:
    on, position = with_one_set_aside()
    command = proposal_of(DropSetAside(position, GROUND))
    assert isinstance(refusal(on, "participant:eve", command), NotPermitted)
    number = ask(on, ANN, command).position
    for answer in (ApproveProposal(number), RejectProposal(number, "no")):
        refused = refusal(on, "auditor:eve", answer)
        assert isinstance(refused, NotPermitted)
        assert refused.facts["role"] == "auditor"


def test_what_would_be_refused_now_is_not_proposed() -> None:
    on, _ = with_one_set_aside()
    assert refusal(on, ANN, proposal_of(DropSetAside(99, GROUND))).reason == "SET_ASIDE_UNKNOWN"


def test_a_proposal_whose_facts_have_changed_fails_visibly_and_stays() -> None:
    on, position = with_one_set_aside()
    drop = DropSetAside(position, GROUND)
    number = ask(on, ANN, proposal_of(drop)).position
    by_two(on, drop, BEN, ANN)
    assert refusal(on, BEN, ApproveProposal(number)).reason == "SET_ASIDE_UNKNOWN"
    assert list(on.shell.proposals) == [number]


def test_a_proposal_is_rejected_by_another_or_withdrawn_by_its_proposer() -> None:
    on, position = with_one_set_aside()
    for actor in (BEN, ANN):
        number = ask(on, ANN, proposal_of(DropSetAside(position, GROUND))).position
        assert refusal(on, actor, RejectProposal(number, " ")).reason == "TEXT_MALFORMED"
        ask(on, actor, RejectProposal(number, "not so")).only(ProposalRejected)
        assert isinstance(refusal(on, BEN, ApproveProposal(number)), NotFound)
    assert list(on.shell.set_aside) == [position]


def test_a_proposal_ends_by_itself_when_its_time_is_over() -> None:
    on, position = with_one_set_aside()
    number = ask(on, ANN, proposal_of(DropSetAside(position, GROUND))).position
    timer = on.due()
    assert timer is not None
    assert (timer.due_ms, timer.name) == (NOW_MS + OPEN_FOR_MS, f"expire-proposal/{number}")
    late = refusal(on, BEN, ApproveProposal(number), timer.due_ms)
    assert late.reason == "PROPOSAL_EXPIRED"
    ended = on.decide(DueTimer("tally", timer), {}, timer.due_ms)
    assert isinstance(ended, Done)
    ended.only(ProposalExpired)
    assert on.due() is None
    assert on.shell.proposals == {}


def test_a_proposal_that_is_rejected_just_ahead_of_its_end_does_not_end_again() -> None:
    on, position = with_one_set_aside()
    number = ask(on, ANN, proposal_of(DropSetAside(position, GROUND))).position
    timer = on.due()
    assert timer is not None
    rejected = ask(on, BEN, RejectProposal(number, "not so"), timer.due_ms)
    assert on.decide(DueTimer("tally", timer), {}, timer.due_ms) == Done((), rejected.position)


def test_what_cannot_be_proposed_is_refused_and_says_why() -> None:
    on, position = with_one_set_aside()
    drop = proposal_of(DropSetAside(position, GROUND))
    for unknown in (ProposeCommand("x.Y", b""), proposal_of(drop), proposal_of(MoveClock(5))):
        assert refusal(on, ANN, unknown).reason == "COMMAND_UNKNOWN"
    assert refusal(on, ANN, ProposeCommand(drop.type, b"\xff")).reason == "COMMAND_NOT_READABLE"
    assert isinstance(refusal(on, ANN, ProposeCommand(drop.type, b"x" * (PROPOSAL_BYTES_MAX + 1))), Malformed)


def test_nobody_alone_keeps_others_from_proposing_and_all_together_stay_within_a_bound() -> None:
    on, position = with_one_set_aside()
    drop = proposal_of(DropSetAside(position, GROUND))
    people = [f"registry_operator:{number}" for number in range(PROPOSALS_OPEN_MAX // PROPOSALS_OF_ONE_PERSON_MAX)]
    for person in people:
        for _ in range(PROPOSALS_OF_ONE_PERSON_MAX):
            ask(on, person, drop)
        for role in ("registry_operator", "clearing_operator"):
            one_more = refusal(on, f"{role}:{person.partition(':')[2]}", drop)
            assert one_more.reason == "TOO_MANY_PROPOSALS_OF_ONE_PERSON"
    assert refusal(on, ANN, drop).reason == "TOO_MANY_PROPOSALS"
    ask(on, BEN, RejectProposal(min(on.shell.proposals), "not so"))
    ask(on, ANN, drop)


def test_all_that_is_proposed_fits_one_answer() -> None:
    on, position = with_one_set_aside()
    drop = DropSetAside(position, GROUND)
    ask(on, ANN, proposal_of(drop))
    (open_,) = on.shell.proposals.values()
    on.shell.proposals[1] = replace(open_, data=b"x" * (PROPOSALS_OF_ONE_PERSON_BYTES_MAX - open_.bytes))
    of_one = refusal(on, ANN, proposal_of(drop))
    assert (of_one.reason, of_one.facts) == ("PROPOSALS_TOO_LARGE", {"bytes_max": PROPOSALS_OF_ONE_PERSON_BYTES_MAX})
    ask(on, BEN, proposal_of(drop))
    on.shell.proposals[1] = replace(open_, data=b"x" * (PROPOSALS_BYTES_MAX - 2 * open_.bytes))
    of_all = refusal(on, BEN, proposal_of(drop))
    assert (of_all.reason, of_all.facts) == ("PROPOSALS_TOO_LARGE", {"bytes_max": PROPOSALS_BYTES_MAX})


def test_a_proposal_keeps_the_command_without_the_shells_own_fields() -> None:
    on, position = with_one_set_aside()
    request = pb.DropSetAsideRequest(request_id="r1", set_aside_position=position, ground=GROUND)
    ask(on, ANN, ProposeCommand(request.DESCRIPTOR.full_name, request.SerializeToString()))
    (proposal,) = on.shell.proposals.values()
    assert (proposal.type, proposal.data) == SHELL_COMMANDS.encode(DropSetAside(position, GROUND))


def test_open_proposals_are_folded_from_the_log() -> None:
    on, position = with_one_set_aside()
    ask(on, ANN, proposal_of(DropSetAside(position, GROUND)))
    again: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), declared=declared())
    for record in on.take_batch().records:
        again.apply(record)
    assert again.shell == on.shell
    assert again.shell.proposals


def test_a_proposal_names_every_type_of_event_that_it_would_cause() -> None:
    on, position = with_one_set_aside()
    (effect,) = ask(on, ANN, proposal_of(DropSetAside(position, GROUND))).only(CommandProposed).effects
    assert effect.type == on.wire.by_event[SetAsideDropped].type_name
    dropped = log_events_pb2.SetAsideDropped(set_aside_position=position, ground=GROUND)
    assert log_events_pb2.SetAsideDropped.FromString(effect.data) == dropped


def test_a_type_of_which_the_name_alone_is_shown_is_named_once() -> None:
    on, _ = with_one_set_aside()
    names = [effect.type for effect in effects_of(on.wire, [tally.Added(1), tally.Ordered("x"), tally.Added(2)])]
    assert names == [on.wire.by_event[kind].type_name for kind in (tally.Added, tally.Ordered)]

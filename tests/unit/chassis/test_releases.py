"""Two releases of one small domain on a log: the way back is open until two people close it; then an error names it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chassis.core.call import HeldBack
from chassis.core.decider import Context, Decider, Malformed, Rejected
from chassis.core.engine import Done, Engine
from chassis.core.proposals import ApproveProposal
from chassis.core.record import Record
from chassis.core.releases import ActivateRelease, ReleaseTooOld
from chassis.core.shell import OpenLog
from chassis.core.submission import DueTimer
from chassis.core.wire import EventKind, Wire
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.snapshots import Snapshots
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import asked
from support.shell.hearing import FakeRemote, hearing, source_records, until_goes_on, until_halted
from support.shell.messages import messages
from support.shell.tally import Add, Added, Tally
from support.shell.two_people import approved, by_two, declared, proposal_of, proposed

ANN, EVE = "registry_operator:ann", "exchange_operator:eve"
GROUND = "all replicas run it"


@dataclass(frozen=True, slots=True)
class Doubled:
    """What the second release brings: the whole tally, twice."""

    by: int


@dataclass(frozen=True, slots=True)
class Double:
    pass


def double(state: Tally, command: Double, context: Context) -> list[object]:
    """Before its activation the second release decides as the first one would."""
    return [Doubled(2)]


def add_or_double(state: Tally, command: Add, context: Context) -> list[object]:
    return [Doubled(2)] if context.release_level >= 1 and command.amount == state.total else [Added(command.amount)]


def on_doubled(state: Tally, event: Doubled) -> None:
    state.total *= event.by


FIRST = tally.decider()
SECOND: Decider[Tally] = Decider(
    FIRST.initial,
    {**FIRST.decide, Double: double, Add: add_or_double},
    {**FIRST.evolve, Doubled: on_doubled},
    FIRST.due,
)
SECOND_WIRE = Wire(
    *tally.WIRE.by_event.values(),
    EventKind(Doubled, messages("package tally.v2; message Doubled { int64 by = 1; }")["Doubled"], since=1),
)


def first(records: Sequence[Record] = ()) -> Engine[Tally]:
    return folded(Engine("tally", FIRST, tally.WIRE, Tracing()), records)


def second(records: Sequence[Record] = ()) -> Engine[Tally]:
    return folded(Engine("tally", SECOND, SECOND_WIRE, Tracing(), declared=declared(1)), records)


def folded(engine: Engine[Tally], records: Sequence[Record]) -> Engine[Tally]:
    for record in records:
        engine.apply(record)
    return engine


def written(engine: Engine[Tally], *commands: tuple[str, object]) -> list[Record]:
    """What these commands wrote, each accepted."""
    for number, (actor, command) in enumerate(commands):
        outcome = engine.decide(asked(actor, f"{engine.head.position}/{number}", command), {}, 1_000)
        assert isinstance(outcome, Done), outcome
    return list(engine.take_batch().records)


def refusal(engine: Engine[Tally], actor: str, command: object) -> Rejected:
    outcome = engine.decide(asked(actor, f"{actor} {command}", command), {}, 1_000)
    assert isinstance(outcome, Rejected), outcome
    return outcome


ACTIVATE = ActivateRelease(1, GROUND)


def activate(engine: Engine[Tally]) -> list[Record]:
    """Two people activate level 1."""
    by_two(engine, ACTIVATE, ANN, EVE)
    return list(engine.take_batch().records)


def test_before_the_activation_the_new_release_writes_nothing_that_the_old_one_cannot_read() -> None:
    log = written(first(), (ANN, OpenLog(True)), (ANN, Add(4)))
    newer = second(log)
    assert refusal(newer, ANN, Double()).reason == "RELEASE_NOT_ACTIVE"
    log += written(newer, (ANN, Add(4)), (ANN, Add(2)))
    assert first(log).state.total == 10, "the way back is open"


def test_a_proposal_alone_closes_nothing() -> None:
    log = written(second(), (ANN, OpenLog(True)))
    newer = second(log)
    log += written(newer, (ANN, proposal_of(ACTIVATE)))
    (number,) = newer.shell.proposals
    assert refusal(newer, ANN, ApproveProposal(number)).reason == "SECOND_PERSON_REQUIRED"
    assert refusal(newer, EVE, ACTIVATE).reason == "APPROVAL_REQUIRED"
    assert refusal(newer, ANN, Double()).reason == "RELEASE_NOT_ACTIVE"
    assert first(log).shell.release_level == 0


def test_after_the_activation_the_new_types_are_written_and_the_old_release_refuses_to_start_and_says_why() -> None:
    newer = second()
    log = written(newer, (ANN, OpenLog(True)), (ANN, Add(4))) + activate(newer)
    with pytest.raises(ReleaseTooOld) as told:
        first(log)
    assert "release level 1 activated by position 5" in str(told.value)
    assert "knows levels up to 0" in str(told.value)
    log += written(newer, (ANN, Double()), (ANN, Add(8)))
    assert second(log).state.total == 16
    assert second(log).shell.release_level == 1


async def test_a_snapshot_of_the_newer_release_does_not_start_the_old_one_either() -> None:
    store = MemoryStore("tally")
    newer = second()
    store.records.extend(written(newer, (ANN, OpenLog(True))) + activate(newer))
    snapshots = Snapshots(MemoryLog(store), "any code", ["tests", "support", "test_releases"])
    await snapshots.save(snapshots.take(newer))
    with pytest.raises(ReleaseTooOld):
        await snapshots.restore(first())


def test_levels_are_activated_one_by_one_and_only_those_that_are_known() -> None:
    newer = second(written(second(), (ANN, OpenLog(True))))
    for level in (0, -1, 2):
        unknown = refusal(newer, ANN, proposal_of(ActivateRelease(level, GROUND)))
        assert isinstance(unknown, Malformed)
        assert (unknown.reason, unknown.facts["release_level_known"]) == ("RELEASE_LEVEL_UNKNOWN", 1)
    assert refusal(newer, ANN, proposal_of(ActivateRelease(1, " "))).reason == "TEXT_MALFORMED"
    activate(newer)
    again = refusal(newer, ANN, proposal_of(ACTIVATE))
    assert (again.reason, again.facts) == ("RELEASE_LEVEL_NOT_NEXT", {"release_level": 1, "release_level_active": 1})


def test_what_is_due_before_the_activation_waits_and_is_not_set_aside() -> None:
    decider: Decider[Tally] = replace(SECOND, decide={**SECOND.decide, tally.Ring: lambda *_: [Doubled(2)]})
    engine = folded(Engine("tally", decider, SECOND_WIRE, Tracing(), declared=declared(1)), [])
    written(engine, (ANN, OpenLog(False)), (ANN, tally.AddLater(900)))
    timer = engine.due()
    assert timer is not None
    outcome = engine.decide(DueTimer("tally", timer), {}, 1_000)
    assert isinstance(outcome, HeldBack)
    assert "waits until a release is activated" in str(outcome)
    assert not engine.shell.set_aside
    activate(engine)
    assert isinstance(engine.decide(DueTimer("tally", timer), {}, 1_000), Done)


async def test_a_source_that_waits_for_a_release_is_heard_further_by_itself_once_it_is_activated() -> None:
    decider: Decider[Tally] = replace(SECOND, decide={**SECOND.decide, Add: lambda *_: [Doubled(2)]})
    remote = FakeRemote()
    remote.records = source_records(2)
    async with hearing(MemoryStore("tally"), remote, decider, wire=SECOND_WIRE, release_level=1) as (ear, _, writer):
        await writer.insist(asked(ANN, "", OpenLog(False)))
        await until_halted(ear)
        assert "waits until a release is activated" in ear.halted_because
        await approved(writer, await proposed(writer, ACTIVATE, ANN), EVE)
        await until_goes_on(ear)
        assert ear.upto.position == 2


def test_a_type_that_no_activation_announced_is_named_at_the_start() -> None:
    newer = second()
    log = written(newer, (ANN, OpenLog(True))) + activate(newer) + written(newer, (ANN, Double()))
    careless: Any = Engine("tally", FIRST, tally.WIRE, Tracing(), declared=declared(1))
    with pytest.raises(ReleaseTooOld, match=r"record 5 of tally is a tally.v2.Doubled, unknown here"):
        folded(careless, log)

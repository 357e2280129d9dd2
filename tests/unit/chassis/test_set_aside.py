"""What was set aside is decided again once its cause is corrected, or dropped: both by two people."""

import asyncio
from dataclasses import replace

import pytest
from google.protobuf import wrappers_pb2

from chassis.core import asides as asides_module
from chassis.core import set_aside as set_aside_module
from chassis.core.asides import ASIDE_BYTES, SetAsideNoted, bytes_of
from chassis.core.decider import Context, Decider, Rejected
from chassis.core.engine import Done, Engine
from chassis.core.proposals import ApproveProposal
from chassis.core.record import HeardUpTo, first_fault
from chassis.core.set_aside import DecideSetAsideAgain, DropSetAside, SetAsideDecidedAgain, SetAsideDropped
from chassis.core.shell import OpenLog
from chassis.core.submission import DueTimer, HeardRecord, OrderAnswer
from chassis.followers import caller as caller_module
from chassis.followers.caller import Caller, Outgoing
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import asked, call_of
from support.shell.hearing import REACTIONS
from support.shell.tally import Add, Added, AddLater, Answered, Delivered, Order, Ordered, Ring, Tally
from support.shell.two_people import approved, by_two, declared, proposal_of, proposed

ANN, BEN = "registry_operator:ann", "exchange_operator:ben"
NOW_MS = 5_000
TYPE = "google.protobuf.Int64Value"
GROUND = "corrected, minutes 12"
ASIDE = SetAsideNoted("tally", 0, "", "BELL_BROKEN", ())
ORDERED, _ = tally.WIRE.encode(Ordered("bread"))


def full_tally(decider: Decider[Tally] | None = None) -> Engine[Tally]:
    """One that has no room for more than one, until somebody takes from it."""
    heard = declared(reactions={"other": REACTIONS})
    on: Engine[Tally] = Engine("tally", decider or tally.decider(), tally.WIRE, Tracing(), declared=heard)
    on.decide(asked("service:tally", "", OpenLog(False)), {}, NOW_MS)
    on.decide(asked("participant:ada", "", Add(tally.TALLY_MAX - 1)), {}, NOW_MS)
    return on


def hear(on: Engine[Tally], position: int, amount: int) -> None:
    data = wrappers_pb2.Int64Value(value=amount).SerializeToString()
    upto = HeardUpTo("other", position, b"d")
    assert isinstance(on.decide(HeardRecord(upto, TYPE, Add(amount), data=data), {}, NOW_MS), Done)


def test_a_heard_record_is_decided_again_as_its_reaction_has_it_after_its_cause_is_mended() -> None:
    on = full_tally()
    hear(on, 1, 7)
    hear(on, 2, 1)
    (position,) = on.shell.set_aside
    again = DecideSetAsideAgain(position, GROUND)
    full = on.decide(asked(ANN, "", proposal_of(again)), {}, NOW_MS)
    assert isinstance(full, Rejected) and full.reason == "TALLY_FULL", "its cause is not corrected yet"
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    on.take_batch()
    done = by_two(on, again, ANN, BEN, NOW_MS)
    assert done.events[1:] == (SetAsideDecidedAgain(position, "other", 1, TYPE, GROUND), Added(7))
    assert on.state.total == tally.TALLY_MAX - 100 + 7
    assert on.shell.set_aside == {}
    records = on.take_batch().records
    assert [record.source_log_id for record in records] == [""] * 4, "what came later was heard already"
    assert on.heard["other"].position == 2
    approval = f"tally/{records[1].position}"
    assert [record.approval for record in records] == ["", "", approval, approval]


def test_a_decision_is_told_that_it_comes_late_and_no_longer_counts_what_it_decides() -> None:
    seen: list[Context] = []

    def add(state: Tally, command: Add, context: Context) -> list[object]:
        seen.append(context)
        return tally.add(state, command, context)

    on = full_tally(replace(tally.decider(), decide={**tally.decider().decide, Add: add}))
    hear(on, 1, 7)
    (position,) = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    by_two(on, DecideSetAsideAgain(position, GROUND), ANN, BEN, NOW_MS)
    assert not any(context.late for context in seen[:-2])
    assert (seen[-1].late, seen[-1].set_aside, str(seen[-1].actor)) == (True, 0, "service:other")
    assert seen[-1].approval.startswith("tally/")


def test_dropping_says_what_it_leaves_open_and_applies_nothing() -> None:
    on = full_tally()
    hear(on, 1, 7)
    (position,) = on.shell.set_aside
    done = by_two(on, DropSetAside(position, GROUND), ANN, BEN, NOW_MS)
    dropped = done.only(SetAsideDropped)
    assert (dropped.source_log_id, dropped.source_position, dropped.type) == ("other", 1, TYPE)
    assert (dropped.reason, dict(dropped.facts)["total"]) == ("TALLY_FULL", str(tally.TALLY_MAX - 1))
    assert on.state.total == tally.TALLY_MAX - 1
    assert on.shell.set_aside == {}


def test_what_was_dropped_can_still_be_decided_again_once() -> None:
    on = full_tally()
    hear(on, 1, 7)
    (position,) = on.shell.set_aside
    by_two(on, DropSetAside(position, GROUND), ANN, BEN, NOW_MS)
    twice = on.decide(asked(ANN, "", proposal_of(DropSetAside(position, GROUND))), {}, NOW_MS)
    assert isinstance(twice, Rejected) and twice.reason == "SET_ASIDE_UNKNOWN"
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    by_two(on, DecideSetAsideAgain(position, GROUND), ANN, BEN, NOW_MS)
    assert on.state.total == tally.TALLY_MAX - 1 - 100 + 7
    again = on.decide(asked(ANN, "", proposal_of(DecideSetAsideAgain(position, GROUND))), {}, NOW_MS)
    assert isinstance(again, Rejected) and again.reason == "SET_ASIDE_UNKNOWN"


def test_of_what_was_dropped_the_first_is_forgotten_where_all_are_too_many_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asides_module, "DROPPED_BYTES_MAX", 2 * ASIDE_BYTES + 500)
    on = full_tally()
    for number in range(1, 4):
        hear(on, number, 7)
    first, second, third = on.shell.set_aside
    for position in (second, first, third):
        by_two(on, DropSetAside(position, GROUND), ANN, BEN, NOW_MS)
    assert sorted(on.shell.dropped) == [second, third]
    assert sum(map(bytes_of, on.shell.dropped.values())) <= 2 * ASIDE_BYTES + 500
    forgotten = on.decide(asked(ANN, "", proposal_of(DecideSetAsideAgain(first, GROUND))), {}, NOW_MS)
    assert isinstance(forgotten, Rejected) and forgotten.reason == "SET_ASIDE_UNKNOWN"
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    by_two(on, DecideSetAsideAgain(second, GROUND), ANN, BEN, NOW_MS)
    assert on.state.total == tally.TALLY_MAX - 1 - 100 + 7


def test_all_of_one_cause_are_dropped_in_one_step_each_with_its_own_record() -> None:
    on = full_tally()
    for number in range(1, 6):
        hear(on, number, 7)
    hear_of_another_type(on, 6)
    first, second, third, fourth, fifth, other = on.shell.set_aside
    drop = DropSetAside(second, GROUND, through_position=fourth)
    done = by_two(on, drop, ANN, BEN, NOW_MS)
    assert [event.set_aside_position for event in done.all(SetAsideDropped)] == [second, third, fourth]
    assert [event.facts for event in done.all(SetAsideDropped)] == [on.shell.dropped[second].facts] * 3
    assert list(on.shell.set_aside) == [first, fifth, other]
    by_two(on, DropSetAside(first, GROUND, through_position=other + 1_000), ANN, BEN, NOW_MS)
    assert list(on.shell.set_aside) == [other], "another type is another cause"
    by_two(on, DropSetAside(other, GROUND, through_position=other), ANN, BEN, NOW_MS)
    assert on.shell.set_aside == {}


def hear_of_another_type(on: Engine[Tally], position: int) -> None:
    heard = HeardRecord(HeardUpTo("other", position, b"d"), "google.protobuf.Int32Value", Add(7))
    assert isinstance(on.decide(heard, {}, NOW_MS), Done)


def test_all_of_one_cause_are_decided_again_in_one_step_each_on_what_the_one_before_it_left() -> None:
    on = full_tally()
    for number in range(1, 5):
        hear(on, number, 7)
    hear_of_another_type(on, 5)
    first, second, third, fourth, other = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-15)), {}, NOW_MS)
    on.take_batch()
    done = by_two(on, DecideSetAsideAgain(first, GROUND, through_position=other), ANN, BEN, NOW_MS)
    assert done.events[1:] == (SetAsideDecidedAgain(first, "other", 1, TYPE, GROUND), Added(7)), "as if it were alone"
    assert list(on.shell.set_aside) == [third, fourth, other], (
        "there is room for two, and another type is another cause"
    )
    batch = on.take_batch()
    assert batch.events[-2:] == (SetAsideDecidedAgain(second, "other", 2, TYPE, GROUND), Added(7))
    approval = f"tally/{batch.records[1].position}"
    assert [record.approval for record in batch.records] == ["", "", *[approval] * 4]
    assert {(record.subject, record.role) for record in batch.records[2:]} == {("ben", "exchange_operator")}
    assert first_fault(batch.head, batch.records) is None
    stays = on.decide(
        asked(ANN, "", proposal_of(DecideSetAsideAgain(third, GROUND, through_position=other))), {}, NOW_MS
    )
    assert isinstance(stays, Rejected) and stays.reason == "TALLY_FULL"


def test_what_comes_after_one_that_cannot_be_decided_again_stays_set_aside_even_if_it_could_be() -> None:
    on = full_tally()
    for number, amount in enumerate((3, 9, 2), start=1):
        hear(on, number, amount)
    first, too_large, small = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-5)), {}, NOW_MS)
    by_two(on, DecideSetAsideAgain(first, GROUND, through_position=small), ANN, BEN, NOW_MS)
    assert list(on.shell.set_aside) == [too_large, small]


async def test_a_bug_in_what_is_decided_again_is_logged_with_where_it_is_and_leaves_it_set_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def add(state: Tally, command: Add, context: Context) -> list[object]:
        if context.late and command.amount == 9:
            raise KeyError("forgotten")
        return tally.add(state, command, context)

    on = full_tally(replace(tally.decider(), decide={**tally.decider().decide, Add: add}))
    for number, amount in enumerate((7, 9, 7), start=1):
        hear(on, number, amount)
    first, failing, last = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    log = MemoryLog(MemoryStore("tally"))
    await log.lead()
    writer = Writer(on, log, Metrics())
    running = asyncio.create_task(writer.run())
    async with asyncio.timeout(30):
        number = await proposed(writer, DecideSetAsideAgain(first, GROUND, through_position=last), ANN)
        done = await approved(writer, number, BEN)
    running.cancel()
    await asyncio.wait([running])
    assert done.all(Added) == [Added(7)], "the others were not asked for by the one that failed"
    assert list(on.shell.set_aside) == [failing, last]
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert f"DecideSetAsideAgain(set_aside_position={failing}" in line.getMessage()
    assert "KeyError" in line.getMessage()
    assert line.exc_info is not None and line.exc_info[2] is not None, "and says where"
    assert vars(line)["actor"] == BEN


def test_a_repeat_of_the_approval_decides_nothing_again() -> None:
    on = full_tally()
    for number in (1, 2, 3):
        hear(on, number, 1)
    first, *_, last = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    again = proposal_of(DecideSetAsideAgain(first, GROUND, through_position=last))
    proposal = on.decide(asked(ANN, "p1", again), {}, NOW_MS)
    assert isinstance(proposal, Done)
    approve = asked(BEN, "a1", ApproveProposal(proposal.position))
    done = on.decide(approve, {}, NOW_MS)
    head = on.head
    assert on.decide(approve, {}, NOW_MS) == done and on.head == head
    assert on.state.total == tally.TALLY_MAX - 1 - 100 + 3


def test_one_step_decides_no_more_again_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside_module, "DECIDED_AGAIN_AT_ONCE_MAX", 2)
    on = full_tally()
    for number in (1, 2, 3):
        hear(on, number, 7)
    first, _, last = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    by_two(on, DecideSetAsideAgain(first, GROUND, through_position=last), ANN, BEN, NOW_MS)
    assert list(on.shell.set_aside) == [last]


def test_what_is_dropped_through_a_position_begins_with_what_is_set_aside_and_ends_not_before_it() -> None:
    on = full_tally()
    hear(on, 1, 7)
    hear(on, 2, 7)
    first, second = on.shell.set_aside
    for command, reason in (
        (DropSetAside(second, GROUND, through_position=first), "THROUGH_POSITION_TOO_LOW"),
        (DropSetAside(second, GROUND, through_position=-1), "THROUGH_POSITION_TOO_LOW"),
        (DropSetAside(first - 1, GROUND, through_position=second), "SET_ASIDE_UNKNOWN"),
        (DecideSetAsideAgain(second, GROUND, through_position=first), "THROUGH_POSITION_TOO_LOW"),
    ):
        refused = on.decide(asked(ANN, "", proposal_of(command)), {}, NOW_MS)
        assert isinstance(refused, Rejected) and refused.reason == reason


def test_one_step_drops_as_many_as_fit_and_the_next_one_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    on = full_tally()
    for number in range(1, 8):
        hear(on, number, 7)
    positions = list(on.shell.set_aside)

    def dropped_in_one_step() -> list[int]:
        drop = DropSetAside(next(iter(on.shell.set_aside)), GROUND, through_position=positions[-1])
        return [event.set_aside_position for event in by_two(on, drop, ANN, BEN, NOW_MS).all(SetAsideDropped)]

    monkeypatch.setattr(set_aside_module, "DROPPED_AT_ONCE_MAX", 3)
    assert dropped_in_one_step() == positions[:3]
    monkeypatch.setattr(set_aside_module, "DROPPED_AT_ONCE_BYTES_MAX", 1)
    assert dropped_in_one_step() == positions[3:4], "one always goes"
    assert dropped_in_one_step() == positions[4:5]


def test_as_many_as_one_step_may_drop_can_be_proposed_with_the_longest_ground() -> None:
    on = full_tally()
    for number in range(1, set_aside_module.DROPPED_AT_ONCE_MAX + 2):
        hear(on, number, 7)
    first, *_, last = on.shell.set_aside
    done = by_two(on, DropSetAside(first, "😀" * 200, through_position=last), ANN, BEN, NOW_MS)
    assert len(done.all(SetAsideDropped)) == set_aside_module.DROPPED_AT_ONCE_MAX
    assert list(on.shell.set_aside) == [last]


def test_a_timer_is_decided_again_as_long_as_it_is_due_and_else_dropped() -> None:
    broken = [True]

    def ring(state: Tally, command: Ring, context: Context) -> list[object]:
        if broken:
            raise Rejected("BELL_BROKEN")
        return [Added(1)]

    on = full_tally(replace(tally.decider(), decide={**tally.decider().decide, Ring: ring}))
    on.decide(asked("participant:ada", "", AddLater(NOW_MS)), {}, NOW_MS)
    timer = on.due()
    assert timer is not None
    on.decide(DueTimer("tally", timer), {}, NOW_MS)
    (position,) = on.shell.set_aside
    aside = on.shell.set_aside[position]
    assert (aside.type, aside.timer) == ("", timer.name), "no class of ours is named"
    again = DecideSetAsideAgain(position, GROUND)
    still = on.decide(asked(ANN, "", proposal_of(again)), {}, NOW_MS)
    assert isinstance(still, Rejected) and still.reason == "BELL_BROKEN"
    broken.clear()
    by_two(on, again, ANN, BEN, NOW_MS)
    assert on.state.due == [] and on.shell.set_aside == {}
    position = on.shell.position + 1
    on.shell.set_aside.add(position, replace(ASIDE, timer="ring/1"))
    again = DecideSetAsideAgain(position, GROUND)
    over = on.decide(asked(ANN, "", proposal_of(again)), {}, NOW_MS)
    assert isinstance(over, Rejected) and over.reason == "TIMER_NOT_DUE"
    by_two(on, DropSetAside(position, GROUND), ANN, BEN, NOW_MS)


def test_what_is_decided_again_knows_the_position_that_its_first_event_will_have() -> None:
    expected: list[int] = []

    def add(state: Tally, command: Add, context: Context) -> list[object]:
        expected.append(context.next_position)
        return tally.add(state, command, context)

    on = full_tally(replace(tally.decider(), decide={**tally.decider().decide, Add: add}))
    hear(on, 1, 7)
    (position,) = on.shell.set_aside
    on.decide(asked("participant:ada", "", Add(-100)), {}, NOW_MS)
    on.take_batch()
    by_two(on, DecideSetAsideAgain(position, GROUND), ANN, BEN, NOW_MS)
    (added,) = [record.position for record in on.take_batch().records if record.type.endswith("Added")]
    assert expected[-1] == added


async def test_an_answer_that_was_set_aside_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_module, "RETRY_SECONDS", (0.01,))
    away = [True]

    def answered(state: Tally, command: Answered, context: Context) -> list[object]:
        if away:
            raise Rejected("SHELF_FULL")
        return [Delivered(command.what)]

    log = MemoryLog(MemoryStore("tally"))
    await log.lead()
    decider = replace(tally.decider(), decide={**tally.decider().decide, Answered: answered})
    engine: Engine[Tally] = Engine("tally", decider, tally.WIRE, Tracing(), frozenset({Ordered}), declared())
    writer = Writer(engine, log, Metrics())
    sent: list[int] = []

    async def deliver(order: Ordered, outgoing: Outgoing) -> object:
        sent.append(outgoing.position)
        return Answered(order.what)

    caller = Caller({Ordered: deliver}, {}, writer, Tracing())
    running = [asyncio.create_task(writer.run()), asyncio.create_task(caller.run())]
    async with asyncio.timeout(30):
        await writer.submit(Order("bread"), call_of("participant:ada", "r1"))
        while not engine.shell.set_aside:
            await asyncio.sleep(0.01)
        (position,) = engine.shell.set_aside
        assert engine.shell.set_aside[position].type == ORDERED, "no class of ours is named"
        away.clear()
        number = await proposed(writer, DecideSetAsideAgain(position, GROUND), ANN)
        await approved(writer, number, BEN)
        while (await writer.read(lambda state: list(state.delivered))).value != ["bread"]:
            await asyncio.sleep(0.01)
    assert sent == [1, 1] and engine.shell.unanswered == set()
    for task in running:
        task.cancel()
    await asyncio.wait(running)


def test_an_answer_is_decided_once_however_often_it_comes() -> None:
    on: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), frozenset({Ordered}), declared())
    on.decide(asked("participant:ada", "", Order("bread")), {}, NOW_MS)
    for _ in range(3):
        on.decide(OrderAnswer("tally", 1, ORDERED, Answered("bread")), {}, NOW_MS)
    assert on.state.delivered == ["bread"]

"""The engine: what the writer does to a batch, without any I/O."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chassis.core.asides import SetAsideNoted
from chassis.core.call import Bug, RequestIdReused
from chassis.core.decider import Actor, Context, Decider, Malformed, Rejected
from chassis.core.engine import Done, Engine, Outcome, StateUnusable
from chassis.core.keys import Found, Key
from chassis.core.record import HeardUpTo, LogBroken, Record, first_fault, genesis
from chassis.core.set_aside import FACTS_MAX
from chassis.core.shell import CLOCK_MS_MAX, LogOpened, MoveClock, OpenLog
from chassis.core.submission import AskedCommand, HeardRecord, OrderAnswer
from chassis.core.wire import DATA_BYTES_MAX
from chassis.say.tracing import Tracing, trace_id_of
from support.shell import tally
from support.shell.asking import asked
from support.shell.tally import Add, Added, Answered, Break, Order, Tally

NOW_MS = 5_000


def engine(decider: Decider[Tally] | None = None, rehearsal: bool = False) -> Engine[Tally]:
    fresh: Engine[Tally] = Engine(
        "tally", decider or tally.decider(), tally.WIRE, Tracing(), frozenset({tally.Ordered})
    )
    fresh.shell.rehearsal = rehearsal
    fresh.shell.clock_ms = 1_000
    fresh.decide(asked("service:tally", "", OpenLog(rehearsal)), {}, 1_000)
    return fresh


def ask(on: Engine[Tally], command: object, request_id: str = "", now_ms: int = NOW_MS, **fields: object) -> Outcome:
    submission = asked("participant:ada", request_id, command, **fields)  # type: ignore[arg-type]  # test's own
    return on.decide(submission, {}, now_ms)


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def everything(on: Engine[Tally]) -> tuple[Record, ...]:
    return on.take_batch().records


def test_replaying_the_records_gives_the_live_state() -> None:
    live = engine()
    for amount in (3, 4, 5):
        ask(live, Add(amount))
    ask(live, Order("bread"))
    records = everything(live)
    again: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing(), frozenset({tally.Ordered}))
    for record in records:
        again.apply(record)
    assert (again.state, again.shell, again.head) == (live.state, live.shell, live.head)
    assert first_fault(genesis("tally"), records) is None


@pytest.mark.parametrize(
    ("left", "what"),
    [
        ((1, 2, 4), "record 3 is missing: found 4 in its place; it is good up to 2"),
        ((1, 5), "records 2 to 4 are missing: found 5 in their place; it is good up to 1"),
        ((1, 2, 2), "record 3 is missing: found 2 in its place; it is good up to 2"),
        ((1, -2), "record 2 is not the one that was written here; it is good up to 1"),
    ],
)
def test_a_log_with_a_hole_or_a_changed_record_is_not_folded_and_says_where_it_is_broken(
    left: Sequence[int], what: str
) -> None:
    live = engine()
    for amount in (3, 4, 5, 6):
        ask(live, Add(amount))
    records = {record.position: record for record in everything(live)}
    records[-2] = replace(records[2], data=records[3].data)
    again: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, Tracing())
    for position in left[:-1]:
        again.apply(records[position])
    with pytest.raises(LogBroken, match=f"the log of tally is broken: {what}.* See what `verify` says"):
        again.apply(records[left[-1]])


def test_a_refusal_and_a_bug_change_nothing_and_leave_no_record() -> None:
    on = engine()
    ask(on, Add(10))
    everything(on)
    before = copy.deepcopy((on.state, on.shell, on.head))
    assert isinstance(ask(on, Add(tally.TALLY_MAX), "r1"), Rejected)
    assert isinstance(ask(on, Break(), "r2"), Bug)
    assert (on.state, on.shell, on.head) == before
    assert everything(on) == ()
    assert done(ask(on, Add(1), "r1")).events == (Added(1),), "a refused command left no trace: its id is free"


def test_a_repeat_gets_the_first_answer_even_when_a_rule_would_refuse_it_now() -> None:
    on = engine()
    first = done(ask(on, Add(tally.TALLY_MAX), "r1"))
    assert ask(on, Add(tally.TALLY_MAX), "r1") == first
    assert on.state.total == tally.TALLY_MAX


def test_only_what_the_log_may_not_find_yet_is_kept_in_memory() -> None:
    on = engine()
    first = done(ask(on, Add(1), "r1"))
    on.take_batch()
    assert ask(on, Add(1), "r1") == first, "its append may be under way"
    on.take_batch()
    assert not on._accepted and not on._accepted_before, "two batches later the log is asked"


def test_a_repeat_that_only_the_log_remembers_is_found_there() -> None:
    on = engine()
    first = done(ask(on, Add(7), "r1"))
    (record,) = everything(on)[-1:]
    assert record.command_digest
    fresh = engine()
    found = Found(record.command_digest, first.position, 1)
    submission = asked("participant:ada", "r1", Add(7))
    assert fresh.decide(submission, {Key("ada", "ada", "r1"): found}, NOW_MS) == found
    assert fresh.state.total == 0


def test_the_same_id_with_another_body_is_refused_and_another_actors_same_id_is_not() -> None:
    on = engine()
    ask(on, Add(1), "r1")
    assert isinstance(ask(on, Add(2), "r1"), RequestIdReused)
    assert isinstance(on.decide(asked("participant:bea", "r1", Add(2)), {}, NOW_MS), Done)


def test_two_people_for_one_account_and_one_person_for_two_have_request_ids_of_their_own() -> None:
    on = engine()
    for amount, (subject, account) in enumerate([("ada", "power"), ("bea", "power"), ("ada", "steel")], 1):
        command = AskedCommand(Actor(subject, "participant", account), "r1", Add(amount))
        assert isinstance(on.decide(command, {}, NOW_MS), Done)
    assert on.state.total == 6
    in_another_role = AskedCommand(Actor("ada", "auditor", "power"), "r1", Add(1))
    assert on.decide(in_another_role, {}, NOW_MS) == Done((Added(1),), 2), "one person in two roles repeats itself"
    assert on.state.total == 6


def test_a_record_says_who_acted_in_which_role_for_which_account() -> None:
    on = engine()
    on.decide(AskedCommand(Actor("ada", "participant", "power"), "r1", Add(1)), {}, NOW_MS)
    on.decide(HeardRecord(HeardUpTo("other", 1, b"d"), "", Add(1)), {}, NOW_MS)
    said = [(record.subject, record.role, record.account, record.format) for record in everything(on)[1:]]
    assert said == [("ada", "participant", "power", 1), ("service:other", "service", "", 1)]


def test_a_heard_record_is_applied_once_and_a_gap_not_at_all() -> None:
    on = engine()

    def heard(position: int) -> Outcome:
        upto = HeardUpTo("other", position, b"d")
        return on.decide(HeardRecord(upto, "", Add(1)), {}, NOW_MS)

    done(heard(1))
    done(heard(1))
    assert isinstance(heard(3), Bug)
    done(heard(2))
    assert on.state.total == 2
    batch = on.take_batch()
    assert batch.heard == (HeardUpTo("other", 2, b"d"),)
    assert [(r.source_log_id, r.source_position) for r in batch.records[1:]] == [("other", 1), ("other", 2)]


def test_a_heard_record_brings_those_before_it_that_cause_nothing_unless_one_is_missing() -> None:
    on = engine()

    def heard(position: int, passed: int) -> Outcome:
        upto = HeardUpTo("other", position, b"d")
        return on.decide(HeardRecord(upto, "", Add(1), passed=passed), {}, NOW_MS)

    done(heard(3, passed=2))
    assert isinstance(heard(6, passed=1), Bug), "4 is missing"
    done(heard(3, passed=0))
    assert on.state.total == 1, "3 was heard"
    done(heard(5, passed=3))
    assert on.state.total == 2, "of those before it some were heard, itself it was not"
    assert on.take_batch().heard == (HeardUpTo("other", 5, b"d"),)


def test_what_causes_nothing_is_heard_without_a_record_and_stored_with_what_comes_next() -> None:
    on = engine()
    on.take_batch()

    def passed_over(position: int, passed: int) -> Outcome:
        return on.pass_over(HeardRecord(HeardUpTo("other", position, b"d"), "", None, passed=passed))

    done(passed_over(3, passed=2))
    done(passed_over(2, passed=0))
    assert isinstance(passed_over(9, passed=3), Bug), "4 and 5 are missing"
    batch = on.take_batch()
    assert (batch.records, batch.heard) == ((), (HeardUpTo("other", 3, b"d"),))


def test_what_is_heard_is_never_refused_but_set_aside_as_an_event() -> None:
    on = engine()
    upto = HeardUpTo("other", 1, b"d")
    command = Add(tally.TALLY_MAX + 1)
    outcome = on.decide(HeardRecord(upto, "x.Y", command), {}, NOW_MS)
    aside = done(outcome).only(SetAsideNoted)
    assert (aside.source_position, aside.type, aside.reason) == (1, "x.Y", "TALLY_FULL")
    assert list(on.shell.set_aside.values()) == [aside]
    assert on.heard["other"].position == 1


def test_a_bug_in_deciding_what_is_heard_leaves_it_unheard() -> None:
    on = engine()
    upto = HeardUpTo("other", 1, b"d")
    assert isinstance(on.decide(HeardRecord(upto, "", Break()), {}, NOW_MS), Bug)
    assert on.heard == {}


def test_an_order_awaits_its_answer_and_takes_it_once() -> None:
    on = engine()
    position = done(ask(on, Order("bread"))).position
    assert on.shell.unanswered == {position}
    answer = OrderAnswer("tally", position, "x.Ordered", Answered("bread"))
    done(on.decide(answer, {}, NOW_MS))
    assert on.shell.unanswered == set()
    assert done(on.decide(answer, {}, NOW_MS)).events == ()
    assert on.state.delivered == ["bread"]


def test_time_in_a_log_never_goes_back() -> None:
    on = engine()
    ask(on, Add(1), now_ms=9_000)
    ask(on, Add(1), now_ms=7_000)
    assert [record.recorded_ms for record in everything(on)] == [1_000, 9_000, 9_000]


def test_a_clock_moves_only_in_a_rehearsal_and_never_back() -> None:
    refused = ask(engine(), MoveClock(9_000))
    assert isinstance(refused, Rejected) and refused.reason == "NOT_A_REHEARSAL"
    on = engine(rehearsal=True)
    done(ask(on, MoveClock(9_000)))
    refused = ask(on, MoveClock(8_999))
    assert isinstance(refused, Rejected) and refused.reason == "CLOCK_MOVED_BACK"


def test_a_clock_is_never_moved_beyond_the_calendar() -> None:
    on = engine(rehearsal=True)
    for to_ms in (CLOCK_MS_MAX + 1, 2**63 - 1):
        refused = ask(on, MoveClock(to_ms))
        assert isinstance(refused, Malformed) and refused.reason == "CLOCK_OUT_OF_RANGE"
    done(ask(on, MoveClock(CLOCK_MS_MAX)))


def test_a_failure_in_evolve_is_no_answer_but_the_end() -> None:
    sound = tally.decider()

    def corrupt(state: Tally, event: Added) -> None:
        raise AssertionError("impossible")

    on = engine(Decider(sound.initial, sound.decide, {**sound.evolve, Added: corrupt}))
    with pytest.raises(StateUnusable, match="impossible"):
        ask(on, Add(1))


def test_what_is_set_aside_fits_the_log_however_much_its_refusal_says() -> None:
    facts = {f"{number:03}{'ÿ' * 1_000}": "\U00010000" * 200_000 for number in range(FACTS_MAX + 1)}

    def add(state: Tally, command: Add, context: Context) -> list[object]:
        raise Rejected("TALLY_FULL", **facts)

    sound = tally.decider()
    on = engine(Decider(sound.initial, {**sound.decide, Add: add}, sound.evolve))
    heard = HeardRecord(HeardUpTo("other", 1, b"d"), "x.Y", Add(1), data=b"x" * DATA_BYTES_MAX)
    aside = done(on.decide(heard, {}, NOW_MS)).only(SetAsideNoted)
    assert (aside.reason, aside.data) == ("TALLY_FULL", heard.data)
    assert len(aside.facts) == FACTS_MAX
    assert all(value.endswith("\U00010000…") for _, value in aside.facts)


def test_an_event_too_large_for_kafka_never_becomes_history() -> None:
    on = engine()
    everything(on)
    refused = ask(on, Order("x" * 600_000))
    assert isinstance(refused, Rejected) and refused.reason == "EVENT_TOO_LARGE"
    assert everything(on) == ()


def test_a_subject_keeps_its_trace_whatever_command_continues_it() -> None:
    on = engine()
    first, second = ("00-" + "a" * 32 + "-" + "1" * 16 + "-00", "00-" + "b" * 32 + "-" + "2" * 16 + "-00")
    position = done(ask(on, Order("bread"), traceparent=first)).position
    ask(on, Add(1), traceparent=second)
    on.decide(
        OrderAnswer("tally", position, "x.Ordered", Answered("bread"), second),
        {},
        NOW_MS,
    )
    assert [trace_id_of(record.traceparent)[:1] for record in everything(on)[1:]] == ["a", "b", "a"]
    assert on.shell.traces == {}, "a subject that ended is forgotten"


def test_the_first_record_of_a_log_says_for_ever_what_it_is() -> None:
    on = engine(rehearsal=True)
    (record,) = everything(on)
    assert on.wire.decode(record.type, record.data) == LogOpened("tally", True)

"""Traces: what is sampled, what goes on, what links what, and that replay says nothing."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.core.engine import Done, Engine
from chassis.core.shell import OpenLog
from chassis.core.submission import DueTimer, OrderAnswer, heard_record
from chassis.say.traceparent import is_well_formed
from chassis.say.tracing import LINKS_MAX, Tracing, is_sampled, trace_id_of
from support.shell import tally
from support.shell.asking import asked
from support.shell.hearing import source_records
from support.shell.tally import Add, AddLater, Answered, Order, Tally

UNSAMPLED = f"00-{'a' * 32}-{'1' * 16}-00"
SAMPLED = f"00-{'b' * 32}-{'2' * 16}-01"
OTHER = f"00-{'c' * 32}-{'3' * 16}-01"
NOW_MS = 5_000


class NoTracer(trace.NoOpTracer):
    """The SDK, where it must not be called."""

    def start_span(self, *arguments: object, **options: object) -> trace.Span:
        raise AssertionError("an unsampled trace makes no SDK call")


class Recorder:
    """The SDK, and what it recorded."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.spans if span.name == name]
        return span


def engine(tracing: Tracing) -> Engine[Tally]:
    fresh: Engine[Tally] = Engine("tally", tally.decider(), tally.WIRE, tracing, frozenset({tally.Ordered}))
    fresh.decide(asked("service:tally", "", OpenLog(False)), {}, NOW_MS)
    return fresh


def ask(on: Engine[Tally], command: object, traceparent: str, answers: int = 0) -> int:
    own = asked("participant:ada", "", command, traceparent)
    submission = OrderAnswer("tally", answers, "x.Ordered", command, traceparent) if answers else own
    done = on.decide(submission, {}, NOW_MS)
    assert isinstance(done, Done)
    return done.position


def commit(on: Engine[Tally]) -> list[str]:
    """What the writer does after an append: gives the records' traces and ends their spans."""
    batch = on.take_batch()
    for branch in batch.branches:
        branch.end()
    return [record.traceparent for record in batch.records]


def trace_id(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}"


def links(span: ReadableSpan) -> set[str]:
    return {f"{link.context.trace_id:032x}" for link in span.links}


@pytest.mark.parametrize("tracing", [Tracing(), Tracing(NoTracer())], ids=["no tracer", "tracer"])
def test_an_unsampled_trace_makes_no_sdk_call_and_its_string_is_passed_on(tracing: Tracing) -> None:
    branch = tracing.branch("step", UNSAMPLED, links=[SAMPLED], attributes={"position": 1})
    branch.note("records", 1)
    branch.fail("REASON")
    branch.end()
    assert (branch.traceparent, branch.span) == (UNSAMPLED, None)
    assert tracing.gathering("append", [UNSAMPLED, ""]).traceparent == ""
    assert Tracing(NoTracer(), 0, 0.0).root("step").span is None


def test_an_unsampled_trade_goes_through_the_engine_without_an_sdk_call() -> None:
    on = engine(Tracing(NoTracer()))
    commit(on)
    position = ask(on, Order("bread"), UNSAMPLED)
    ask(on, Answered("bread"), OTHER.removesuffix("01") + "00", answers=position)
    assert commit(on) == [UNSAMPLED, UNSAMPLED]


def test_roots_are_sampled_up_to_a_rate_each_second_and_then_by_share() -> None:
    now, chances = [100.0], iter([0.5, 0.05, 0.99, 0.5, 0.5])
    tracing = Tracing(
        Recorder().tracer, roots_per_second_max=3, root_share=0.1, seconds=lambda: now[0], chance=lambda: next(chances)
    )

    def roots(count: int) -> list[bool]:
        return [is_sampled(tracing.root("step").traceparent) for _ in range(count)]

    assert roots(6) == [True, True, True, False, True, False]
    now[0] = 100.9
    assert roots(1) == [False], "the second is not over"
    now[0] = 101.0
    assert roots(4) == [True, True, True, False]


def test_sampled_traces_that_calls_bring_go_on_up_to_a_rate_and_then_unsampled_under_their_id() -> None:
    now = [100.0]
    recorder = Recorder()
    tracing = Tracing(recorder.tracer, joined_per_second_max=2, seconds=lambda: now[0])

    def joined(count: int) -> list[bool]:
        branches = [tracing.joined("step", SAMPLED) for _ in range(count)]
        assert {trace_id_of(branch.traceparent) for branch in branches} == {trace_id_of(SAMPLED)}
        return [branch.span is not None and is_sampled(branch.traceparent) for branch in branches]

    assert tracing.joined("step", UNSAMPLED).traceparent == UNSAMPLED
    assert joined(4) == [True, True, False, False]
    now[0] = 101.0
    assert joined(3) == [True, True, False]
    beyond = tracing.joined("step", SAMPLED)
    assert beyond.traceparent == f"{SAMPLED[:-2]}00"
    assert tracing.branch("what follows", beyond.traceparent).span is None


def test_a_root_that_is_not_sampled_has_a_trace_of_its_own_to_be_passed_on() -> None:
    tracing = Tracing(NoTracer(), roots_per_second_max=0, root_share=0.0)
    first, second = tracing.root("step").traceparent, tracing.root("step").traceparent
    assert is_well_formed(first) and is_well_formed(second) and first != second
    assert not is_sampled(first)


@pytest.mark.parametrize(
    ("traceparent", "sampled"),
    [(UNSAMPLED, False), (SAMPLED, True), (SAMPLED[:-2] + "03", True), (SAMPLED[:-2] + "02", False), ("", False)],
)
def test_the_lowest_bit_of_the_flags_says_whether_a_trace_is_sampled(traceparent: str, sampled: bool) -> None:
    assert is_sampled(traceparent) is sampled


@pytest.mark.parametrize(
    "garbled",
    [
        *("", "00", SAMPLED + "-00", SAMPLED.upper(), "01" + SAMPLED[2:], SAMPLED.replace("b", "g"), SAMPLED + "\n"),
        *(f"00-{'0' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01"),
    ],
)
def test_a_garbled_trace_context_is_neither_taken_over_nor_recorded(garbled: str) -> None:
    assert not is_well_formed(garbled)
    assert heard_record("source", source_records(1)[0], None, garbled).traceparent == ""


def test_an_event_goes_on_under_its_subjects_trace_and_links_its_commands() -> None:
    recorder = Recorder()
    on = engine(Tracing(recorder.tracer))
    position = ask(on, Order("bread"), SAMPLED)
    answered = ask(on, Answered("bread"), OTHER, answers=position)
    traces = commit(on)[1:]
    assert [each[3:35] for each in traces] == ["b" * 32, "b" * 32]
    span = recorder.named("Delivered")
    assert (trace_id(span), links(span)) == ("b" * 32, {"c" * 32})
    assert span.parent is not None and f"{span.parent.span_id:016x}" == "2" * 16
    assert span.attributes == {"position": answered}


def test_a_gathering_links_each_of_its_traces_once_and_no_more_than_the_bound() -> None:
    recorder = Recorder()
    many = [f"00-{number:032x}-{1:016x}-01" for number in range(1, LINKS_MAX + 50)]
    Tracing(recorder.tracer).gathering("append", [SAMPLED, SAMPLED, UNSAMPLED, OTHER]).end()
    Tracing(recorder.tracer).gathering("append", many).end()
    few, full = recorder.spans
    assert [f"{link.context.trace_id:032x}" for link in few.links] == ["b" * 32, "c" * 32]
    assert len(full.links) == LINKS_MAX


def test_a_timer_begins_a_trace_because_nothing_caused_it() -> None:
    recorder = Recorder()
    on = engine(Tracing(recorder.tracer))
    ask(on, AddLater(NOW_MS), "")
    commit(on)
    timer = on.due()
    assert timer is not None
    on.decide(DueTimer("tally", timer), {}, NOW_MS)
    (traceparent,) = commit(on)
    root = recorder.named("timer Ring")
    assert root.parent is None
    assert traceparent[3:35] == trace_id(root)


def test_replay_emits_no_spans() -> None:
    live = Recorder()
    on = engine(Tracing(live.tracer))
    position = ask(on, Order("bread"), SAMPLED)
    ask(on, Answered("bread"), OTHER, answers=position)
    ask(on, Add(3), OTHER)
    batch = on.take_batch()
    for branch in batch.branches:
        branch.end()
    assert live.spans, "what is replayed did make spans when it happened"

    again = Recorder()
    replayed: Engine[Tally] = Engine(
        "tally", tally.decider(), tally.WIRE, Tracing(again.tracer), frozenset({tally.Ordered})
    )
    for record in batch.records:
        replayed.apply(record)
    assert replayed.head == on.head
    assert again.spans == ()
    assert replayed.take_batch().branches == ()

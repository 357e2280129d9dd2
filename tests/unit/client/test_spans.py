"""Span files become one tree over all services."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from carbonmarket_client.screens.traces import tree_screens
from carbonmarket_client.spans import JOINED_MAX, Span, SpanKey, SpansUnreadable, read_trace, trace_tree

TAKER, MAKER, RUN, OTHER, APPENDED = ("a" * 32, "b" * 32, "c" * 32, "d" * 32, "f" * 32)
SECOND = 10**9
MORNING = 18 * 3600 * SECOND


def row(
    service: str,
    name: str,
    trace_id: str,
    span_id: str,
    parent: str = "",
    start: int = 0,
    took: int = 1_500_000,
    links: tuple[tuple[str, str], ...] = (),
    status: str = "UNSET",
) -> str:
    return json.dumps(
        {
            "name": name,
            "service": service,
            "trace_id": trace_id,
            "span_id": span_id,
            "parent_span_id": parent,
            "links": [{"trace_id": trace, "span_id": span} for trace, span in links],
            "start_unix_nanos": 1_626_399_000 * SECOND + start,
            "end_unix_nanos": 1_626_399_000 * SECOND + start + took,
            "attributes": {"position": 30},
            "status": status,
            "reason": "",
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One trade: taken, recorded, settled in a run, delivered, released next morning; its maker's order;
    another trade.
    """
    files = {
        "trading-1.jsonl": [
            row("trading", "TakeListing", TAKER, "t1"),
            row("trading", "TradeExecuted", TAKER, "t2", "t1", 1_000_000, links=((MAKER, "m2"),)),
            row("trading", "PlaceOrder", MAKER, "m1", start=-60 * SECOND),
            row("trading", "OrderPlaced", MAKER, "m2", "m1", start=-60 * SECOND + 10),
            row("trading", "OrderPlaced", OTHER, "o1"),
        ],
        "trading-2.jsonl": [row("trading", "AllowancesReleased", TAKER, "t6", "t5", MORNING)],
        "clearing-1.jsonl": [
            row("clearing", "ObligationRecorded", TAKER, "t3", "t2", 5_000_000),
            row("clearing", "TradeSettled", TAKER, "t5", "t3", 20 * SECOND),
            row("clearing", "TradingDayClosed", RUN, "r1", start=19 * SECOND),
            row("clearing", "ClearingRunComputed", RUN, "r2", "r1", 19 * SECOND, links=((TAKER, "t5"),)),
            row("clearing", "ReconciliationOrdered", RUN, "r4", "r1", 25 * SECOND),
            row("clearing", "append", APPENDED, "p1", start=21 * SECOND, links=((TAKER, "t5"), (RUN, "r2"))),
        ],
        "registry-1.jsonl": [
            row("registry", "DeliverAllowances", RUN, "r3", "r1", 19 * SECOND),
            row(
                "registry", "AllowancesDelivered", TAKER, "t4", "t3", 19 * SECOND, links=((RUN, "r3"),), status="ERROR"
            ),
        ],
    }
    for name, lines in files.items():
        (tmp_path / name).write_text("".join(line + "\n" for line in lines))
    return tmp_path


def names(folder: Path) -> list[str]:
    tree = trace_tree(read_trace(folder, TAKER), TAKER)
    assert tree is not None
    return [line.lead + line.span.name for line in tree.lines]


def test_a_trace_is_one_tree_over_all_files_and_services(folder: Path) -> None:
    assert names(folder) == [
        "TakeListing",
        "└─ TradeExecuted",
        "   └─ ObligationRecorded",
        "      ├─ AllowancesDelivered",
        "      └─ TradeSettled",
        "         └─ AllowancesReleased",
    ]


def test_traces_that_meet_it_are_drawn_from_their_root_to_where_they_meet(folder: Path) -> None:
    tree = trace_tree(read_trace(folder, TAKER), TAKER)
    assert tree is not None
    assert [joined.trace_id for joined in tree.joined] == [MAKER, RUN]
    drawn = [
        (line.lead + line.span.name, [met.name for met in line.meets])
        for joined in tree.joined
        for line in joined.lines
    ]
    assert drawn == [
        ("PlaceOrder", []),
        ("└─ OrderPlaced", ["TradeExecuted"]),
        ("TradingDayClosed", []),
        ("├─ ClearingRunComputed", ["TradeSettled"]),
        ("└─ DeliverAllowances", ["AllowancesDelivered"]),
    ]
    assert tree.services == ["trading", "clearing", "registry"]


def test_a_trace_that_only_gathers_others_is_no_way_and_is_left_out(folder: Path) -> None:
    tree = trace_tree(read_trace(folder, TAKER), TAKER)
    assert tree is not None
    assert APPENDED not in {joined.trace_id for joined in tree.joined}


def test_a_refused_step_shows_its_reason_and_a_heard_one_the_record_it_heard(tmp_path: Path) -> None:
    refused = json.loads(row("trading", "PlaceOrder", TAKER, "t1", status="ERROR")) | {"reason": "OUT_OF_SESSION"}
    heard = json.loads(row("clearing", "hear TradeExecuted", TAKER, "t2", "t1"))
    heard |= {"attributes": {"source": "trading", "source_position": 29}}
    (tmp_path / "spans.jsonl").write_text(f"{json.dumps(refused)}\n{json.dumps(heard)}\n")
    tree = trace_tree(read_trace(tmp_path, TAKER), TAKER)
    assert tree is not None
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(*tree_screens(tree))
    first, second = [line.split() for line in console.export_text().splitlines() if "trading" in line][1:]
    assert first[-1] == "OUT_OF_SESSION"
    assert second[3:6] == ["clearing", "trading", "29"]


def test_a_met_trace_keeps_the_record_of_each_step_in_100_columns(tmp_path: Path) -> None:
    lines = [row("trading", "TradingService/TakeListing", TAKER, "t0")]
    lines += [row("clearing", "step 0", RUN, "s0")]
    lines += [row("clearing", f"step {n}", RUN, f"s{n}", f"s{n - 1}", n) for n in range(1, 12)]
    lines += [row("registry", "RegistryService/DeliverAllowances", RUN, "r", "s11", 20, links=((TAKER, "t0"),))]
    (tmp_path / "spans.jsonl").write_text("".join(line + "\n" for line in lines))
    tree = trace_tree(read_trace(tmp_path, TAKER), TAKER)
    assert tree is not None
    console = Console(width=98, record=True, file=io.StringIO())
    console.print(*tree_screens(tree))
    text = console.export_text()
    (met,) = [line for line in text.splitlines() if "DeliverAllowances" in line]
    assert met.split()[-5:] == ["registry", "30", "0.00", "ms", "TakeListing"]
    assert "(China time)" in text


def test_a_step_that_is_folded_goes_on_below_the_strokes_of_the_tree(tmp_path: Path) -> None:
    lines = [row("clearing", "step 0", TAKER, "s0")]
    lines += [row("clearing", f"step {n}", TAKER, f"s{n}", f"s{n - 1}", n) for n in range(1, 8)]
    lines += [row("clearing", "ANameThatIsLongerThanAnyScreen" * 3, TAKER, "t", "s7", 20)]
    (tmp_path / "spans.jsonl").write_text("".join(line + "\n" for line in lines))
    tree = trace_tree(read_trace(tmp_path, TAKER), TAKER)
    assert tree is not None
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(*tree_screens(tree))
    text = console.export_text()
    assert "status" not in text, "nothing failed: there is no column for it"
    folded = [line for line in text.splitlines() if "AName" in line or "Screen" in line]
    begins = folded[0].index("AName")
    assert len(folded) > 1
    assert all(line[:begins].strip(" │└─") == "" and line[begins] != " " for line in folded), text


def test_only_the_spans_in_question_are_read(folder: Path) -> None:
    assert OTHER not in {span.key.trace_id for span in read_trace(folder, TAKER)}


def test_a_span_whose_parent_is_in_no_file_stands_as_a_root(folder: Path) -> None:
    (folder / "trading-1.jsonl").unlink()
    assert names(folder)[0] == "ObligationRecorded"


def test_a_line_still_being_written_is_left_out(folder: Path) -> None:
    whole = names(folder)
    with (folder / "trading-2.jsonl").open("a") as lines:
        lines.write(row("trading", "HalfWritten", TAKER, "t7", "t6")[:-9])
    assert names(folder) == whole


def test_a_line_that_is_no_span_is_named(folder: Path) -> None:
    (folder / "registry-1.jsonl").write_text(json.dumps({"trace_id": TAKER}) + "\n")
    with pytest.raises(SpansUnreadable, match="line 1"):
        read_trace(folder, TAKER)


def test_an_empty_or_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpansUnreadable, match="no span files"):
        read_trace(tmp_path, TAKER)
    with pytest.raises(SpansUnreadable, match="no folder"):
        read_trace(tmp_path / "away", TAKER)


def test_an_unknown_trace_is_no_tree(folder: Path) -> None:
    assert trace_tree(read_trace(folder, "e" * 32), "e" * 32) is None


def test_so_many_joined_traces_are_drawn_and_the_others_counted(tmp_path: Path) -> None:
    links = tuple((f"{number:032x}", "x1") for number in range(1, JOINED_MAX + 6))
    lines = [row("clearing", "run", RUN, "r1", links=links)]
    lines += [row("trading", "order", trace_id, "x1") for trace_id, _ in links]
    (tmp_path / "clearing.jsonl").write_text("".join(line + "\n" for line in lines))
    tree = trace_tree(read_trace(tmp_path, RUN), RUN)
    assert tree is not None
    assert len(tree.joined) == JOINED_MAX
    assert tree.left_out == 5


def test_the_drawn_tree_tells_service_time_and_failure_of_every_step(folder: Path) -> None:
    tree = trace_tree(read_trace(folder, TAKER), TAKER)
    assert tree is not None
    console = Console(width=100, record=True, file=io.StringIO())
    for screen in tree_screens(tree):
        console.print(screen)
    text = console.export_text()
    for told in (
        "AllowancesReleased",
        "18 h 00 m",
        "ERROR",
        "-59.9 s",
        "└─ OrderPlaced",
        "trading 30",
        MAKER,
    ):
        assert told in text


@st.composite
def forests(draw: st.DrawFn) -> list[Span]:
    """Spans whose parents come before them, or are in no file, in any order."""
    spans: list[Span] = []
    for number in range(draw(st.integers(1, 30))):
        parent = draw(st.sampled_from(["", "lost", *(span.key.span_id for span in spans)]))
        start = draw(st.integers(0, 5))
        spans.append(Span(SpanKey(TAKER, f"s{number}"), parent, f"step {number}", "trading", start, start + 1, ""))
    return draw(st.permutations(spans))


@given(forests())
def test_every_step_is_drawn_once_and_below_what_caused_it(spans: list[Span]) -> None:
    tree = trace_tree(spans, TAKER)
    assert tree is not None
    drawn = [line.span.key.span_id for line in tree.lines]
    assert sorted(drawn) == sorted(span.key.span_id for span in spans)
    depth = {line.span.key.span_id: len(line.lead) for line in tree.lines}
    for span in spans:
        if span.parent_span_id in depth:
            assert drawn.index(span.parent_span_id) < drawn.index(span.key.span_id)
            assert depth[span.parent_span_id] + 3 == depth[span.key.span_id]

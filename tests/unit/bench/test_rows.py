"""The rows together: their names, and an hour for all of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.harness.budget import BENCH_S_MAX, ENDING_S, ends_of
from bench.harness.figures import Against, Figure, Goal, Measured, Pair, Pairs
from bench.harness.machine import this_machine
from bench.harness.report import Circumstances, object_of, read_objects, write_objects
from bench.harness.row import Place, Round, Row
from bench.rows import ROWS

FIGURE = Figure("P5", "something", "per s", "its peer", Against.PEER, Goal(1), more_is_better=True)


def test_all_rows_together_end_within_the_hour() -> None:
    rows = [row for row in ROWS if not row.on_request]
    assert sum(row.seconds_max for row in rows) <= BENCH_S_MAX - ENDING_S
    assert ends_of(rows[-1], rows, 100, 200) == 100 + BENCH_S_MAX - ENDING_S


def test_a_row_leaves_those_after_it_their_parts_and_one_on_request_has_its_own_time() -> None:
    first, second = ROWS[0], ROWS[1]
    longer = replace(second, on_request=True, seconds_max=10_000)
    assert ends_of(first, [first, second], 100, 200) == 100 + BENCH_S_MAX - ENDING_S - second.seconds_max
    assert ends_of(first, [first, longer], 100, 200) == 100 + BENCH_S_MAX - ENDING_S
    assert ends_of(longer, [first, longer], 100, 200) == 10_200


def test_a_figure_is_named_after_its_row_and_no_two_are_named_alike() -> None:
    names = [figure.name for row in ROWS for figure in row.figures]
    assert len(set(names)) == len(names)
    assert all(figure.name.partition(".")[0] == row.name for row in ROWS for figure in row.figures)


def test_rounds_are_five_and_three_where_one_takes_minutes() -> None:
    takes_minutes = ("P1", "P6", "P7")
    assert {row.rounds for row in ROWS if row.name in takes_minutes} == {3}
    assert {row.rounds for row in ROWS if row.name not in takes_minutes and not row.on_request} == {5}


@pytest.mark.parametrize(("ratios", "fails"), [((0.9,), False), ((0.5, 0.9), False), ((0.5, 0.5), True)])
def test_a_fall_fails_the_check_only_when_it_is_measured_twice(
    ratios: Sequence[float], fails: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = list(ratios)

    def measure(rows: object, place: object) -> tuple[list[Measured], list[str]]:
        return [Measured(FIGURE, (Pair(left.pop(0), 1.0),))], []

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "read_objects", lambda path: {"P5": {"ratio": 1.0, "machine": {}}})
    first, _ = measure(None, None)
    assert bool(bench.check(first, Place(tmp_path))) is fails
    assert not left


def test_a_row_that_fails_is_named_and_those_after_it_are_measured_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @asynccontextmanager
    async def breaks(place: Place) -> AsyncIterator[Round]:
        raise ValueError("no market")
        yield

    @asynccontextmanager
    async def works(place: Place) -> AsyncIterator[Round]:
        async def play() -> Pairs:
            return {"P5": Pair(1.0, 2.0)}

        yield play

    monkeypatch.setattr(bench, "KEPT", tmp_path / "bench.json")
    rows = [Row("P1", (FIGURE,), 1, 10, breaks), Row("P5", (FIGURE,), 1, 10, works)]
    found, failed = bench.measure(rows, Place(tmp_path))
    assert [one.ratio.median for one in found] == [0.5]
    assert failed == ["P1 is not measured: ValueError('no market')"]
    assert read_objects(tmp_path / "bench.json")["P5"]["ratio"] == 0.5


def test_without_a_name_every_row_is_chosen_but_those_on_request() -> None:
    assert [row.name for row in bench.chosen_rows([], check=False)] == [
        "P5",
        "P2a",
        "P2b",
        "P3",
        "P4",
        "P6",
        "P7",
        "P1",
    ]
    assert [row.name for row in bench.chosen_rows(["P2a", "P7x10", "append"], check=False)] == ["P2a", "P7x10"]


def test_a_check_without_anything_recorded_says_how_to_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "RECORDED", tmp_path / "recorded.json")
    (sentence,) = bench.check([], Place(tmp_path))
    assert "--record" in sentence
    assert bench.chosen_rows([], check=True) == []


def test_what_was_measured_is_recorded_and_a_later_check_compares_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "KEPT", tmp_path / "bench.json")
    monkeypatch.setattr(bench, "RECORDED", tmp_path / "recorded.json")
    (row,) = [row for row in ROWS if row.name == "P5"]
    measured = Measured(row.figures[0], (Pair(1.0, 2.0),))
    write_objects(
        bench.KEPT, {"P5": object_of(row, measured, Circumstances(this_machine(), "abc", "2026-01-01"))}, ["P5"]
    )
    bench.record()
    assert [row.name for row in bench.chosen_rows([], check=True)] == ["P5"]
    assert bench.check([measured], Place(tmp_path)) == []

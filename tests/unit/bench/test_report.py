"""bench.json has an object for each figure, keeps what was not measured this time, and the table fits 80 columns."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.harness.check import RECORDED_KEYS, fallen, has_fallen, recorded_of
from bench.harness.figures import Against, Figure, Goal, Measured, Pair
from bench.harness.machine import Machine, this_machine
from bench.harness.report import OBJECT_KEYS, Circumstances, object_of, read_objects, table_of, write_objects
from bench.rows import ROWS

MACHINE = Machine("a processor", 2, 8, "6.1", "3.11.7")
OTHER = Machine("another processor", 2, 8, "6.1", "3.11.7")
AROUND = Circumstances(MACHINE, "abc1234", "2026-11-27")
FLOOR, BOUND = (
    Figure(name, "something", "ms", "what it is", against, Goal(2))
    for name, against in (("P1", Against.FLOOR), ("P3.order", Against.BOUND))
)
ROW = ROWS[0]


def measured(figure: Figure, ratio: float) -> Measured:
    return Measured(figure, (Pair(10 * ratio, 10), Pair(20 * ratio, 20), Pair(5 * ratio, 5)))


def test_an_object_says_all_that_somebody_needs_to_measure_it_again() -> None:
    found = object_of(ROW, measured(FLOOR, 1.5), AROUND)
    assert set(found) == set(OBJECT_KEYS)
    assert (found["value"], found["floor"], found["ratio"]) == (15.0, 10.0, 1.5)
    assert (found["value_range"], found["range"]) == ([7.5, 30.0], [1.5, 1.5])
    assert (found["unit"], found["goal"], found["met"], found["rounds"]) == ("ms", "≤ 2", True, 3)
    assert (found["noisy"], found["short"], found["against"]) == (False, False, "floor")
    assert found["machine"]["processor"] == "a processor"
    assert found["command"] == f'make bench ONLY="{ROW.name}"'
    assert json.loads(json.dumps(found)) == found


def test_a_figure_that_was_not_measured_keeps_its_object_and_the_order_is_that_of_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write_objects(path, {"P4": {"ratio": 1}, "P1": {"ratio": 2}}, ["P1", "P2", "P4"])
    write_objects(path, {"P4": {"ratio": 3}}, ["P1", "P2", "P4"])
    assert list(read_objects(path).items()) == [("P1", {"ratio": 2}), ("P4", {"ratio": 3})]
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_and_names_every_figure(width: int) -> None:
    figures = [figure for row in ROWS for figure in row.figures]
    console = Console(file=io.StringIO(), width=width)
    console.print(table_of("Bench", [Measured(figure, (Pair(12_345.0, 67_890.0),), True, True) for figure in figures]))
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is the text buffer from above
    assert max(map(len, printed.splitlines())) <= width
    for figure in figures:
        assert f" {figure.name} " in printed
        assert all(part in printed for part in figure.goal_text.split(", "))


@pytest.mark.parametrize(
    ("ratio", "more", "less"), [(0.79, True, False), (0.81, False, False), (1.24, False, False), (1.26, False, True)]
)
def test_a_ratio_fell_when_it_is_worse_by_more_than_a_fifth(ratio: float, more: bool, less: bool) -> None:
    assert has_fallen(ratio, 1.0, more_is_better=True) is more
    assert has_fallen(ratio, 1.0, more_is_better=False) is less


def test_what_was_never_recorded_cannot_fall() -> None:
    assert fallen([measured(FLOOR, 9)], {}, MACHINE) == {}
    assert list(fallen([measured(FLOOR, 9)], recorded(measured(FLOOR, 1)), MACHINE)) == ["P1"]


def test_a_ratio_that_depends_on_the_machine_is_compared_on_the_same_one_only() -> None:
    before = recorded(measured(BOUND, 1), measured(FLOOR, 1))
    worse = [measured(BOUND, 9), measured(FLOOR, 9)]
    assert list(fallen(worse, before, MACHINE)) == ["P3.order", "P1"]
    assert list(fallen(worse, before, OTHER)) == ["P1"]


def recorded(*found: Measured) -> dict[str, dict[str, Any]]:
    kept = recorded_of({one.figure.name: object_of(ROW, one, AROUND) for one in found})
    assert all(set(one) == set(RECORDED_KEYS) for one in kept.values())
    return kept


def test_this_machine_is_known_by_its_processor() -> None:
    machine = this_machine()
    assert machine.processor and machine.cores > 0 and machine.memory_gb > 0

"""What was measured: build/bench.json, an object per figure, and the table that people read.

A figure that was not measured this time keeps the object it had: each says when, at which commit and on which machine
it was measured.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.harness.figures import Measured, Spread, number
from bench.harness.machine import Machine
from bench.harness.row import Row

WIDTH_MIN, WIDTH_MAX = 80, 100
DIGITS = 6
OBJECT_KEYS = (
    "row", "what", "value", "unit", "value_range", "floor", "floor_range", "floor_is", "against", "ratio", "range",
    "goal", "met", "rounds", "noisy", "short", "machine", "seed", "command", "commit", "measured",
)  # fmt: skip
"""Of every object in bench.json."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of a run of the bench."""

    machine: Machine
    commit: str
    measured: str
    """The day, UTC."""


def object_of(row: Row, measured: Measured, around: Circumstances) -> dict[str, Any]:
    figure = measured.figure
    return {
        "row": row.name,
        "what": figure.what,
        "value": rounded(measured.value.median),
        "unit": figure.unit,
        "value_range": ends(measured.value),
        "floor": rounded(measured.floor.median),
        "floor_range": ends(measured.floor),
        "floor_is": figure.floor,
        "against": str(figure.against),
        "ratio": rounded(measured.ratio.median),
        "range": ends(measured.ratio),
        "goal": figure.goal_text,
        "met": measured.met,
        "rounds": len(measured.pairs),
        "noisy": measured.noisy,
        "short": measured.short,
        "machine": asdict(around.machine),
        "seed": row.seed,
        "command": f'make bench ONLY="{row.name}"',
        "commit": around.commit,
        "measured": around.measured,
    }


def rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def ends(of: Spread) -> list[float]:
    return [rounded(of.least), rounded(of.most)]


def read_objects(path: Path) -> dict[str, dict[str, Any]]:
    """What was measured before; nothing where there is no file."""
    if not path.exists():
        return {}
    objects: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return objects


def write_objects(path: Path, objects: Mapping[str, dict[str, Any]], order: Iterable[str]) -> None:
    """Adds to what the file has. The figures come in the order of the rows."""
    kept = read_objects(path) | dict(objects)
    names = [name for name in order if name in kept]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({name: kept[name] for name in names}, indent=2, ensure_ascii=False) + "\n")
    os.replace(fresh, path)


def show(title: str, found: Iterable[Measured], width: int = 0) -> None:
    """Prints the table, in a width from 80 to 100."""
    console = Console()
    console.width = width or min(max(console.width, WIDTH_MIN), WIDTH_MAX)
    console.print(table_of(title, found))


def table_of(title: str, found: Iterable[Measured]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("row", no_wrap=True)
    table.add_column("what, and what it is held against", ratio=1)
    for column in ("value", "ratio", "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    for measured in found:
        figure, ratio = measured.figure, measured.ratio
        remarks = [word for word, there in (("noisy", measured.noisy), ("short", measured.short)) if there]
        mark = {True: " ✓", False: " ✗", None: ""}[measured.met]
        table.add_row(
            figure.name,
            f"{figure.what}, {figure.unit}\n{figure.against}: {figure.floor}",
            f"{number(measured.value.median)}\n{number(measured.floor.median)}",
            f"{number(ratio.median)}{mark}\n{number(ratio.least)} to {number(ratio.most)}",
            "\n".join([*figure.goal_text.split(", "), *remarks]),
        )
    return table

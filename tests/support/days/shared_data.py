"""The exchange's own daily rows, where they are at hand.

They stay outside the repository, because their publisher keeps the right to publish them; CARBONMARKET_SHARED_DATA
names the folder that holds them, which is by default `shared/data` beside the repository.
"""

import os
from pathlib import Path

import pytest

from rehearsal.plan import Rows, read_rows

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
FOLDER = Path(os.environ.get("CARBONMARKET_SHARED_DATA", BESIDE))
FIRST_YEARS, SECOND_YEARS = FOLDER / "cea-daily-2021-2022.csv", FOLDER / "cea-daily-2023-2024.csv"


def daily_rows(path: Path = FIRST_YEARS) -> Rows:
    """The rows; without them the test that asks is skipped, and says so."""
    if not path.exists():
        pytest.skip(f"the exchange's daily rows are not at {path}")
    return read_rows(path)


def all_rows() -> Rows:
    """Of both files, as one."""
    first, second = daily_rows(FIRST_YEARS), daily_rows(SECOND_YEARS)
    return Rows((*first.vintages, *second.vintages), (*first.composites, *second.composites))

"""The exchange's own daily rows, where they are at hand.

They stay outside the repository, because their publisher keeps the right to publish them; CARBONMARKET_SHARED_DATA
names the folder that holds them, which is by default `shared/data` beside the repository.
"""

import os
from pathlib import Path

import pytest

from rehearsal.plan import Rows, read_rows

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
PATH = Path(os.environ.get("CARBONMARKET_SHARED_DATA", BESIDE)) / "cea-daily-2021-2022.csv"


def daily_rows() -> Rows:
    """The rows; without them the test that asks is skipped, and says so."""
    if not PATH.exists():
        pytest.skip(f"the exchange's daily rows are not at {PATH}")
    return read_rows(PATH)

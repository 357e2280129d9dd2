"""The planted faults fit the source as it is; that each is found takes a lane of its own (tests/planted)."""

import pytest

from support.planted.fault import Fault
from support.planted.faults import FAULTS
from support.source.repository import ROOT


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_what_a_planted_fault_changes_is_in_its_file_once(fault: Fault) -> None:
    for change in fault.changes:
        assert (ROOT / change.file).read_text().count(change.before) == 1, change.file

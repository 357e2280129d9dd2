"""A deliberately broken copy fails: each planted fault is caught by a narrow test that names the rule."""

import pytest

from support.planted.fault import Change, Fault
from support.planted.faults import FAULTS, TEST_S_MAX, Copy

pytestmark = pytest.mark.timeout(TEST_S_MAX)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("planted"))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name.replace(" ", "_") for fault in FAULTS])
def test_a_planted_fault_is_caught_by_a_test_that_names_the_rule(copy: Copy, fault: Fault) -> None:
    verdict = copy.try_out(fault)
    assert verdict.caught, f"not caught: {fault.name}\n{verdict.output}"


def test_a_fault_that_no_longer_fits_the_code_is_an_error(copy: Copy) -> None:
    fault = Fault("gone", (Change("Makefile", "no such line", ""),), test="", says="")
    with pytest.raises(AssertionError, match="plant it anew"):
        copy.try_out(fault)


def test_there_are_at_least_ten_different_faults() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 10

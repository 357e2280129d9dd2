"""What one service accepts, the next must be able to take: the bounds of the three services, held together."""

from clearing.domain import barrier, exclusion
from registry.domain import delivery
from trading.domain import confirmation, rules


def test_a_day_that_admission_takes_fits_a_run_and_a_run_fits_a_delivery() -> None:
    assert rules.DAY_TRADES_MAX <= barrier.RUN_TRADES_MAX <= delivery.LEGS_MAX


def test_what_clearing_excludes_of_a_day_fits_a_confirmation() -> None:
    assert exclusion.EXCLUDED_TRADES_MAX <= confirmation.EXCLUDED_TRADES_MAX

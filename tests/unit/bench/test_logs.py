"""The markets that the bench makes are such as the services take."""

import pytest

from bench.logs import Wanted
from bench.rows.growth import LONGEST, NEW, WIDE
from bench.rows.startup import LONG, LONG_TINY
from registry.domain.accounts import ACCOUNTS_MAX


@pytest.mark.parametrize("wanted", [NEW, WIDE, LONG, LONG_TINY, LONGEST])
def test_a_market_of_the_bench_has_no_more_accounts_than_the_registry_takes(wanted: Wanted) -> None:
    province = 1
    assert 2 * wanted.pairs + province <= ACCOUNTS_MAX

"""Seeded markets of shipped services, two replicas each: what fails, comes late, twice or never changes no book."""

import pytest

from support.seeds import seeds
from support.simulation.run import sound, whole_days


@pytest.mark.parametrize("seed", seeds(30))
def test_a_seeded_market_in_any_weather_leaves_books_that_agree(seed: int) -> None:
    figures = sound(seed, whole_days)
    assert figures["days_settled"] == 3
    assert figures["trades_settled"] == figures["trades"] > 0

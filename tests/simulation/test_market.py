"""Many seeded markets in one process: what arrives late, twice or never, and who ends when, changes no book."""

import pytest

from support.seeds import seeds
from support.simulated import assert_books_agree, logs_of, played
from support.world import World


@pytest.mark.parametrize("seed", seeds(40))
def test_a_seeded_market_in_any_weather_leaves_books_that_agree(seed: int) -> None:
    figures = assert_books_agree(played(World(seed), seed, days=3))
    assert figures["days_settled"] == 3
    assert figures["trades_settled"] == figures["trades"] > 0


def test_the_same_seed_plays_the_same_market() -> None:
    first, again = (
        {
            name: [(each.type, each.data) for each in records]
            for name, records in logs_of(played(World(5), 5, 1)).items()
        }
        for _ in range(2)
    )
    assert first == again

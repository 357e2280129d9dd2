"""What the client's tests share."""

from collections.abc import Iterator

import pytest

from support.fake_services import FakeMarket, running_fakes


@pytest.fixture
def fake_market() -> Iterator[FakeMarket]:
    """Three services that answer what the test tells them to."""
    with running_fakes() as market:
        yield market

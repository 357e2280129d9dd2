"""An opening releases what was bought page by page: the first page at once, the others by a timer."""

import pytest

from support.domains.trading_floor import MONDAY, POWER, REGISTRY, STEEL, TIMER, open_floor
from trading.domain import settlement
from trading.domain.custody import AllowancesReturned
from trading.domain.decider import DECIDER
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.restriction import StopTradingAccount
from trading.domain.settlement import AllowancesReleased
from trading.domain.values import Side


def test_many_purchases_are_released_page_by_page_in_the_order_of_their_trades(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settlement, "RELEASES_PER_PAGE_MAX", 2)
    floor = open_floor()
    floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 50))
    for _ in range(5):
        floor.play(STEEL, TakeListing("steel", 1, 10, 4_800))
    floor.close()
    floor.settle()
    pages = [floor.open(MONDAY)[1:]]
    floor.play(REGISTRY, StopTradingAccount("steel", "risk warning", 1))
    while (timer := DECIDER.due(floor.market)) is not None and timer.due_ms <= floor.now_ms:
        pages.append(floor.play(TIMER, timer.command))
    released = [[event.trade_id for event in page if isinstance(event, AllowancesReleased)] for page in pages]
    assert released == [[1, 2], [3, 4], [5]]
    returned = [[event for event in page if isinstance(event, AllowancesReturned)] for page in pages]
    assert [sum(one.quantity_tonnes for one in page) for page in returned] == [0, 20, 10], "of a stopped account"
    assert not floor.market.trades
    assert floor.market.accounts["steel"].units["CEA"].bought_tonnes == 0

"""The book and its naive twin, fed the same random history, show the same levels and allow the same picks."""

from hypothesis import given
from hypothesis import strategies as st

from support.opinions.naive_book import NaiveBook
from trading.domain.book import Book, Order
from trading.domain.values import Side

LEVELS = 5

steps = st.lists(
    st.tuples(
        st.sampled_from(("post", "post", "post", "trade", "take out")),
        st.booleans(),
        st.integers(90, 110),
        st.integers(1, 50),
        st.integers(0, 1_000),
    ),
    max_size=120,
)


def shown(book: Book, buys: bool) -> list[tuple[int, int, list[tuple[int, int]]]]:
    side = book.side(Side.BUY if buys else Side.SELL)
    return [
        (
            level.price_fen,
            level.quantity_tonnes,
            [(order_id, order.remaining_tonnes) for order_id, order in level.listings.items()],
        )
        for level in side.best(LEVELS)
    ]


@given(steps)
def test_both_books_show_the_same_whatever_is_posted_traded_and_taken_out(
    history: list[tuple[str, bool, int, int, int]],
) -> None:
    book, naive = Book(), NaiveBook()
    orders: dict[int, Order] = {}
    for order_id, (what, buys, price_fen, tonnes, pick) in enumerate(history, start=1):
        if what == "post" or not orders:
            side = Side.BUY if buys else Side.SELL
            orders[order_id] = Order(order_id, "somebody", "CEA", side, price_fen, tonnes)
            book.side(side).add(orders[order_id])
            naive.post(order_id, buys, price_fen, tonnes)
        else:
            order = list(orders.values())[pick % len(orders)]
            traded = min(tonnes, order.remaining_tonnes)
            if what == "trade":
                book.side(order.side).reduce(order, traded)
                naive.trade(order.order_id, traded)
            if what == "take out" or order.remaining_tonnes == 0:
                book.side(order.side).remove(order)
                naive.take_out(order.order_id)
                del orders[order.order_id]
        assert shown(book, True) == naive.levels(True, LEVELS)
        assert shown(book, False) == naive.levels(False, LEVELS)
        for order in orders.values():
            allowed = book.side(order.side).is_among_best(order.price_fen, LEVELS)
            assert allowed == naive.may_pick(order.order_id, LEVELS)

"""Pages: how many rows, where the next one begins, and which requests for one are refused."""

import re
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from chassis.core.call import Call
from chassis.core.decider import Malformed
from chassis.serving.pages import NUMBER, NUMBER_MAX, PAGE_ROWS_MAX, PAGE_ROWS_USUAL, TOKEN_CHARACTERS_MAX, page_of
from support.shell.asking import call_of

ROWS: Any = [{"id": number, "account": f"a{number}"} for number in (1, 2, 3)]
ANN = call_of("participant:ann")
WORD = re.compile("[a-z0-9/]+")


def asked(page_size: int = 2, page_token: str = "", **rest: Any) -> pb.ListOrdersRequest:
    return pb.ListOrdersRequest(page_size=page_size, page_token=page_token, **rest)


def token(**rest: Any) -> str:
    """What Ann gets with the first page of her orders."""
    return page_of(asked(**rest), ANN).shown(ROWS, "id")[1]


def test_a_page_shows_what_was_asked_for_and_names_the_next_only_if_there_is_one() -> None:
    page = page_of(asked(), ANN)
    assert page.fetched_max == 3
    shown, following = page.shown(ROWS, "id")
    assert shown == ROWS[:2]
    assert page_of(asked(page_token=following), ANN).after() == 2
    assert page.shown(ROWS[:2], "id") == (ROWS[:2], "")
    assert page.shown([], "id") == ([], "")


def test_a_key_of_several_parts_comes_back_as_it_was_given() -> None:
    _, following = page_of(asked(), ANN).shown(ROWS, "account", "id", before="17/")
    assert page_of(asked(page_token=following), ANN, WORD).key == "17/a2/2"


def test_the_first_page_begins_where_the_list_does() -> None:
    page = page_of(asked(), ANN)
    assert (page.after(), page.after(NUMBER_MAX)) == (0, NUMBER_MAX)


@pytest.mark.parametrize(
    ("page_size", "rows"),
    [(0, PAGE_ROWS_USUAL), (1, 1), (PAGE_ROWS_MAX, PAGE_ROWS_MAX), (PAGE_ROWS_MAX + 1, PAGE_ROWS_MAX)],
)
def test_no_number_of_rows_means_the_usual_one_and_too_many_mean_the_most(page_size: int, rows: int) -> None:
    assert page_of(asked(page_size), ANN).rows_max == rows


def test_the_next_page_may_be_of_another_size_and_wait_for_another_position() -> None:
    again = asked(7, token(account="ann"), account="ann", min_position=9)
    assert page_of(again, ANN).rows_max == 7


@pytest.mark.parametrize(
    ("request_", "call", "differs"),
    [
        (pb.ListTradesRequest(page_token=token()), ANN, "list"),
        (asked(page_token=token(account="ann")), ANN, "filter"),
        (asked(page_token=token(), account="ann"), ANN, "filter"),
        (asked(page_token=token(day="2021-07-16"), day="2021-07-19"), ANN, "filter"),
        (asked(page_token=token(open_only=True)), ANN, "filter"),
        (asked(page_token=token()), call_of("participant:bob"), "caller"),
        (asked(page_token=token()), call_of("auditor:ann"), "caller"),
    ],
)
def test_a_token_is_refused_for_another_list_filter_or_caller_and_the_refusal_says_which(
    request_: Any, call: Call, differs: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        page_of(request_, call)
    assert (refusal.value.reason, refusal.value.field) == ("PAGE_TOKEN_MADE_ELSEWHERE", "page_token")
    assert refusal.value.facts == {"differs": differs, "list": "ListOrders"}


def made_up(key: str) -> str:
    """A token for Ann's orders that no page gave."""
    stamp = page_of(asked(), ANN).stamp
    return urlsafe_b64encode("\n".join((stamp.list, stamp.filter, stamp.caller, key)).encode()).decode()


@pytest.mark.parametrize("text", ["x", "7", "é", "AAAA", "=", made_up("x"), made_up("-1"), made_up("9" * 19)])
def test_a_token_that_no_page_gave_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        page_of(asked(page_token=text), ANN, NUMBER)
    assert refusal.value.reason == "PAGE_TOKEN_MALFORMED"


def test_a_token_is_bounded() -> None:
    with pytest.raises(Malformed):
        page_of(asked(page_token=made_up("1" * TOKEN_CHARACTERS_MAX)), ANN, re.compile("1+"))


def test_a_negative_number_of_rows_is_refused() -> None:
    with pytest.raises(Malformed) as refusal:
        page_of(asked(-1), ANN)
    assert (refusal.value.reason, refusal.value.facts) == ("NUMBER_NEGATIVE", {"value": -1})

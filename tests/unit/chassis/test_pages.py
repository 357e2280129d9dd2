"""Pages: how many rows, where the next one begins, and which requests for one are ill-written."""

import re
from typing import Any

import pytest

from chassis.decider import Malformed
from chassis.pages import NUMBER_MAX, PAGE_ROWS_MAX, page_of

ROWS: Any = [{"id": number, "account": f"a{number}"} for number in (1, 2, 3)]


def test_a_page_shows_what_was_asked_for_and_names_the_next_only_if_there_is_one() -> None:
    page = page_of(2, "")
    assert page.fetched_max == 3
    assert page.shown(ROWS, "id") == (ROWS[:2], "2")
    assert page.shown(ROWS, "account", "id") == (ROWS[:2], "a2/2")
    assert page.shown(ROWS[:2], "id") == (ROWS[:2], "")
    assert page.shown([], "id") == ([], "")


def test_the_first_page_begins_where_the_list_does_and_the_others_after_their_token() -> None:
    assert (page_of(0, "").after(), page_of(0, "").after(NUMBER_MAX)) == (0, NUMBER_MAX)
    assert (page_of(0, "7").after(), page_of(0, "0").after(NUMBER_MAX)) == (7, 0)


def test_no_number_of_rows_means_the_usual_one() -> None:
    assert page_of(0, "").rows_max == PAGE_ROWS_MAX
    assert page_of(0, "", rows_usual=100).rows_max == 100


@pytest.mark.parametrize(
    ("rows", "token", "reason"),
    [
        (-1, "", "PAGE_SIZE_OUT_OF_RANGE"),
        (PAGE_ROWS_MAX + 1, "", "PAGE_SIZE_OUT_OF_RANGE"),
        (1, "x", "PAGE_TOKEN_MALFORMED"),
        (1, "-1", "PAGE_TOKEN_MALFORMED"),
        (1, "9" * 19, "PAGE_TOKEN_MALFORMED"),
    ],
)
def test_an_ill_written_page_is_refused(rows: int, token: str, reason: str) -> None:
    with pytest.raises(Malformed) as refusal:
        page_of(rows, token)
    assert refusal.value.reason == reason


def test_a_list_by_names_takes_only_tokens_of_their_form() -> None:
    form = re.compile("[a-z]+")
    assert page_of(1, "abc", form).token == "abc"
    with pytest.raises(Malformed):
        page_of(1, "7", form)

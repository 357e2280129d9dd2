"""The client's words are the protos' enumerations."""

from typing import Any, get_args

import pytest

from carbonmarket.clearing.v1 import clearing_types_pb2 as clearing
from carbonmarket.registry.v1 import registry_types_pb2 as registry
from carbonmarket.trading.v1 import trading_types_pb2 as trading
from carbonmarket_client import words

TAKEN = [
    (words.Side, trading.Side),
    (words.AccountKind, registry.AccountKind),
    (words.PayoutState, clearing.PayoutState),
]


@pytest.mark.parametrize(("literal", "enum"), TAKEN)
def test_the_words_a_method_takes_are_all_there_are(literal: Any, enum: Any) -> None:
    assert list(get_args(literal)) == list(words.words_of(enum.DESCRIPTOR))


@pytest.mark.parametrize(("literal", "enum"), TAKEN)
def test_every_word_goes_there_and_back(literal: Any, enum: Any) -> None:
    for word in get_args(literal):
        assert words.word_of(enum.DESCRIPTOR, words.number_of(enum, word)) == word


def test_unspecified_is_the_empty_word() -> None:
    assert words.word_of(trading.Side.DESCRIPTOR, 0) == ""
    assert words.number_of(trading.Side, "") == 0


def test_a_number_that_this_release_has_no_word_for_is_shown_as_it_is() -> None:
    assert words.word_of(trading.Side.DESCRIPTOR, 9) == "9"

"""JSON for programs: the same keys always, integers exact."""

import json
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket_client.cli.plain import as_json, plain, plain_facts
from carbonmarket_client.contracts import EVENT_FILES, METHODS

ANSWERS = [method.output_type for methods in METHODS.values() for method in methods.values()]
EVENTS = [descriptor for file in EVENT_FILES for descriptor in file.message_types_by_name.values()]


@pytest.mark.parametrize("descriptor", [*ANSWERS, *EVENTS], ids=lambda descriptor: descriptor.full_name)
def test_an_empty_message_has_every_key_it_will_ever_have(descriptor: Descriptor) -> None:
    message = message_factory.GetMessageClass(descriptor)()
    assert list(plain(message)) == [field.name for field in descriptor.fields]
    assert json.loads(as_json(plain(message))) == plain(message)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_number_of_64_bits_is_a_number_and_exact(value: int) -> None:
    row = clearing.Entry(amount_fen=value)
    read: Any = json.loads(as_json(plain(clearing.ListEntriesResponse(entries=[row]))))
    assert read["entries"][0]["amount_fen"] == value


def test_what_is_nested_unset_or_bytes_is_plain_too() -> None:
    assert plain(query.ListInstrumentsResponse())["rules"] is None
    assert plain(log.Record(digest=b"\x01\xff"))["digest"] == "01ff"
    run = clearing.GetRunResponse(run=clearing.Run(facts={"b": "2", "a": "1"}))
    assert list(plain(run)["run"]["facts"].items()) == [("a", "1"), ("b", "2")]


def test_one_line_stays_one_line() -> None:
    assert "\n" not in as_json(plain(log.SetAside(reason="two\nlines")), one_line=True)


FACTS = [
    ({"price_fen": "5123"}, {"price_fen": 5123}),
    ({"unsettled_fen": "-7"}, {"unsettled_fen": -7}),
    ({"account": "0007"}, {"account": "0007"}),
    ({"bank_reference": "118"}, {"bank_reference": "118"}),
    ({"day": "2021-07-16"}, {"day": "2021-07-16"}),
    ({"code": "007"}, {"code": "007"}),
]


@pytest.mark.parametrize(("facts", "shown"), FACTS)
def test_a_fact_is_a_number_only_where_it_means_one(facts: dict[str, str], shown: dict[str, int | str]) -> None:
    assert plain_facts(facts) == shown

"""What no request may hold is refused with its field: an enumeration's number without a name, a NUL in a text."""

from typing import Any

import pytest
from google.protobuf.descriptor_pool import Default as pool

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing_query
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as types_of_registry
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.decider import Malformed
from chassis.core.request_values import check_values, fields_to_check
from support.source.repository import SERVICES

SENT: Any = 99
"""A number that is not in the protos."""

UNNAMED: list[tuple[Any, str]] = [
    (registry.OpenAccountRequest(kind=SENT), "kind"),
    (trading.PlaceOrderRequest(side=SENT), "side"),
    (clearing_query.ListPayoutsRequest(state=SENT), "state"),
    (
        trading.ConfirmClearingRunRequest(
            totals=[types.MethodTotal(method=types.TRADE_METHOD_LISTED), types.MethodTotal(method=SENT)]
        ),
        "totals[1].method",
    ),
    (
        trading.SubmitManyRequest(commands=[trading.ManyCommand(place_order=trading.PlaceOrderRequest(side=SENT))]),
        "commands[0].place_order.side",
    ),
]


@pytest.mark.parametrize(("request_", "path"), UNNAMED, ids=str)
def test_a_number_without_a_name_is_refused_with_its_field(request_: Any, path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        check_values(request_)
    assert (refusal.value.reason, refusal.value.field) == ("ENUM_VALUE_UNKNOWN", path)
    assert refusal.value.facts == {"value": SENT}


@pytest.mark.parametrize(
    "request_", [trading.PlaceOrderRequest(), trading.PlaceOrderRequest(side=types.SIDE_SELL)], ids=str
)
def test_what_has_a_name_or_is_left_out_is_for_the_domain_to_judge(request_: Any) -> None:
    check_values(request_)


@pytest.mark.parametrize(
    ("request_", "path", "at"),
    [
        (trading.PlaceOrderRequest(account="a\0b"), "account", 2),
        (
            registry.StageDeliveryLegsRequest(
                legs=[types_of_registry.DeliveryLeg(), types_of_registry.DeliveryLeg(traceparent="\0")]
            ),
            "legs[1].traceparent",
            1,
        ),
    ],
    ids=str,
)
def test_a_text_with_a_nul_is_refused_with_its_field(request_: Any, path: str, at: int) -> None:
    with pytest.raises(Malformed) as refusal:
        check_values(request_)
    assert (refusal.value.reason, refusal.value.field) == ("TEXT_HAS_NUL", path)
    assert refusal.value.facts == {"at": at}


def test_only_texts_and_enumerations_are_looked_at() -> None:
    looked_at = fields_to_check(registry.DeliverAllowancesRequest.DESCRIPTOR)
    assert {field.name for field in looked_at} == {"request_id", "day"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_request_holds_a_map_whose_texts_would_not_be_looked_at(service: str) -> None:
    maps = [
        field.full_name
        for method in pool().FindServiceByName(f"carbonmarket.{service}.v1.{service.title()}Service").methods
        for field in method.input_type.fields
        if field.message_type is not None and field.message_type.GetOptions().map_entry
    ]
    assert maps == []

"""Enumerations in requests: a number without a name is refused as itself, wherever it stands."""

from typing import Any

import pytest

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing_query
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.core.decider import Malformed
from chassis.core.enums import check_enums, fields_with_enums

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
        check_enums(request_)
    assert (refusal.value.reason, refusal.value.field) == ("ENUM_VALUE_UNKNOWN", path)
    assert refusal.value.facts == {"field": path, "value": SENT}


@pytest.mark.parametrize(
    "request_", [trading.PlaceOrderRequest(), trading.PlaceOrderRequest(side=types.SIDE_SELL)], ids=str
)
def test_what_has_a_name_or_is_left_out_is_for_the_domain_to_judge(request_: Any) -> None:
    check_enums(request_)


def test_a_request_without_enumerations_costs_nothing() -> None:
    assert fields_with_enums(registry.DeliverAllowancesRequest.DESCRIPTOR) == ()

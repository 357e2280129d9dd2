"""Every argument of every typed method reaches the field of its name."""

import inspect
import re
from typing import Any, get_args, get_type_hints

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from carbonmarket.log.v1 import log_service_pb2
from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client.contracts import METHODS
from carbonmarket_client.service import ServiceClient
from carbonmarket_client.words import word_of
from chassis.core.roles import roles_of
from chassis.core.shell import NEEDS_TWO
from clearing.domain.decider import DECIDER as CLEARING
from registry.domain.decider import DECIDER as REGISTRY
from support.client.fake_services import FakeMarket
from trading.domain.decider import DECIDER as TRADING

NAMED_OTHERWISE = {"GetStatus": "status"}
STREAMS = {"SubmitMany", "StreamMarketData", "Read", "ReadFeed"}
PROPOSED = {kind.__name__ for kind in NEEDS_TWO | REGISTRY.needs_two | TRADING.needs_two | CLEARING.needs_two}
"""They always take two people: their methods propose."""
SERVICE_ONLY = {
    method.name for methods in METHODS.values() for method in methods.values() if roles_of(method) == {"service"}
}
"""Services give them to each other; the client has no method for them."""

CASES = [
    (service, method)
    for service, methods in METHODS.items()
    for method in methods.values()
    if method.name not in STREAMS | SERVICE_ONLY | {"ProposeCommand"}
]


OF_THE_CALL = {"deadline_s"}
"""What a method is given for its call, which no request carries."""


def method_name(method: MethodDescriptor) -> str:
    return NAMED_OTHERWISE.get(method.name) or re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()


def sample(name: str, hint: Any, number: int) -> Any:
    """Return a value for a parameter that no other parameter has."""
    word = next(iter(get_args(get_args(hint)[0] if type(None) in get_args(hint) else hint)), None)
    plain: dict[Any, Any] = {int: number, str: f"{name}-{number}", bool: True, bytes: bytes([number])}
    if hint in plain:
        return plain[hint]
    if isinstance(word, str):
        return word
    return {
        "banks": [f"bank-{number}"],
        "commands": [f"command-{number}"],
        "days": [f"day-{number}"],
        "places": [bytes([number])],
        "trade_ids": [number, number + 1],
        "weights": {"CEA": number},
        "rules": types.TradingRules(source=f"source-{number}"),
    }[name]


def carried(field: FieldDescriptor, request: Any) -> Any:
    """Return what a request carries, as the method was given it."""
    value = getattr(request, field.name)
    if field.name == "weights":
        return {weight.instrument: weight.weight for weight in value}
    if field.enum_type is not None:
        return word_of(field.enum_type, value)
    return list(value) if field.is_repeated else value


def answer_of(method: MethodDescriptor) -> Any:
    return message_factory.GetMessageClass(method.output_type)()


@pytest.mark.parametrize(("service", "method"), CASES, ids=lambda value: getattr(value, "name", value))
async def test_every_argument_reaches_the_field_of_its_name(
    fake_market: FakeMarket, service: str, method: MethodDescriptor
) -> None:
    fake = {"registry": fake_market.registry, "trading": fake_market.trading, "clearing": fake_market.clearing}[service]
    rpc = "ProposeCommand" if method.name in PROPOSED else method.name
    answer = log_service_pb2.ProposeCommandResponse() if rpc != method.name else answer_of(method)
    fake.will(rpc, answer)
    async with fake_market.connect() as market:
        client: ServiceClient = market.service(service)
        function = getattr(client, method_name(method))
        hints = get_type_hints(function)
        given = {
            name: sample(name, hints[name], number)
            for number, name in enumerate(inspect.signature(function).parameters, 1)
            if name not in OF_THE_CALL
        }
        await function(**given)
    request = fake.only_call(rpc).request
    if rpc != method.name:
        assert request.type == method.input_type.full_name
        proposed: Any = message_factory.GetMessageClass(method.input_type).FromString(request.data)
        proposed.request_id = request.request_id
        request = proposed
    fields = {field.name: field for field in method.input_type.fields}
    assert given.keys() == fields.keys(), "a method takes what its request has"
    assert {name: carried(field, request) for name, field in fields.items()} == given

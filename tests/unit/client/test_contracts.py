"""The client keeps up with the protos: a method for every query, every event known."""

import re

import pytest
from google.protobuf.descriptor import MethodDescriptor

from carbonmarket_client.clearing import ClearingClient
from carbonmarket_client.contracts import EVENT_FILES, METHODS
from carbonmarket_client.registry import RegistryClient
from carbonmarket_client.trading import TradingClient
from chassis.core.roles import roles_of
from support.source.repository import ROOT

CLIENTS = {"registry": RegistryClient, "trading": TradingClient, "clearing": ClearingClient}

# What all services offer has words of its own.
NAMED_OTHERWISE = {"Read": "follow_log", "ReadFeed": "follow_feed", "GetStatus": "status"}

RPCS = [(service, method) for service, methods in METHODS.items() for method in methods.values()]


def method_name(method: MethodDescriptor) -> str:
    return NAMED_OTHERWISE.get(method.name) or re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()


@pytest.mark.parametrize(("service", "method"), RPCS, ids=lambda value: getattr(value, "name", value))
def test_every_query_that_people_may_ask_has_a_method(service: str, method: MethodDescriptor) -> None:
    """A command that has none is given by `call`."""
    if roles_of(method) != {"service"} and "request_id" not in method.input_type.fields_by_name:
        assert callable(getattr(CLIENTS[service], method_name(method), None))


def test_no_request_message_belongs_to_two_rpcs() -> None:
    for service, methods in METHODS.items():
        declared = re.findall(
            r"^\s*rpc (\w+)\(",
            "".join(
                path.read_text()
                for folder in (service, "log")
                for path in sorted((ROOT / "proto" / "carbonmarket" / folder).rglob("*_service.proto"))
            ),
            re.MULTILINE,
        )
        assert sorted(method.name for method in methods.values()) == sorted(declared)


def test_every_event_of_the_protos_can_be_decoded() -> None:
    written = {path.name for path in (ROOT / "proto").rglob("*_events*.proto")}
    assert {file.name.rpartition("/")[2] for file in EVENT_FILES} == written

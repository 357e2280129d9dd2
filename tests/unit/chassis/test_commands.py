"""Commands by their rpcs: read from requests, kept as bytes, and refused at import where an rpc has no command."""

from dataclasses import make_dataclass
from typing import Any

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from chassis.core.codec import Mismatch
from chassis.core.commands import Commands
from chassis.core.decider import Malformed
from registry.domain.accounts import ChangeAccountData
from registry.domain.decider import DECIDER
from registry.wire import COMMANDS

SERVICE: ServiceDescriptor = registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"]
REQUEST = registry_service_pb2.ChangeAccountDataRequest(request_id="r1", account="p-1", name="电厂", basis="licence 7")
COMMAND = ChangeAccountData(account="p-1", name="电厂", basis="licence 7")


def test_a_request_is_read_as_the_command_that_its_rpc_is_named_by() -> None:
    assert COMMANDS.read(REQUEST) == COMMAND


def test_a_command_is_kept_as_its_request_without_the_request_id() -> None:
    type_name, data = COMMANDS.encode(COMMAND)
    assert type_name == "carbonmarket.registry.v1.ChangeAccountDataRequest"
    assert COMMANDS.decode(type_name, data) == COMMAND
    assert registry_service_pb2.ChangeAccountDataRequest.FromString(data).request_id == ""


def test_an_rpc_without_a_command_is_refused_at_import() -> None:
    kinds = [kind for kind in DECIDER.decide if kind is not ChangeAccountData]
    with pytest.raises(Mismatch, match="ChangeAccountData"):
        Commands(SERVICE, kinds)


def test_a_command_that_lacks_a_field_of_its_request_is_refused_at_import() -> None:
    lacking = make_dataclass("ChangeAccountData", [("account", str), ("name", str)])
    with pytest.raises(Mismatch, match="basis"):
        Commands(SERVICE, [*DECIDER.decide, lacking])


def test_an_rpc_that_only_asks_is_no_command() -> None:
    Commands(registry_query_service_pb2.DESCRIPTOR.services_by_name["RegistryQueryService"], ())


def test_a_command_that_is_kept_is_held_to_what_no_request_may_hold() -> None:
    request = registry_service_pb2.OpenAccountRequest(account="p-1", name="p")
    unnamed: Any = 99
    request.kind = unnamed
    with pytest.raises(Malformed) as refusal:
        COMMANDS.decode(request.DESCRIPTOR.full_name, request.SerializeToString())
    assert (refusal.value.reason, refusal.value.field) == ("ENUM_VALUE_UNKNOWN", "kind")

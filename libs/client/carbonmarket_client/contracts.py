"""The protos the client speaks: the rpcs of each service, and every event, which importing makes known by name."""

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from carbonmarket.access.v1 import access_pb2
from carbonmarket.clearing.v1 import clearing_events_pb2, clearing_query_service_pb2, clearing_service_pb2
from carbonmarket.log.v1 import log_events_pb2, log_service_pb2
from carbonmarket.registry.v1 import registry_events_pb2, registry_query_service_pb2, registry_service_pb2
from carbonmarket.trading.v1 import trading_events_pb2, trading_query_service_pb2, trading_service_pb2

RPC_FILES: dict[str, tuple[FileDescriptor, ...]] = {
    "registry": (
        registry_service_pb2.DESCRIPTOR,
        registry_query_service_pb2.DESCRIPTOR,
        log_service_pb2.DESCRIPTOR,
    ),
    "trading": (
        trading_service_pb2.DESCRIPTOR,
        trading_query_service_pb2.DESCRIPTOR,
        log_service_pb2.DESCRIPTOR,
    ),
    "clearing": (
        clearing_service_pb2.DESCRIPTOR,
        clearing_query_service_pb2.DESCRIPTOR,
        log_service_pb2.DESCRIPTOR,
    ),
}

METHODS: dict[str, dict[str, MethodDescriptor]] = {
    service: {
        method.input_type.full_name: method
        for file in files
        for declared in file.services_by_name.values()
        for method in declared.methods
    }
    for service, files in RPC_FILES.items()
}
"""The rpcs of each service by the full name of their request message, which belongs to one rpc only."""


def answer_of(service: str, request: Message) -> type[Message]:
    """The message that a request is answered by. Raises KeyError where it is none of the service's."""
    return GetMessageClass(METHODS[service][request.DESCRIPTOR.full_name].output_type)


def roles_of(request_type: str) -> list[str]:
    """The roles that may call the rpc of a request, by its full name; none where this release does not know it."""
    for methods in METHODS.values():
        if request_type in methods:
            roles = methods[request_type].GetOptions().Extensions[access_pb2.roles]
            return [access_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in roles]
    return []


EVENT_FILES: tuple[FileDescriptor, ...] = (
    log_events_pb2.DESCRIPTOR,
    registry_events_pb2.DESCRIPTOR,
    trading_events_pb2.DESCRIPTOR,
    clearing_events_pb2.DESCRIPTOR,
)

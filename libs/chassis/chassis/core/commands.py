"""A service's commands, by its rpcs: the rpc X asks for the command X, and its XRequest has the command's fields.

There is no list to maintain: for every rpc whose request has a `request_id`, the command of the same name is looked up
among the domain's and compared with the request (chassis.core.codec) when the module is imported. A command that only
timers or heard events give has no rpc and is not here.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.core.codec import Codec, Mismatch, codec_of
from chassis.core.request_values import check_values
from chassis.core.roles import roles_of


class Commands:
    """The table, both ways. Raises Mismatch if an rpc has no command, or if the two differ in a field."""

    def __init__(self, service: ServiceDescriptor, kinds: Iterable[type]) -> None:
        named = {kind.__name__: kind for kind in kinds}
        asking = [method for method in service.methods if "request_id" in method.input_type.fields_by_name]
        unknown = sorted({method.name for method in asking} - named.keys())
        if unknown:
            raise Mismatch(f"{service.full_name}: no command is named {unknown}")
        codecs: list[tuple[type, type[Message], Codec[Any, Any]]] = []
        for method in asking:
            kind, request = named[method.name], GetMessageClass(method.input_type)
            codecs.append((kind, request, codec_of(kind, request, of_request=True)))
        self.roles = {method.input_type.full_name: roles_of(method) for method in asking}
        self._by_request = {request: codec for _, request, codec in codecs}
        self._by_command = {kind: codec for kind, _, codec in codecs}
        self._by_name = {request.DESCRIPTOR.full_name: (request, codec) for _, request, codec in codecs}

    def read(self, request: Message) -> object:
        """The command that a request asks for."""
        command: object = self._by_request[type(request)].decode(request)
        return command

    def encode(self, command: object) -> tuple[str, bytes]:
        """A command as it is kept until it may be decided: its request's type name and bytes, without a request id."""
        request: Message = self._by_command[type(command)].encode(command)
        return request.DESCRIPTOR.full_name, request.SerializeToString(deterministic=True)

    def decode(self, type_name: str, data: bytes) -> object:
        """Raises KeyError on a type this release does not know, Malformed on a value that no request may hold."""
        kind, codec = self._by_name[type_name]
        request = kind.FromString(data)
        check_values(request)
        command: object = codec.decode(request)
        return command

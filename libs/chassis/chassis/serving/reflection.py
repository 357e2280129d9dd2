"""Reflection: a client without the protos asks the service for them, by `grpc.reflection.v1` or by `v1alpha`.

The two are the same on the wire, so one implementation answers both. Any name of the protos is found: a message, a
field, an enumeration and its values, a service and its methods, an extension (the roles of an rpc are one). The
library's own servicer finds neither methods nor enumeration values, and knows only v1alpha.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2 as pb

ALPHA, STABLE = "grpc.reflection.v1alpha", "grpc.reflection.v1"
SERVICE = "ServerReflection"
METHOD = "ServerReflectionInfo"
STABLE_FILE = "grpc/reflection/v1/reflection.proto"


def reflection_handlers(services: Sequence[str]) -> list[grpc.GenericRpcHandler]:
    """What answers for these services, and for itself."""
    reflection = Reflection([*services, f"{ALPHA}.{SERVICE}", f"{STABLE}.{SERVICE}"])
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.serve,
        request_deserializer=pb.ServerReflectionRequest.FromString,
        response_serializer=pb.ServerReflectionResponse.SerializeToString,
    )
    return [
        grpc.method_handlers_generic_handler(f"{package}.{SERVICE}", {METHOD: handler}) for package in (ALPHA, STABLE)
    ]


class Reflection:
    """What there is to be found: every name of the files that the services are declared in, and of all that those
    import.
    """

    def __init__(self, services: Sequence[str]) -> None:
        add_stable_file()
        self._services = sorted(services)
        self._files = files_of(services)
        self._file_of = {name: file for file in self._files.values() for name in names_in(file)}
        self._extensions = {
            (extension.containing_type.full_name, extension.number): file
            for file in self._files.values()
            for extension in file.extensions_by_name.values()
        }

    async def serve(self, requests: AsyncIterator[Any], context: object) -> AsyncIterator[Any]:
        async for request in requests:
            answer = self.answer(request)
            answer.original_request.CopyFrom(request)
            yield answer

    def answer(self, request: Any) -> Any:
        asked = request.WhichOneof("message_request")
        match asked:
            case "list_services":
                names = [pb.ServiceResponse(name=name) for name in self._services]
                return pb.ServerReflectionResponse(list_services_response=pb.ListServiceResponse(service=names))
            case "file_by_filename":
                return file_answer(self._files.get(request.file_by_filename))
            case "file_containing_symbol":
                return file_answer(self._file_of.get(request.file_containing_symbol))
            case "file_containing_extension":
                extension = request.file_containing_extension
                return file_answer(self._extensions.get((extension.containing_type, extension.extension_number)))
            case "all_extension_numbers_of_type":
                name = request.all_extension_numbers_of_type
                numbers = sorted(number for extended, number in self._extensions if extended == name)
                if not numbers and name not in self._file_of:
                    return failure(grpc.StatusCode.NOT_FOUND)
                found = pb.ExtensionNumberResponse(base_type_name=name, extension_number=numbers)
                return pb.ServerReflectionResponse(all_extension_numbers_response=found)
        return failure(grpc.StatusCode.INVALID_ARGUMENT)


def file_answer(file: Any) -> Any:
    """A file and all that it imports."""
    if file is None:
        return failure(grpc.StatusCode.NOT_FOUND)
    data = [one.serialized_pb for one in with_imports([file]).values()]
    return pb.ServerReflectionResponse(file_descriptor_response=pb.FileDescriptorResponse(file_descriptor_proto=data))


def failure(code: grpc.StatusCode) -> Any:
    number, words = code.value
    return pb.ServerReflectionResponse(error_response=pb.ErrorResponse(error_code=number, error_message=words))


def add_stable_file() -> None:
    """The file of `grpc.reflection.v1`, which is v1alpha's under another package."""
    pool = descriptor_pool.Default()
    proto = descriptor_pb2.FileDescriptorProto.FromString(pb.DESCRIPTOR.serialized_pb)
    proto.name, proto.package = STABLE_FILE, STABLE
    for message in proto.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(f".{ALPHA}.", f".{STABLE}.")
    for service in proto.service:
        for method in service.method:
            method.input_type = method.input_type.replace(f".{ALPHA}.", f".{STABLE}.")
            method.output_type = method.output_type.replace(f".{ALPHA}.", f".{STABLE}.")
    # Added again it is the same, which a pool takes.
    pool.AddSerializedFile(proto.SerializeToString())


def files_of(services: Iterable[str]) -> dict[str, Any]:
    """The files that some services are declared in, and all that they import, by name."""
    pool = descriptor_pool.Default()
    return with_imports([pool.FindServiceByName(name).file for name in services])


def with_imports(files: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop(0)
        if file.name not in found:
            found[file.name] = file
            waiting += file.dependencies
    return found


def names_in(file: Any) -> Iterator[str]:
    """Every full name that a file gives to something."""
    for message in file.message_types_by_name.values():
        yield from names_in_message(message)
    for enum in file.enum_types_by_name.values():
        yield from names_in_enum(enum)
    for extension in file.extensions_by_name.values():
        yield extension.full_name
    for service in file.services_by_name.values():
        yield service.full_name
        for method in service.methods:
            yield method.full_name


def names_in_message(message: Any) -> Iterator[str]:
    yield message.full_name
    for part in (*message.fields, *message.oneofs, *message.extensions):
        yield part.full_name
    for enum in message.enum_types:
        yield from names_in_enum(enum)
    for nested in message.nested_types:
        yield from names_in_message(nested)


def names_in_enum(enum: Any) -> Iterator[str]:
    """The full name of an enumeration's value is in the scope around the enumeration, not inside it."""
    yield enum.full_name
    scope = enum.full_name.rpartition(".")[0]
    for value in enum.values:
        yield f"{scope}.{value.name}"

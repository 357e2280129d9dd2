"""Reflection: whoever has no protos finds every name, by either version of the service."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb

from carbonmarket.access.v1 import access_pb2
from carbonmarket.trading.v1 import trading_query_service_pb2, trading_service_pb2
from chassis.serving.reflection import reflection_handlers

assert trading_query_service_pb2 and trading_service_pb2, "importing them declares the services"

Ask = Any
"""A reflection's stream."""

SERVICES = ["carbonmarket.trading.v1.TradingService", "carbonmarket.trading.v1.TradingQueryService"]
VERSIONS = ["grpc.reflection.v1", "grpc.reflection.v1alpha"]


@pytest_asyncio.fixture(params=VERSIONS)
async def ask(request: pytest.FixtureRequest) -> AsyncIterator[Ask]:
    """The reflection of a server with trading's services, by one of its versions."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(reflection_handlers(SERVICES)))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.stream_stream(
            f"/{request.param}.ServerReflection/ServerReflectionInfo",
            pb.ServerReflectionRequest.SerializeToString,
            pb.ServerReflectionResponse.FromString,
        )
    await server.stop(None)


async def one(ask: Ask, **request: Any) -> pb.ServerReflectionResponse:
    async for answer in ask(iter([pb.ServerReflectionRequest(**request)])):
        assert isinstance(answer, pb.ServerReflectionResponse)
        return answer
    raise AssertionError("no answer")


async def test_the_services_are_listed_reflection_among_them(ask: Ask) -> None:
    listed = [each.name for each in (await one(ask, list_services="")).list_services_response.service]
    assert listed == sorted([*SERVICES, *(f"{version}.ServerReflection" for version in VERSIONS)])


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("carbonmarket.trading.v1.TradingService", "carbonmarket/trading/v1/trading_service.proto"),
        ("carbonmarket.trading.v1.TradingService.PlaceOrder", "carbonmarket/trading/v1/trading_service.proto"),
        ("carbonmarket.trading.v1.PlaceOrderRequest", "carbonmarket/trading/v1/trading_service.proto"),
        ("carbonmarket.trading.v1.PlaceOrderRequest.price_fen", "carbonmarket/trading/v1/trading_service.proto"),
        ("carbonmarket.trading.v1.ManyCommand.command", "carbonmarket/trading/v1/trading_service.proto"),
        ("carbonmarket.trading.v1.Side", "carbonmarket/trading/v1/trading_types.proto"),
        ("carbonmarket.trading.v1.SIDE_BUY", "carbonmarket/trading/v1/trading_types.proto"),
        ("carbonmarket.access.v1.roles", "carbonmarket/access/v1/access.proto"),
        ("grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"),
        ("google.protobuf.MethodOptions", "google/protobuf/descriptor.proto"),
    ],
)
async def test_every_kind_of_name_is_found(ask: Ask, symbol: str, file: str) -> None:
    answer = await one(ask, file_containing_symbol=symbol)
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(data)
        for data in answer.file_descriptor_response.file_descriptor_proto
    ]
    assert files[0].name == file
    pool = DescriptorPool()
    for each in reversed(files):
        pool.Add(each)
    assert pool.FindFileByName(file).name == file


async def test_extensions_are_found_by_what_they_extend(ask: Ask) -> None:
    extended, number = "google.protobuf.MethodOptions", access_pb2.roles.number
    answer = await one(ask, all_extension_numbers_of_type=extended)
    assert number in answer.all_extension_numbers_response.extension_number
    asked = pb.ExtensionRequest(containing_type=extended, extension_number=number)
    answer = await one(ask, file_containing_extension=asked)
    found = descriptor_pb2.FileDescriptorProto.FromString(answer.file_descriptor_response.file_descriptor_proto[0])
    assert found.name == "carbonmarket/access/v1/access.proto"


@pytest.mark.parametrize(
    "request_",
    [
        {"file_containing_symbol": "carbonmarket.trading.v1.TradingService.Steal"},
        {"file_by_filename": "etc/passwd"},
        {"all_extension_numbers_of_type": "carbonmarket.Nothing"},
    ],
)
async def test_what_is_not_there_is_not_found(ask: Ask, request_: dict[str, Any]) -> None:
    assert (await one(ask, **request_)).error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_a_request_for_nothing_is_refused(ask: Ask) -> None:
    assert (await one(ask)).error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]

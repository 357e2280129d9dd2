"""A gRPC server that only parses each request and answers it with a message of the shape of the service's own answer.

It has the methods that the rows call: PlaceOrder of trading, and SubmitMany of each service. It is a process of its
own, as a service is: `python -m bench.floors.echo HOST:PORT`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from rehearsal.processes import Child, Program, free_port, printed

CONTRACTS: tuple[Any, ...] = (registry, trading, clearing)
READY = "echoes at"


async def place_order(data: bytes, context: object) -> bytes:
    trading.PlaceOrderRequest.FromString(data)
    return trading.PlaceOrderResponse(order_id=1, position=1).SerializeToString()


def submit_many_of(contract: Any) -> Any:
    async def submit_many(messages: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        async for data in messages:
            answer = contract.SubmitManyResponse()
            for command in contract.SubmitManyRequest.FromString(data).commands:
                kind = command.WhichOneof("command")
                getattr(answer.outcomes.add(), kind).position = 1
            yield answer.SerializeToString()

    return submit_many


def handlers() -> list[grpc.GenericRpcHandler]:
    found = []
    for contract in CONTRACTS:
        (service,) = contract.DESCRIPTOR.services_by_name.values()
        methods: dict[str, Any] = {"SubmitMany": grpc.stream_stream_rpc_method_handler(submit_many_of(contract))}
        if contract is trading:
            methods["PlaceOrder"] = grpc.unary_unary_rpc_method_handler(place_order)
        found.append(grpc.method_handlers_generic_handler(service.full_name, methods))
    return found


async def serve(address: str) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(handlers()))
    server.add_insecure_port(address)
    await server.start()
    print(READY, address, flush=True)
    await server.wait_for_termination()


@asynccontextmanager
async def echo_server(folder: Path) -> AsyncIterator[str]:
    """Its address, while it runs."""
    address = f"127.0.0.1:{free_port()}"
    command = (sys.executable, "-m", "bench.floors.echo", address)
    child = Child(Program("echo", command, ready=printed(READY)), folder)
    await child.start()
    try:
        yield address
    finally:
        await child.stop()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))

"""Commands through a bare gRPC stream: the messages of the bulk entry, 500 commands each, to a server that only parses
them and answers each command. A few messages are on the way at a time.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import grpc.aio
from google.protobuf.message import Message

from bench.floors.echo import CONTRACTS

COMMANDS_PER_MESSAGE = 500
ON_THE_WAY_MAX = 4
CONTRACT_OF = {contract.DESCRIPTOR.package.split(".")[1]: contract for contract in CONTRACTS}
"""By service."""


def messages(service: str, commands: Iterable[Message]) -> Iterator[bytes]:
    """The commands of a service, in its SubmitMany messages."""
    contract, left = CONTRACT_OF[service], iter(commands)
    kinds = contract.ManyCommand.DESCRIPTOR.oneofs_by_name["command"].fields
    field_of = {kind.message_type.full_name: kind.name for kind in kinds}
    while page := list(islice(left, COMMANDS_PER_MESSAGE)):
        request = contract.SubmitManyRequest()
        for command in page:
            getattr(request.commands.add(), field_of[command.DESCRIPTOR.full_name]).MergeFrom(command)
        yield request.SerializeToString()


async def stream_s(address: str, service: str, sent: list[bytes]) -> float:
    """The seconds until every message is answered, and each command in it."""
    contract = CONTRACT_OF[service]
    (rpcs,) = contract.DESCRIPTOR.services_by_name.values()
    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
        began_s = time.perf_counter()
        call: Any = channel.stream_stream(f"/{rpcs.full_name}/SubmitMany")()
        waiting = 0
        for message in sent:
            if waiting == ON_THE_WAY_MAX:
                contract.SubmitManyResponse.FromString(await call.read())
                waiting -= 1
            await call.write(message)
            waiting += 1
        await call.done_writing()
        for _ in range(waiting):
            contract.SubmitManyResponse.FromString(await call.read())
        return time.perf_counter() - began_s

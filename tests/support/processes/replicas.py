"""Two replicas of a registry on one database."""

import asyncio
from dataclasses import dataclass

import grpc

from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from chassis.core.call import Refused
from support.processes.one_service import OneService, WrittenLog

OPERATOR = "registry_operator:ann"
APIS = (registry_service_pb2, registry_query_service_pb2)
TRIES_MAX = 1_200


def account(number: int) -> str:
    return f"fund-{number}"


@dataclass(frozen=True)
class Pair:
    """The replica that leads, and the one that stands by."""

    leader: OneService
    standby: OneService
    trading: WrittenLog
    database_url: str

    async def insist(self, number: int, *replicas: OneService) -> int:
        """Opens one account under one request id until a replica answers; returns the position."""
        kind = types.ACCOUNT_KIND_INSTITUTION
        request = pb.OpenAccountRequest(request_id=f"open {number}", account=account(number), kind=kind, name="Fund")
        for attempt in range(TRIES_MAX):
            try:
                answer: pb.OpenAccountResponse = await replicas[attempt % len(replicas)].call(OPERATOR, request)
                return answer.position
            except Refused as refused:
                if refused.code is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.05)
        raise TimeoutError(f"no answer to {request.request_id}")

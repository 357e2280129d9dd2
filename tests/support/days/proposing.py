"""How the people of a played day give a command by two."""

from typing import Protocol

import pytest
from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as log
from support.days.calls import RPCS, Port, Refused


class Players(Protocol):
    """Who plays the day."""

    port: Port

    def next_id(self) -> str: ...


async def by_two(people: Players, proposer: str, approver: str, command: Message) -> log.ProposeCommandResponse:
    """One proposes, and may not approve it alone; another approves. Returns the answer to the proposal."""
    proposed = await propose(people, proposer, command)
    with pytest.raises(Refused, match="SECOND_PERSON_REQUIRED"):
        await approve(people, proposer, command, proposed.proposal_id)
    await approve(people, approver, command, proposed.proposal_id)
    people.port.accepted[command.DESCRIPTOR.name.removesuffix("Request")] += 1
    return proposed


async def propose(people: Players, proposer: str, command: Message) -> log.ProposeCommandResponse:
    request = log.ProposeCommandRequest(request_id=people.next_id(), type=command.DESCRIPTOR.full_name)
    request.data = command.SerializeToString()
    return await people.port.call_log(service_of(command), proposer, request, log.ProposeCommandResponse)


async def approve(people: Players, approver: str, command: Message, number: int) -> log.ApproveProposalResponse:
    request = log.ApproveProposalRequest(request_id=people.next_id(), proposal_id=number)
    return await people.port.call_log(service_of(command), approver, request, log.ApproveProposalResponse)


def service_of(command: Message) -> str:
    return RPCS[command.DESCRIPTOR.full_name].service

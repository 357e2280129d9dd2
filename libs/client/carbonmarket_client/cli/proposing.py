"""`--propose`: the command is proposed instead of given; another person approves it (`carbonmarket pending`)."""

from typing import TypeVar

from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client.link import REQUEST_ID, Link

R = TypeVar("R", bound=Message)


class Proposed(Exception):
    """Ends a command where its request would be sent: nothing was done, it awaits a second person."""

    def __init__(self, service: str, request_id: str, answer: log.ProposeCommandResponse) -> None:
        super().__init__(service, request_id, answer.proposal_id)
        self.service = service
        self.request_id = request_id
        self.answer = answer


class ProposingLink(Link):
    """Queries go their way. What is a proposal already is sent as it is."""

    async def call(self, request: Message, answer_type: type[R], *, deadline_s: float | None = None) -> R:
        if REQUEST_ID not in request.DESCRIPTOR.fields_by_name or isinstance(request, log.ProposeCommandRequest):
            return await super().call(request, answer_type, deadline_s=deadline_s)
        proposal = log.ProposeCommandRequest(
            request_id=getattr(request, REQUEST_ID), type=request.DESCRIPTOR.full_name, data=request.SerializeToString()
        )
        answer = await super().call(proposal, log.ProposeCommandResponse, deadline_s=deadline_s)
        raise Proposed(self.service, proposal.request_id, answer)

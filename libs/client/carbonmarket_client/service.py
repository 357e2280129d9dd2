"""What the clients of the three services have in common: the status, the rehearsal's clock, the log and the feeds."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.contracts import answer_of
from carbonmarket_client.feed import Record, follow_feed, follow_log
from carbonmarket_client.link import Link

T = TypeVar("T", bound=Message)

PAGES_MAX = 10_000
"""So many pages of a list are read before something must be wrong with it."""


class Page(Protocol):
    """An answer that is one page of a list."""

    next_page_token: str


P = TypeVar("P", bound=Page)


class ServiceClient:
    """One service, in the market's words.

    Every command takes an optional `request_id` that makes it idempotent; left out, the client makes one and uses it
    for all its own tries. Every method returns the rpc's answer message and raises MarketError.
    """

    def __init__(self, link: Link) -> None:
        self.link = link

    async def call(self, request: Message) -> Message:
        """Send any request of this service and return its answer: the way to an rpc that has no method here."""
        return await self.link.call(request, answer_of(self.link.service, request))

    async def status(self, *, deadline_s: float | None = None) -> pb.GetStatusResponse:
        """The state of the service: head of its log, followers, sources, what is set aside, the market's time."""
        return await self.link.call(pb.GetStatusRequest(), pb.GetStatusResponse, deadline_s=deadline_s)

    async def get_signed_head(self, position: int = 0) -> pb.GetSignedHeadResponse:
        """A head of the service's log, signed by it: the newest that it has signed, or the one at a position."""
        return await self.link.call(pb.GetSignedHeadRequest(position=position), pb.GetSignedHeadResponse)

    async def get_signed_feed_head(self, account: str, sequence: int = 0) -> pb.GetSignedFeedHeadResponse:
        """The end of an account's feed, signed by the service: now, or at a sequence."""
        request = pb.GetSignedFeedHeadRequest(account=account, sequence=sequence)
        return await self.link.call(request, pb.GetSignedFeedHeadResponse)

    async def get_fork_proofs(self) -> pb.GetForkProofsResponse:
        """The proofs that this service keeps of forks of the logs that it hears."""
        return await self.link.call(pb.GetForkProofsRequest(), pb.GetForkProofsResponse)

    async def move_clock(self, to_ms: int, request_id: str = "") -> pb.MoveClockResponse:
        """Move the clock of a rehearsal forward; timers due on the way run first."""
        return await self.link.call(pb.MoveClockRequest(request_id=request_id, to_ms=to_ms), pb.MoveClockResponse)

    async def propose_command(self, command: Message, *, request_id: str = "") -> pb.ProposeCommandResponse:
        """Propose a command of this service by its request: another person has to approve it before it is decided."""
        request = pb.ProposeCommandRequest(
            request_id=request_id, type=command.DESCRIPTOR.full_name, data=command.SerializeToString()
        )
        return await self.link.call(request, pb.ProposeCommandResponse)

    async def approve_proposal(self, proposal_id: int, *, request_id: str = "") -> pb.ApproveProposalResponse:
        """Approve what another person proposed: it is decided now."""
        request = pb.ApproveProposalRequest(request_id=request_id, proposal_id=proposal_id)
        return await self.link.call(request, pb.ApproveProposalResponse)

    async def set_approval_rules(
        self, valid_from_day: str, commands: Sequence[str], open_hours: int, source: str, *, request_id: str = ""
    ) -> pb.ProposeCommandResponse:
        """Propose which commands take two people from a day on, and how long a proposal stays open."""
        command = pb.SetApprovalRulesRequest(
            valid_from_day=valid_from_day, commands=commands, open_hours=open_hours, source=source
        )
        return await self.propose_command(command, request_id=request_id)

    async def reject_proposal(
        self, proposal_id: int, ground: str, *, request_id: str = ""
    ) -> pb.RejectProposalResponse:
        """Reject what another person proposed, or withdraw a proposal of one's own."""
        request = pb.RejectProposalRequest(request_id=request_id, proposal_id=proposal_id, ground=ground)
        return await self.link.call(request, pb.RejectProposalResponse)

    async def decide_set_aside_again(
        self, set_aside_position: int, ground: str, *, through_position: int = 0, request_id: str = ""
    ) -> pb.ProposeCommandResponse:
        """Propose that what was set aside is decided again, now that its cause is fixed; with a `through_position`, all
        of the same cause after the one through the other, too, up to the first that cannot be applied.
        """
        command = pb.DecideSetAsideAgainRequest(
            set_aside_position=set_aside_position, ground=ground, through_position=through_position
        )
        return await self.propose_command(command, request_id=request_id)

    async def drop_set_aside(
        self, set_aside_position: int, ground: str, *, through_position: int = 0, request_id: str = ""
    ) -> pb.ProposeCommandResponse:
        """Propose that what was set aside is not applied and blocks nothing any more; with a `through_position`, all of
        the same cause from the one through the other, as far as the effects of the answer go.
        """
        command = pb.DropSetAsideRequest(
            set_aside_position=set_aside_position, ground=ground, through_position=through_position
        )
        return await self.propose_command(command, request_id=request_id)

    async def resume_hearing(
        self, source_log_id: str, source_position: int, source_digest: bytes, ground: str, *, request_id: str = ""
    ) -> pb.ProposeCommandResponse:
        """Propose after which record hearing of a forked source resumes."""
        command = pb.ResumeHearingRequest(
            source_log_id=source_log_id, source_position=source_position, source_digest=source_digest, ground=ground
        )
        return await self.propose_command(command, request_id=request_id)

    async def rename_order(
        self, order_position: int, ground: str, *, request_id: str = ""
    ) -> pb.ProposeCommandResponse:
        """Propose that an order which is refused for its name is sent under another name."""
        command = pb.RenameOrderRequest(order_position=order_position, ground=ground)
        return await self.propose_command(command, request_id=request_id)

    async def activate_release(
        self, release_level: int, ground: str, *, request_id: str = ""
    ) -> pb.ProposeCommandResponse:
        """Propose that a release level's types are written from now on."""
        command = pb.ActivateReleaseRequest(release_level=release_level, ground=ground)
        return await self.propose_command(command, request_id=request_id)

    def follow_log(self, after_position: int = 0, *, wait: bool = True) -> AsyncGenerator[Record, None]:
        """Every record of the log from after a position; with wait for ever. For operators, auditors and the
        regulator.
        """
        return follow_log(self.link, after_position, wait=wait)

    def follow_feed(self, account: str, after_sequence: int = 0, *, wait: bool = True) -> AsyncGenerator[Record, None]:
        """Every record of this service that concerns an account, from after a sequence number; with wait for ever."""
        return follow_feed(self.link, account, after_sequence, wait=wait)


async def pages(read: Callable[[str], Awaitable[P]]) -> AsyncIterator[P]:
    """Every page of a list. `read` takes a page token, empty for the first page:

    async for page in pages(lambda token: market.registry.list_accounts(page_token=token)): ...
    """
    token = ""
    for _ in range(PAGES_MAX):
        page = await read(token)
        yield page
        token = page.next_page_token
        if not token:
            return
    raise AssertionError(f"a list of more than {PAGES_MAX} pages")

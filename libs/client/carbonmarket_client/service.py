"""What the clients of the three services have in common: the status, the rehearsal's clock, the log and the feeds."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as pb
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

    async def status(self) -> pb.GetStatusResponse:
        """Where the service stands: head of its log, followers, sources, what is set aside, the market's time."""
        return await self.link.call(pb.GetStatusRequest(), pb.GetStatusResponse)

    async def move_clock(self, to_ms: int, request_id: str = "") -> pb.MoveClockResponse:
        """Move the clock of a rehearsal forward; what falls due is done first."""
        return await self.link.call(pb.MoveClockRequest(request_id=request_id, to_ms=to_ms), pb.MoveClockResponse)

    async def resolve_set_aside(
        self, set_aside_position: int, ground: str, *, request_id: str = ""
    ) -> pb.ResolveSetAsideResponse:
        """Propose, or as a second operator approve, that an event set aside blocks nothing any more."""
        request = pb.ResolveSetAsideRequest(request_id=request_id, set_aside_position=set_aside_position, ground=ground)
        return await self.link.call(request, pb.ResolveSetAsideResponse)

    async def resume_hearing(
        self, source_log_id: str, source_position: int, source_digest: bytes, ground: str, *, request_id: str = ""
    ) -> pb.ResumeHearingResponse:
        """Propose, or as a second operator approve, from which record on a source that forked is heard again."""
        request = pb.ResumeHearingRequest(
            request_id=request_id,
            source_log_id=source_log_id,
            source_position=source_position,
            source_digest=source_digest,
            ground=ground,
        )
        return await self.link.call(request, pb.ResumeHearingResponse)

    async def activate_release(
        self, release_level: int, ground: str, *, request_id: str = ""
    ) -> pb.ActivateReleaseResponse:
        """Propose, or as a second operator approve, that a release level's types are written from now on."""
        request = pb.ActivateReleaseRequest(request_id=request_id, release_level=release_level, ground=ground)
        return await self.link.call(request, pb.ActivateReleaseResponse)

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

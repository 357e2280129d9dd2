"""Following what happens: a service's whole log, or the feed of one account.

Both are gapless and numbered from 1, a log by position, a feed by a sequence of its own. So a reader needs to keep
one number, the last it has dealt with, and goes on from there after anything: a broken connection (which is healed
here), a restart, a year's pause. A number left out raises FeedBroken rather than passing unseen.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.errors import FeedBroken, Unavailable, UnknownEvent
from carbonmarket_client.link import Link, pause_s

logger = logging.getLogger(__name__)

RECORDS_MAX = 500
"""So many records are asked for at a time."""
WAIT_MS = 20_000
"""So long a service may keep a reader waiting for the next record before it answers with none."""
REST_S = 0.05
"""After an answer without records, so that a service which does not wait is not asked without end."""
ANSWER_S_MAX = 30.0
SILENCE_S_MAX = 600.0
"""A service that cannot be reached for so long ends the following with Unavailable."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event as a service's log has it.

    sequence is its number in the account's feed, 0 when the whole log is read. event is the decoded message, type its
    full name. recorded_ms is the market's time. traceparent is empty where the record continues no trace. Who caused
    it: the subject in a role, for an account (empty for who acts for the market itself), on an approval
    (`LOG/POSITION`, empty if it needed none).
    """

    service: str
    position: int
    sequence: int
    type: str
    event: Message
    recorded_ms: int
    subject: str
    role: str
    account: str
    approval: str
    request_id: str
    traceparent: str

    @property
    def trace_id(self) -> str:
        return self.traceparent.split("-")[1] if self.traceparent else ""


async def follow_log(link: Link, after_position: int = 0, *, wait: bool = True) -> AsyncGenerator[Record, None]:
    """Read a whole log from after a position. With wait it goes on for ever, else it ends at the head. Raises
    MarketError.
    """

    async def read(after: int) -> list[tuple[int, Record]]:
        request = pb.ReadRequest(after_position=after, records_max=RECORDS_MAX, wait_ms=WAIT_MS if wait else 0)
        answer = await link.call(request, pb.ReadResponse, deadline_s=ANSWER_S_MAX)
        return [(record.position, decoded(link.service, record)) for record in answer.records]

    async for record in _follow(link.service, read, after_position, wait):
        yield record


async def follow_feed(
    link: Link, account: str, after_sequence: int = 0, *, wait: bool = True
) -> AsyncGenerator[Record, None]:
    """Read one account's feed from after a sequence number. With wait it goes on for ever. Raises MarketError."""

    async def read(after: int) -> list[tuple[int, Record]]:
        request = pb.ReadFeedRequest(
            account=account, after_sequence=after, records_max=RECORDS_MAX, wait_ms=WAIT_MS if wait else 0
        )
        answer = await link.call(request, pb.ReadFeedResponse, deadline_s=ANSWER_S_MAX)
        return [(entry.sequence, decoded(link.service, entry.record, entry.sequence)) for entry in answer.records]

    async for record in _follow(link.service, read, after_sequence, wait):
        yield record


def decoded(service: str, record: pb.Record, sequence: int = 0) -> Record:
    """A record with its event's message decoded. Raises UnknownEvent."""
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(record.type)
    except KeyError:
        raise UnknownEvent(service, record.position, record.type) from None
    return Record(
        service=service,
        position=record.position,
        sequence=sequence,
        type=record.type,
        event=message_factory.GetMessageClass(descriptor).FromString(record.data),
        recorded_ms=record.recorded_ms,
        subject=record.subject,
        role=record.role,
        account=record.account,
        approval=record.approval,
        request_id=record.request_id,
        traceparent=record.traceparent,
    )


async def _follow(
    service: str, read: Callable[[int], Awaitable[list[tuple[int, Record]]]], after: int, wait: bool
) -> AsyncGenerator[Record, None]:
    loop = asyncio.get_running_loop()
    answered_at, tries = loop.time(), 0
    while True:
        try:
            numbered = await read(after)
        except Unavailable as gone:
            if not wait or loop.time() - answered_at > SILENCE_S_MAX:
                raise
            if not tries:
                logger.warning("%s; waiting for it", gone)
            tries += 1
            await asyncio.sleep(pause_s(tries))
            continue
        if tries:
            logger.warning("%s answers again", service)
        answered_at, tries = loop.time(), 0
        for number, record in numbered:
            if number != after + 1:
                raise FeedBroken(service, after + 1, number)
            yield record
            after = number
        if not numbered:
            if not wait:
                return
            await asyncio.sleep(REST_S)

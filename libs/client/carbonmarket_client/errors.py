"""Everything that can go wrong, as one tree.

    MarketError
    ├── Refused               the market refused; nothing changed: `reason`, `facts`, `fix`
    │   ├── Malformed         the request is malformed
    │   ├── NotFound          it names something that does not exist
    │   ├── NotPermitted      this actor may not do it
    │   ├── BeyondEnd         it names a position after the end of the log or feed
    │   └── RequestIdReused   the same request id came before with another body
    ├── Unavailable           no answer came; a command may have been done or not: repeat with the same request_id
    │   ├── Busy              the service accepts no more at the moment and did nothing
    │   └── KeptAway          the service was restored from an older backup, lets operators in alone and did nothing
    ├── Failed                an error of the service itself
    ├── NotConfigured         the address of a service, or the actor, is not configured
    │   └── FileUnusable      a file that is named does not hold what it should
    ├── UnknownEvent          this release of the client does not know an event's type
    ├── FeedBroken            a number of a feed is missing
    ├── BookmarkRefused       a bookmark has no valid signature of its service (heads.py)
    ├── NotProved             a proof does not prove what it states (proofs.py)
    └── LogAltered            a log or feed is not what its service signed (heads.py)
        └── ForkProved        the service signed two histories: `proof`

A refusal is a fact about the market, so it carries the facts: all of them as text, as they travel, integers included.
"""

import logging
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from carbonmarket_client.reasons import how_to_fix

logger = logging.getLogger(__name__)


class MarketError(Exception):
    """The root: catch it to catch everything this client raises on purpose."""


class Refused(MarketError):
    """The market refused the request and changed nothing.

    reason: UPPER_SNAKE, states a fact, listed at the rpc. facts: what the refusal names, by name, as text. fix: a
    sentence that says how to put it right.
    """

    def __init__(self, reason: str, facts: dict[str, str]) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    @property
    def fix(self) -> str:
        return how_to_fix(self.reason)

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in sorted(self.facts.items()))
        return f"{self.reason} ({named})" if named else self.reason


class Malformed(Refused):
    """The request is malformed: a missing, negative, too large or badly written value."""


class NotFound(Refused):
    """The request names something that is not there."""


class NotPermitted(Refused):
    """This actor may not do it: another role's command, somebody else's account."""


class BeyondEnd(Refused):
    """The request names a place after the end of the service's log or feed: it is of another one, or the service's log
    came back older.
    """


class RequestIdReused(Refused):
    """The request id was used before by this actor for a request with another body."""


class Unavailable(MarketError):
    """No answer came in time.

    request_id names the command that may or may not have been done (empty for a query): sending it again under that
    id is always safe and shows which.
    """

    def __init__(self, service: str, detail: str, request_id: str = "") -> None:
        super().__init__(service, detail, request_id)
        self.service = service
        self.detail = detail
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.service} gave no answer: {self.detail}"


class Busy(Unavailable):
    """The service accepts no more requests at the moment; this one was not done."""

    def __str__(self) -> str:
        return f"{self.service} takes no more at the moment: {self.detail}"


class KeptAway(Unavailable):
    """The service was restored from an older backup. Until what it lost was given again it lets in nobody who acts for
    an account; this command was not done.
    """

    def __str__(self) -> str:
        return f"{self.service} was restored from an older backup and takes only what it lost, until that is complete"


class Failed(MarketError):
    """The service made a mistake while answering. Its log has the cause; the caller did nothing wrong."""

    def __init__(self, service: str, code: str, detail: str) -> None:
        super().__init__(service, code, detail)
        self.service = service
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.service} failed with {self.code}: {self.detail}"


class NotConfigured(MarketError):
    """The address of a service, or the actor, is not configured."""


class FileUnusable(NotConfigured):
    """A file that is named cannot be read, or does not hold what it should."""


class UnknownEvent(MarketError):
    """A record's type is not known to this release of the client: a newer one is needed to read on."""

    def __init__(self, service: str, position: int, type_name: str) -> None:
        super().__init__(service, position, type_name)
        self.service = service
        self.position = position
        self.type_name = type_name

    def __str__(self) -> str:
        record = f"{self.service} record {self.position}"
        return f"{record} is a {self.type_name}, which this release does not know: update the client"


class FeedBroken(MarketError):
    """A feed is gapless by contract; this one left a number out or gave one twice."""

    def __init__(self, service: str, expected: int, came: int) -> None:
        super().__init__(service, expected, came)
        self.service = service
        self.expected = expected
        self.came = came

    def __str__(self) -> str:
        return f"{self.service} sent number {self.came} where {self.expected} was due"


_CLASS_OF = {
    grpc.StatusCode.INVALID_ARGUMENT: Malformed,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.PERMISSION_DENIED: NotPermitted,
    grpc.StatusCode.UNAUTHENTICATED: NotPermitted,
    grpc.StatusCode.ALREADY_EXISTS: RequestIdReused,
    grpc.StatusCode.OUT_OF_RANGE: BeyondEnd,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
}
_CODE_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
LOG_CAME_BACK_OLDER = "LOG_CAME_BACK_OLDER"
_NO_CONNECTION = {
    grpc.StatusCode.UNAVAILABLE: "there is no connection to",
    grpc.StatusCode.DEADLINE_EXCEEDED: "nothing came in time from",
}
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


def error_of(
    service: str, code: grpc.StatusCode | int, reason: str, facts: dict[str, str], request_id: str
) -> MarketError:
    """What a status means in the market's words. The code may be a number; the reason is the best text there is."""
    known = _CODE_BY_NUMBER.get(code, grpc.StatusCode.UNKNOWN) if isinstance(code, int) else code
    if known in _CLASS_OF:
        return _CLASS_OF[known](reason, facts)
    if known is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Busy(service, reason, request_id)
    if reason == LOG_CAME_BACK_OLDER:
        return KeptAway(service, reason, request_id)
    if known in _NO_ANSWER:
        return Unavailable(service, reason, request_id)
    return Failed(service, known.name, reason)


def from_grpc(service: str, address: str, error: grpc.aio.AioRpcError, request_id: str = "") -> MarketError:
    """What a broken call means in the market's words. What gRPC itself says of a connection is logged, not shown."""
    code, detail = error.code(), error.details() or error.code().name
    info = _error_info(error)
    if info is None and code in _NO_CONNECTION:
        logger.debug("%s at %s: %s", service, address, detail)
        detail = f"{_NO_CONNECTION[code]} {address}"
    if code not in _CLASS_OF:
        named = info.reason if info is not None and info.reason == LOG_CAME_BACK_OLDER else detail
        return error_of(service, code, named, {}, request_id)
    if info is None:
        return error_of(service, code, code.name, {"detail": detail}, request_id)
    return error_of(service, code, info.reason, dict(info.metadata), request_id)


def _error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    """The google.rpc.ErrorInfo in the status details, if the answer carries one that can be read."""
    try:
        status = rpc_status.from_call(cast(grpc.Call, error))
    except (ValueError, DecodeError):  # not made by the service, or changed on the way
        return None
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    return None

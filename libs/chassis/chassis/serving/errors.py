"""The one error mapper: whatever a method raises becomes one gRPC status, with its reason and facts as
google.rpc.ErrorInfo; where a field of the request is wrong, with its path as google.rpc.BadRequest; where the
same request may be sent again, with the pause before it as google.rpc.RetryInfo.

Malformed          INVALID_ARGUMENT      what can be right at no time
NotFound           NOT_FOUND
BeyondEnd          OUT_OF_RANGE          after the end of a log or a feed
NotPermitted       PERMISSION_DENIED     somebody else's, or not this role's
Rejected           FAILED_PRECONDITION   the current state does not allow it
RequestIdReused    ALREADY_EXISTS        the same id with another command
Unauthenticated    UNAUTHENTICATED       the caller does not say who it is
Overloaded         RESOURCE_EXHAUSTED    with a retry delay
Expired            DEADLINE_EXCEEDED     too late to be decided: nothing was done
Unavailable        UNAVAILABLE           ask again
KeptAway           UNAVAILABLE           ask again later, with the reason
anything else      INTERNAL              a bug: logged by the server with its trace, shown without details
"""

from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from chassis.core.call import Expired, KeptAway, NotYet, Overloaded, RequestIdReused, Unauthenticated, Unavailable
from chassis.core.decider import BeyondEnd, Malformed, NotFound, NotPermitted, Rejected

DOMAIN = "carbonmarket"
FACT_CHARACTERS_MAX = 160
"""An error travels in metadata, which holds 8 kB: a caller's own long text comes back to it shortened."""
RETRY_NANOS = 200_000_000

WORTH_REPEATING = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)

CODES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    (Malformed, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (BeyondEnd, grpc.StatusCode.OUT_OF_RANGE),
    (NotPermitted, grpc.StatusCode.PERMISSION_DENIED),
    (Rejected, grpc.StatusCode.FAILED_PRECONDITION),
    (RequestIdReused, grpc.StatusCode.ALREADY_EXISTS),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Expired, grpc.StatusCode.DEADLINE_EXCEEDED),
    (KeptAway, grpc.StatusCode.UNAVAILABLE),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
    (NotYet, grpc.StatusCode.UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a caller sees it."""

    code: grpc.StatusCode
    reason: str
    facts: dict[str, str]
    field: str = ""
    """Where a malformed request has what is wrong: a path from the request down."""

    @property
    def message(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.reason}: {facts}" if facts else self.reason

    def status(self) -> status_pb2.Status:
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.facts)
        status.details.append(packed(info))
        if self.field:
            violation = error_details_pb2.BadRequest.FieldViolation(
                field=self.field, description=self.message, reason=self.reason
            )
            status.details.append(packed(error_details_pb2.BadRequest(field_violations=[violation])))
        if self.code in WORTH_REPEATING:
            delay = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=RETRY_NANOS))
            status.details.append(packed(delay))
        return status


def packed(message: Message) -> any_pb2.Any:
    packed_message = any_pb2.Any()
    packed_message.Pack(message)
    return packed_message


def shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= FACT_CHARACTERS_MAX else text[: FACT_CHARACTERS_MAX - 1] + "…"


def failure_of(error: BaseException) -> Failure:
    code = next((code for kind, code in CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    if isinstance(error, Overloaded | KeptAway):
        return Failure(code, error.reason, {name: shortened(value) for name, value in error.facts.items()})
    if isinstance(error, Rejected):
        field = error.field if isinstance(error, Malformed | BeyondEnd) else ""
        return Failure(code, error.reason, {name: shortened(value) for name, value in error.facts.items()}, field)
    if isinstance(error, RequestIdReused):
        return Failure(code, "REQUEST_ID_REUSED", {"request_id": shortened(error)})
    if isinstance(error, Expired):
        return Failure(code, "CALL_EXPIRED", {})
    if isinstance(error, Unauthenticated):
        return Failure(code, "ACTOR_MISSING", {"how": shortened(error)})
    if code is grpc.StatusCode.UNAVAILABLE:
        return Failure(code, "UNAVAILABLE", {"why": str(error)})
    return Failure(code, "INTERNAL", {})

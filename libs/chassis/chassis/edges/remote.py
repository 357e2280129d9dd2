"""Another service, reached by gRPC: its rpcs by name, and its log."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.call import NotYet, Refused
from chassis.core.record import DIGEST_BYTES, HeardUpTo, Record
from chassis.core.shapes import number_in
from chassis.edges.protocols import Channel
from chassis.log.seals import SealedHead

R = TypeVar("R", bound=Message)

ACTOR_HEADER = "carbonmarket-actor"
TRACE_HEADER = "traceparent"
GIVEN_AGAIN_HEADER = "carbonmarket-given-again"
CALL_SECONDS_MAX = 30.0
MESSAGE_BYTES_MAX = 32 * 1024 * 1024

# An answer by another service's domain has one of these codes and an ErrorInfo. Without one it comes from something in
# between, or from a release that lacks the rpc: no answer.
ANSWERS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.ALREADY_EXISTS,
}

CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # A peer whose machine is gone is noticed in seconds; both ends must agree on how often may be asked.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
]


def open_channel(address: str) -> Channel:
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)


class LogRead(NamedTuple):
    """What a service's log answered: records, where it ends, and how far the service has heard our own log; None where
    it did not say.
    """

    records: Sequence[Record]
    head_position: int
    heard_of_us: HeardUpTo | None = None


class Remote:
    """A service as this one calls it, under this one's own name."""

    def __init__(self, name: str, channel: Channel, own_name: str) -> None:
        self.name = name
        self._own_name = own_name
        self._actor = f"service:{own_name}"
        self._channel = channel

    async def unary(self, rpc: str, request: Message, response: type[R], traceparent: str = "") -> R:
        """Calls `package.Service/Method`. Raises Refused where the other domain says no, NotYet where there is no
        answer now.
        """
        call = self._channel.unary_unary(
            f"/{rpc}", request_serializer=type(request).SerializeToString, response_deserializer=response.FromString
        )
        metadata = [(ACTOR_HEADER, self._actor)]
        if traceparent:
            metadata.append((TRACE_HEADER, traceparent))
        try:
            answer: R = await call(request, metadata=tuple(metadata), timeout=CALL_SECONDS_MAX)
            return answer
        except grpc.aio.AioRpcError as error:
            info = error_info(error) if error.code() in ANSWERS else None
            if info is None:
                raise NotYet(f"{self.name} gave no answer to {rpc}: {error.code().name} {error.details()}") from error
            raise Refused(error.code(), info.reason, dict(info.metadata)) from error

    async def read_log(self, after_position: int, records_max: int) -> LogRead:
        """Records after a position, and the head's position: it is before the one asked for if the log came back older.
        Raises NotYet while the service cannot be reached.
        """
        request = pb.ReadRequest(after_position=after_position, records_max=records_max)
        try:
            answer = await self.unary("carbonmarket.log.v1.LogService/Read", request, pb.ReadResponse)
        except Refused as refused:
            if refused.reason != "POSITION_BEYOND_END":
                raise
            return LogRead((), number_in(refused.facts["end_position"]))
        said = answer.heard_of_reader
        is_a_word = said.position > 0 and len(said.digest) == DIGEST_BYTES
        heard_of_us = HeardUpTo(self._own_name, said.position, said.digest) if is_a_word else None
        return LogRead([record_from(message) for message in answer.records], answer.head_position, heard_of_us)

    async def signed_head(self, position: int) -> SealedHead:
        """The head at a position, as the service signs it. Raises NotYet, Refused."""
        request = pb.GetSignedHeadRequest(position=position)
        head = (
            await self.unary("carbonmarket.log.v1.LogService/GetSignedHead", request, pb.GetSignedHeadResponse)
        ).head
        return SealedHead(head.position, head.digest, head.seal)

    async def close(self) -> None:
        await self._channel.close()


def status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    """The error's google.rpc.Status; None where it has none, or one that is not this error's."""
    try:
        return rpc_status.from_call(cast(grpc.Call, error))
    except (ValueError, DecodeError):
        return None


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    """The error's google.rpc.ErrorInfo, or None if it has none."""
    status = status_of(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    return None


def record_from(message: pb.Record) -> Record:
    return Record(
        position=message.position,
        type=message.type,
        data=message.data,
        recorded_ms=message.recorded_ms,
        subject=message.subject,
        role=message.role,
        account=message.account,
        approval=message.approval,
        request_id=message.request_id,
        traceparent=message.traceparent,
        source_log_id=message.source_log_id,
        source_position=message.source_position,
        digest=message.digest,
        command_digest=message.command_digest,
        command_events=message.command_events,
        format=message.format,
    )


def record_to(record: Record) -> pb.Record:
    return pb.Record(
        position=record.position,
        type=record.type,
        data=record.data,
        recorded_ms=record.recorded_ms,
        subject=record.subject,
        role=record.role,
        account=record.account,
        approval=record.approval,
        request_id=record.request_id,
        traceparent=record.traceparent,
        source_log_id=record.source_log_id,
        source_position=record.source_position,
        digest=record.digest,
        command_digest=record.command_digest,
        command_events=record.command_events,
        format=record.format,
    )

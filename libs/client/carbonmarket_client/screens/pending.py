"""What awaits a second person."""

from collections.abc import Mapping, Sequence

from google.protobuf import descriptor_pool, message_factory

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client.screens.layout import Screen, described, words
from carbonmarket_client.values import moment


def pending_screen(proposals: Mapping[str, Sequence[log.Proposal]]) -> Screen:
    columns = [words("proposal"), words("by"), words("until (China)"), words("command"), words("what", wraps=True)]
    rows = [
        (
            f"{service}/{one.proposal}",
            one.proposer,
            moment(one.expires_ms),
            one.type.rpartition(".")[2].removesuffix("Request"),
            command_of(one),
        )
        for service, of_service in proposals.items()
        for one in of_service
    ]
    return Screen("Awaits a second person", columns, rows)


def command_of(proposal: log.Proposal) -> str:
    """What a proposed command says, in words; its bytes where this release does not know the command."""
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(proposal.type)
    except KeyError:
        return proposal.data.hex()
    request = message_factory.GetMessageClass(descriptor).FromString(proposal.data)
    return "  ".join(f"{name}: {value}" for name, value in described(request) if name != "request_id")

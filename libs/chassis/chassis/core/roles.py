"""Which roles there are and who may call what, read from the protos, which declare both."""

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from carbonmarket.access.v1 import access_pb2


def name_of(role: "access_pb2.Role.ValueType") -> str:
    """As callers write it: ROLE_SETTLEMENT_BANK is `settlement_bank`."""
    return access_pb2.Role.Name(role).removeprefix("ROLE_").lower()


EVERY_ROLE = frozenset(name_of(role) for role in access_pb2.Role.values() if role != access_pb2.ROLE_UNSPECIFIED)

ACTING_FOR_AN_ACCOUNT = frozenset(
    name_of(value.number)  # type: ignore[arg-type]  # a value of this enum
    for value in access_pb2.Role.DESCRIPTOR.values
    if value.GetOptions().Extensions[access_pb2.acts_for_account]
)


def may_take_two(roles: frozenset[str]) -> bool:
    """Whether a command that these roles may call can be given by two people: not what services give, which must wait
    for nobody, nor what somebody gives for an account of its own, which is nobody else's to see or to approve.
    """
    return not roles & ({name_of(access_pb2.ROLE_SERVICE)} | ACTING_FOR_AN_ACCOUNT)


def roles_in(options: MethodOptions) -> frozenset[str]:
    """The roles that an rpc's options let in; none where they do not say."""
    if options.Extensions[access_pb2.anyone]:
        return EVERY_ROLE
    return frozenset(name_of(role) for role in options.Extensions[access_pb2.roles])


def roles_of(method: MethodDescriptor) -> frozenset[str]:
    return roles_in(method.GetOptions())

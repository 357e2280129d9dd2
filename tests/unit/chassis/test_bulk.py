"""Many commands in one message: too many are refused before a single one is parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.decider import Malformed
from chassis.serving.bulk import BULK_COMMANDS_MAX, fields_in, parse_many


@given(st.lists(st.text(max_size=40), max_size=40))
def test_commands_are_counted_on_the_bytes_as_they_are_when_parsed(names: list[str]) -> None:
    commands = [pb.ManyCommand(open_account=pb.OpenAccountRequest(name=name)) for name in names]
    data = pb.SubmitManyRequest(commands=commands).SerializeToString()
    assert fields_in(data, 1_000) == len(names) == len(parse_many(pb.SubmitManyRequest, data))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_counted_to_an_end(data: bytes) -> None:
    assert 0 <= fields_in(data, 50) <= 50


def test_too_many_commands_are_refused_before_they_are_parsed() -> None:
    class Unread:
        DESCRIPTOR = pb.SubmitManyRequest.DESCRIPTOR

        @staticmethod
        def FromString(data: bytes) -> object:
            raise AssertionError("parsed")

    with pytest.raises(Malformed, match="TOO_MANY_COMMANDS"):
        parse_many(Unread, b"\x0a\x00" * (BULK_COMMANDS_MAX + 1))
    with pytest.raises(AssertionError, match="parsed"):
        parse_many(Unread, b"\x0a\x00" * BULK_COMMANDS_MAX)


EMPTY_GROUP = b"\x0b\x0c"
"""A field that no message of ours has, and that the parser passes over with all that lies in it."""


@given(st.lists(st.sampled_from([EMPTY_GROUP, b"\x0a\x00", b"\x10\x01", b"\x1a\x01x"]), max_size=40))
def test_no_command_hides_behind_what_the_parser_passes_over(fields: list[bytes]) -> None:
    data = b"".join(fields)
    assert len(pb.SubmitManyRequest.FromString(data).commands) <= fields_in(data, 1_000)


def test_a_group_before_the_commands_is_refused() -> None:
    with pytest.raises(Malformed, match="TOO_MANY_COMMANDS"):
        parse_many(pb.SubmitManyRequest, EMPTY_GROUP + b"\x0a\x00" * (BULK_COMMANDS_MAX + 1))

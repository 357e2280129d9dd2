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

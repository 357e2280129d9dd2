"""Many commands in one message: too many are refused before one is parsed; who gives up takes back the rest."""

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.decider import Malformed
from chassis.serving.bulk import BULK_COMMANDS_MAX, all_ended, fields_in, parse_many
from support.shell.served import replica, submit_many


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


async def test_who_gives_up_takes_back_what_has_no_answer_yet_and_nothing_is_reported_as_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    there, refused, waiting, behind = (loop.create_future() for _ in range(4))
    there.set_result(1)
    refused.set_exception(Malformed("PRICE_OUT_OF_RANGE", "price_fen"))
    waits = asyncio.create_task(all_ended([there, refused, waiting, behind]))
    await asyncio.sleep(0)
    assert not waits.done()
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert (there.result(), waiting.cancelled(), behind.cancelled()) == (1, True, True)
    del refused
    gc.collect()
    assert not caplog.records


async def test_a_stream_that_ends_before_its_answers_takes_its_commands_back_and_counts_them() -> None:
    async with replica(leads=True) as (api, address):
        api.holds_back = True
        asking = asyncio.create_task(submit_many(address, ["A", "B"]))
        async with asyncio.timeout(30):
            while len(api.held_back) < 2:
                await asyncio.sleep(0.01)
            asking.cancel()
            while not all(done.cancelled() for done in api.held_back):
                await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert api.counted == [("RegistryService/CreateVintage", "CANCELLED")] * 2

"""A record's format: what it says, how its digest is made, and that one which is not known stops its reader."""

from dataclasses import fields, replace

import pytest

from chassis.core.decider import Decider
from chassis.core.engine import Engine
from chassis.core.record import CHAINS, FormatUnknown, Record, chain, first_fault, genesis
from chassis.say.tracing import Tracing
from support.shell import tally

WHOLE = Record(
    position=7,
    type="carbonmarket.trading.v1.OrderPlaced",
    data=b"\x08\x07",
    recorded_ms=1_626_399_000_000,
    subject="ann",
    role="participant",
    account="power-0007",
    approval="trading/6",
    request_id="r1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    source_log_id="registry",
    source_position=5,
    command_digest=b"\xc0" * 32,
    command_events=2,
    format=1,
)
GOLDEN = {1: "34067019aebd7df74d7d98061b046aae42c6561af10c2db0ff44261323fc929c"}
"""The digest of WHOLE after b"before" in each format: never changed, so that a log verifies for ever."""


def test_every_format_has_a_golden_digest() -> None:
    assert GOLDEN.keys() == CHAINS.keys()


@pytest.mark.parametrize("number", CHAINS)
def test_a_record_of_each_format_has_the_digest_that_it_was_written_with(number: int) -> None:
    assert chain(b"before", replace(WHOLE, format=number)).hex() == GOLDEN[number]


def test_every_field_but_the_digest_itself_enters_it() -> None:
    whole = chain(b"before", WHOLE)
    for field in fields(Record):
        if field.name in ("digest", "format", "seal"):
            continue
        value = getattr(WHOLE, field.name)
        changed = replace(WHOLE, **{field.name: value + (1 if isinstance(value, int) else value[:1])})
        assert chain(b"before", changed) != whole, field.name
    assert chain(b"other", WHOLE) != whole


def test_a_format_that_is_not_known_stops_its_reader_and_says_so() -> None:
    newer = replace(WHOLE, position=1, format=9)
    with pytest.raises(FormatUnknown, match="record 1 has format 9, this release knows 1"):
        chain(b"before", newer)
    fault = first_fault(genesis("tally"), [newer])
    assert fault is not None and "format 9" in fault.what
    decider: Decider[tally.Tally] = tally.decider()
    with pytest.raises(FormatUnknown):
        Engine("tally", decider, tally.WIRE, Tracing()).apply(newer)

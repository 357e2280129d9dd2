"""The codec: every shape of a field goes there and back, and what is not the same on both sides is found at import."""

from dataclasses import dataclass, field, make_dataclass
from enum import IntEnum
from typing import Any

import pytest
from google.protobuf.message import Message

from chassis.core.codec import Codec, Mismatch, codec_of
from chassis.core.decider import Facts
from support.shell.messages import messages

DECLARED = messages(
    """
    package shapes.v1;
    enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; COLOUR_BLUE = 2; }
    enum OddSize { ODD_SIZE_UNSPECIFIED = 0; ODD_SIZE_HUGE = 1; }
    message Leg { int64 trade_id = 1; Colour colour = 2; }
    message Shapes {
      int64 number = 1; int32 small = 2; bool yes = 3; string text = 4; bytes data = 5; Colour colour = 6;
      map<string, string> facts = 7; Leg leg = 8; repeated Leg legs = 9; repeated string names = 10;
      repeated Colour colours = 11; optional int64 perhaps = 12; Leg other = 13; optional Colour tint = 14;
    }
    message One { int64 price_fen = 1; }
    message Many { repeated int64 price_fen = 1; }
    message Painted { Colour colour = 1; }
    message Sized { OddSize size = 1; }
    message Told { map<string, string> facts = 1; }
    message Counted { map<string, int64> facts = 1; }
    message Real { double price_fen = 1; }
    message AskRequest { string request_id = 1; int64 price_fen = 2; Colour colour = 3; }
    """
)


class Colour(IntEnum):
    RED = 1
    BLUE = 2


class OddSize(IntEnum):
    HUGE = 1


class AnyColour(IntEnum):
    """Takes what is left out as well."""

    UNSPECIFIED = 0
    RED = 1
    BLUE = 2


class LessColour(IntEnum):
    RED = 1


class OtherColour(IntEnum):
    RED = 2
    BLUE = 1


@dataclass(frozen=True, slots=True)
class Leg:
    trade_id: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Shapes:
    number: int
    small: int
    yes: bool
    text: str
    data: bytes
    colour: Colour
    facts: Facts
    leg: Leg
    legs: tuple[Leg, ...]
    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    perhaps: int | None
    other: Leg | None
    tint: Colour | None = field(default=None)


LEG = Leg(7, Colour.BLUE)
FULL = Shapes(
    -(2**63),
    5,
    True,
    "碳",
    b"\x00\xff",
    Colour.RED,
    (("a", "1"), ("b", "")),
    LEG,
    (LEG, Leg(8, Colour.RED)),
    ("x", ""),
    (Colour.BLUE, Colour.RED),
    0,
    LEG,
    Colour.BLUE,
)
BARE = Shapes(0, 0, False, "", b"", Colour.RED, (), Leg(0, Colour.RED), (), (), (), None, None)


def one(kind: Any, name: str = "price_fen") -> type:
    return make_dataclass("Value", [(name, kind)], frozen=True, slots=True)


@pytest.mark.parametrize("value", [FULL, BARE], ids=["full", "bare"])
def test_every_shape_of_a_field_comes_back_as_it_was(value: Shapes) -> None:
    codec = codec_of(Shapes, DECLARED["Shapes"])
    data = codec.encode(value).SerializeToString(deterministic=True)
    again = codec.decode(DECLARED["Shapes"].FromString(data))
    assert again == value
    assert type(again.colour) is Colour and all(type(colour) is Colour for colour in again.colours)


def test_facts_come_back_in_the_order_of_their_names() -> None:
    codec: Codec[Any, Any] = codec_of(one(Facts, "facts"), DECLARED["Told"])
    told: Any = codec.decode(codec.encode(one(Facts, "facts")((("b", "2"), ("a", "1")))))
    assert told.facts == (("a", "1"), ("b", "2"))


def test_both_functions_can_be_read() -> None:
    codec = codec_of(Shapes, DECLARED["Shapes"])
    assert "legs=[encode_legs(each) for each in value.legs]," in codec.source
    assert codec_of(Shapes, DECLARED["Shapes"]) is codec, "made once"


MISMATCHES: list[tuple[str, type, str]] = [
    ("a field that proto lacks", make_dataclass("Value", [("price_fen", int), ("fee_fen", int)]), "One"),
    ("a field that the dataclass lacks", make_dataclass("Value", []), "One"),
    ("another name", one(int, "price"), "One"),
    ("a text for a number", one(str), "One"),
    ("a truth for a number", one(bool), "One"),
    ("bytes for a number", one(bytes), "One"),
    ("one for many", one(int), "Many"),
    ("many for one", one(tuple[int, ...]), "One"),
    ("a pair for many", one(tuple[int, int]), "Many"),
    ("many of another kind", one(tuple[str, ...]), "Many"),
    ("a list, which could be changed", one(list[int]), "Many"),
    ("perhaps none where none cannot be told", one(int | None), "One"),
    ("one of two kinds", one(int | str), "One"),
    ("a number for a numbering", one(int, "colour"), "Painted"),
    ("a numbering with less", one(LessColour, "colour"), "Painted"),
    ("a numbering with other numbers", one(OtherColour, "colour"), "Painted"),
    ("another numbering", one(OddSize, "colour"), "Painted"),
    ("a part for a number", one(Leg), "One"),
    ("facts for a part", one(Facts, "price_fen"), "One"),
    ("facts that count", one(Facts, "facts"), "Counted"),
    ("a dictionary", one(dict[str, str], "facts"), "Told"),
    ("a fraction", one(float), "Real"),
]


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for _, kind, name in MISMATCHES], ids=[w for w, *_ in MISMATCHES]
)
def test_what_is_not_the_same_on_both_sides_is_refused_when_the_pair_is_made(kind: type, name: str) -> None:
    with pytest.raises(Mismatch, match="Value"):
        codec_of(kind, DECLARED[name])


def test_a_name_of_several_words_is_a_numberings_prefix() -> None:
    kind = one(OddSize, "size")
    codec: Codec[Any, Any] = codec_of(kind, DECLARED["Sized"])
    assert codec.decode(codec.encode(kind(OddSize.HUGE))) == kind(OddSize.HUGE)


class TestRequests:
    """What is sent is not written by us."""

    request_: type[Message] = DECLARED["AskRequest"]

    def ask(self, of: Any) -> type:
        return make_dataclass("Ask", [("price_fen", int), ("colour", of)], frozen=True)

    def test_a_request_has_fields_of_the_shell_beside_the_commands(self) -> None:
        kind = self.ask(int)
        codec: Codec[Any, Any] = codec_of(kind, self.request_, of_request=True)
        request: Any = self.request_(request_id="r1", price_fen=5, colour=9)
        assert codec.decode(request) == kind(5, 9)
        with pytest.raises(Mismatch, match="request_id"):
            codec_of(self.ask(Colour), self.request_)

    def test_a_command_takes_a_numbering_that_is_left_out_or_is_refused_at_import(self) -> None:
        kind = self.ask(AnyColour)
        codec: Codec[Any, Any] = codec_of(kind, self.request_, of_request=True)
        assert codec.decode(self.request_()) == kind(0, AnyColour.UNSPECIFIED)
        with pytest.raises(Mismatch, match="left out"):
            codec_of(self.ask(Colour), self.request_, of_request=True)

"""The words for what the protos enumerate: `buy` for SIDE_BUY, `key_emitting_entity` for
ACCOUNT_KIND_KEY_EMITTING_ENTITY.

They are taken by the client's methods, printed as JSON and typed at the command line. A test holds them to the
protos. An enumeration is handed over as its descriptor, which protobuf has two unrelated classes of.
"""

from typing import Any, Literal

Side = Literal["buy", "sell"]
AccountKind = Literal["province", "key_emitting_entity", "institution", "individual"]
PayoutState = Literal["requested", "instructed", "paid", "returned"]

UNSPECIFIED = "unspecified"


def words_of(enum: Any) -> dict[str, int]:
    """Every value of an enumeration by its word, the unspecified one left out."""
    values = enum.values
    prefix: str = values[0].name.removesuffix(UNSPECIFIED.upper())
    return {value.name.removeprefix(prefix).lower(): value.number for value in values if value.number != 0}


def number_of(enum_type: Any, word: str) -> Any:
    """The number of a word; 0, which is "unspecified", for the empty word. Raises KeyError."""
    return words_of(enum_type.DESCRIPTOR)[word] if word else 0


def word_of(enum: Any, number: int) -> str:
    """The word of a number; empty for "unspecified"; the number itself where this release has no word for it."""
    if number == 0:
        return ""
    for word, known in words_of(enum).items():
        if known == number:
            return word
    return str(number)

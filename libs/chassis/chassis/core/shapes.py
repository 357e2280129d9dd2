"""What a text may contain, the same in every service: names, codes, days, references, request ids, texts for people.

A text that is compared must be written in one way only, or two spellings of one thing count as two. So a text that
names something (an account, a code, a day, a reference, a request id) is plain ASCII. A text that people write for
people (a name, a ground, a document's title) may be in any language, Chinese above all, but contains no invisible
characters, none that look like others, and no space that a reader would not notice. Nothing is corrected silently: the
refusal states which character is wrong, counted from 1, and why.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from string import ascii_lowercase, ascii_uppercase, digits

from chassis.core.decider import BeyondEnd, Malformed

TEXT_CHARACTERS_MAX = 200
REFERENCE_CHARACTERS_MAX = 64
REQUEST_ID_CHARACTERS_MAX = 100
SHOWN_CHARACTERS_MAX = 64
"""So much of an ill-written value is shown back."""
CHARACTER_NAME_MAX = 40

VISIBLE_ASCII = "".join(chr(code) for code in range(0x21, 0x7F))

# What is drawn as nothing, beside what Unicode itself calls a format character: fillers and variation selectors.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Ideographs in disguise: the parts of characters that dictionaries are ordered by.
RADICALS = re.compile("[\u2e80-\u2fdf]")
# A letter or digit in another width or typeface looks like the ordinary one; raised, lowered and circled ones do not.
LOOKS_DIFFERENT = ("<super>", "<sub>", "<circle>", "<fraction>", "<square>")
# Scripts whose letters look like one another: a word is written in one of them.
ALIKE = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text: the character it begins at, counted from 1 (0: there is none), and why."""

    at: int
    why: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A text in ASCII: its form, which characters it is made of and how many."""

    form: re.Pattern[str]
    characters: frozenset[str]
    in_words: str
    characters_max: int

    def fault(self, text: str) -> Fault | None:
        if self.form.fullmatch(text):
            return None
        spaces = fault_of_spaces(text, self.characters_max)
        if spaces:
            return spaces
        for at, character in enumerate(text, 1):
            if character not in self.characters:
                return Fault(at, f"{named(character)}: only {self.in_words} may be used")
        return Fault(1, f"{self.in_words}, at least two and no dash first")


def shape(form: str, characters: str, in_words: str, characters_max: int) -> Shape:
    return Shape(re.compile(form), frozenset(characters), in_words, characters_max)


NAME = shape(r"[a-z0-9][a-z0-9-]{1,31}", ascii_lowercase + digits + "-", "a-z, 0-9 and -", 32)
"""An account's id, and a bank's name as it is named as an actor."""
CODE = shape(r"[A-Z0-9]{2,12}", ascii_uppercase + digits, "A-Z and 0-9", 12)
"""A vintage, and the instrument that it is traded as."""
REFERENCE = shape(
    rf"(?=.{{1,{REFERENCE_CHARACTERS_MAX}}}\Z)[!-~]+(?: [!-~]+)*",
    VISIBLE_ASCII + " ",
    "visible ASCII characters and single spaces between them",
    REFERENCE_CHARACTERS_MAX,
)
REQUEST_ID = shape(
    rf"(?=.{{1,{REQUEST_ID_CHARACTERS_MAX}}}\Z)[!-~]+(?: [!-~]+)*",
    VISIBLE_ASCII + " ",
    "visible ASCII characters and single spaces between them",
    REQUEST_ID_CHARACTERS_MAX,
)
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def fault_of_text(text: str) -> Fault | None:
    """What is wrong with a text that people write for people, if anything is."""
    spaces = fault_of_spaces(text, TEXT_CHARACTERS_MAX)
    if spaces or (text.isascii() and text.isprintable()):
        return spaces
    for at, character in enumerate(text, 1):
        why = fault_of_character(character)
        if why:
            return Fault(at, f"{named(character)} {why}")
    return fault_of_words(text) or fault_of_composition(text)


def fault_of_spaces(text: str, characters_max: int) -> Fault | None:
    """The same of every text: some characters, not too many, and single spaces between words only."""
    if not text:
        return Fault(0, "it is empty")
    if len(text) > characters_max:
        return Fault(characters_max + 1, f"at most {characters_max} characters")
    if text[0] == " ":
        return Fault(1, "a space at the beginning")
    if text[-1] == " ":
        return Fault(len(text), "a space at the end")
    doubled = text.find("  ")
    return Fault(doubled + 2, "a space after a space") if doubled >= 0 else None


def fault_of_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or INVISIBLE.match(character):
        return "cannot be seen"
    if category == "Me":
        return "is drawn around another character"
    if not character.isprintable():
        return "is another space than U+0020" if category == "Zs" else "is no character to be read"
    plain = unicodedata.normalize("NFKC", character)
    disguised = category[0] in "LN" or RADICALS.match(character)
    if disguised and plain != character and not unicodedata.decomposition(character).startswith(LOOKS_DIFFERENT):
        return f"looks like another character: write {plain}"
    return ""


def fault_of_words(text: str) -> Fault | None:
    """The first letter of another script than the letters before it in its word. Only spaces and punctuation end a
    word: a digit, an accent or a symbol between two letters hides nothing.
    """
    before = ""
    for at, character in enumerate(text, 1):
        if unicodedata.category(character)[0] in "ZP":
            before = ""
            continue
        script = unicodedata.name(character, "").partition(" ")[0]
        if script in ALIKE:
            if before and script != before:
                return Fault(at, f"{named(character)} is in a word of {before} letters")
            before = script
    return None


def fault_of_composition(text: str) -> Fault | None:
    """Where a letter and its accent are written as two characters although there is one for both (NFC)."""
    composed = unicodedata.normalize("NFC", text)
    if composed == text:
        return None
    alike = zip(text, composed, strict=False)
    at = next((at for at, (written, meant) in enumerate(alike, 1) if written != meant), len(composed) + 1)
    meant = composed[at - 1 : at]
    return Fault(at, f"written in parts that compose to one character (NFC): write {meant}")


def named(character: str) -> str:
    """A character as a person can look it up, whatever it does to a screen."""
    name = unicodedata.name(character, "")[:CHARACTER_NAME_MAX]
    return f"U+{ord(character):04X} {name}".rstrip()


def quoted(text: str) -> str:
    return text[:SHOWN_CHARACTERS_MAX]


def number_in(text: str) -> int:
    """A whole number as another service writes it, digit for digit. Raises ValueError."""
    if not NUMBER.fullmatch(text):
        raise ValueError(f"'{text[:SHOWN_CHARACTERS_MAX]}' is not a whole number")
    return int(text)


# The checks that every service makes. `field` is where the request has the text, as a path from the request down.


def check_account(account: str, field: str = "account") -> None:
    fault = NAME.fault(account)
    if fault:
        raise Malformed("ACCOUNT_MALFORMED", field, account=quoted(account), at=fault.at, why=fault.why)


def check_day(day: str, field: str = "day") -> date:
    """ISO with dashes, in ASCII digits, a day that exists; China's time."""
    try:
        if DAY.fullmatch(day):
            return date.fromisoformat(day)
    except ValueError:
        pass
    raise Malformed("DAY_MALFORMED", field, day=quoted(day))


def check_text(text: str, field: str) -> None:
    """What people write for people: a name, a ground, the title of a document. Raises Malformed."""
    fault = fault_of_text(text)
    if fault:
        raise Malformed("TEXT_MALFORMED", field, at=fault.at, why=fault.why)


def check_not_negative(value: int, field: str) -> None:
    """A size, a bound, a time to wait, a place in a log or a feed."""
    if value < 0:
        raise Malformed("NUMBER_NEGATIVE", field, value=value)


def check_position(position: int, end: int, field: str) -> None:
    """A place in a log that ends at `end`."""
    check_not_negative(position, field)
    if position > end:
        raise BeyondEnd("POSITION_BEYOND_END", field, position=position, end_position=end)


def check_sequence(sequence: int, end: int, field: str) -> None:
    """A place in an account's feed that ends at `end`."""
    check_not_negative(sequence, field)
    if sequence > end:
        raise BeyondEnd("SEQUENCE_BEYOND_END", field, sequence=sequence, end_sequence=end)


def check_request_id(request_id: str) -> None:
    if not request_id:
        raise Malformed("REQUEST_ID_MISSING", "request_id")
    fault = REQUEST_ID.fault(request_id)
    if fault:
        raise Malformed("REQUEST_ID_MALFORMED", "request_id", at=fault.at, why=fault.why)

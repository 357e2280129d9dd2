"""Pages of a list, the same in every list of every service: a bounded number of rows, and a token for the next page.

page_size is the maximum number of rows: zero means PAGE_ROWS_USUAL, more than PAGE_ROWS_MAX means PAGE_ROWS_MAX, a
negative one is refused (AIP-158). It may change from page to page; nothing else of the request may.

A query fetches one row more than the page shows; if that row exists, another page follows. The token names the list,
the filter and the caller it was made for, and the key of the last row shown, as the next query's WHERE takes it. Used
elsewhere it is refused, and the refusal states what differs. It is not a secret and gives no permission: somebody who
invents one sees what a first page would show, because each page checks again who may see it.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from chassis.core.call import Call
from chassis.core.decider import Malformed
from chassis.core.shapes import check_not_negative
from chassis.edges.protocols import Row

PAGE_ROWS_USUAL = 100
PAGE_ROWS_MAX = 1_000
TOKEN_CHARACTERS_MAX = 400
FILTER_HEX_DIGITS = 16
SEPARATOR = "\n"

NUMBER = re.compile(r"[0-9]{1,18}")
"""A key that is a position or an id."""
NUMBER_MAX = 2**63 - 1
"""What comes before the first page of a list that begins with the newest."""


class Paged(Protocol):
    """A request for a page of a list."""

    page_size: int
    page_token: str
    DESCRIPTOR: Any

    def CopyFrom(self, other: Self) -> None: ...
    def ClearField(self, field_name: Any) -> None: ...
    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token is valid for: a list (by its rpc's request), the rest of the request, and the caller."""

    list: str
    filter: str
    caller: str


@dataclass(frozen=True, slots=True)
class Page:
    """So many rows after the one that the key names; an empty key names the first page."""

    rows_max: int
    key: str
    stamp: Stamp

    @property
    def fetched_max(self) -> int:
        return self.rows_max + 1

    def after(self, first: int = 0) -> int:
        """The number that the key is; `first` on the first page."""
        return int(self.key) if self.key else first

    def shown(self, rows: Sequence[Row], *key: str, before: str = "") -> tuple[Sequence[Row], str]:
        """The page's rows and the token of the next page, empty after the last. `before` begins every key of the
        list: what is the same for all its pages.
        """
        shown = rows[: self.rows_max]
        if len(rows) <= self.rows_max:
            return shown, ""
        return shown, self.token_after(before + "/".join(str(shown[-1][name]) for name in key))

    def token_after(self, key: str) -> str:
        parts = (self.stamp.list, self.stamp.filter, self.stamp.caller, key)
        return urlsafe_b64encode(SEPARATOR.join(parts).encode()).decode().rstrip("=")


def page_of(request: Paged, call: Call, form: re.Pattern[str] = NUMBER) -> Page:
    """The page that a request asks for. `form` is what the list's keys look like. Raises Malformed."""
    check_not_negative(request.page_size, "page_size")
    rows_max = min(request.page_size or PAGE_ROWS_USUAL, PAGE_ROWS_MAX)
    stamp = Stamp(request.DESCRIPTOR.name.removesuffix("Request"), filter_of(request), str(call.actor))
    return Page(rows_max, key_of(request.page_token, stamp, form) if request.page_token else "", stamp)


def filter_of(request: Paged) -> str:
    """All that says which rows are listed: the request without what may change from page to page."""
    rest = type(request)()
    rest.CopyFrom(request)
    for name in ("page_size", "page_token", "min_position"):
        if name in request.DESCRIPTOR.fields_by_name:
            rest.ClearField(name)
    return hashlib.sha256(rest.SerializeToString(deterministic=True)).hexdigest()[:FILTER_HEX_DIGITS]


def key_of(token: str, stamp: Stamp, form: re.Pattern[str]) -> str:
    """The key in a token that was made for this list, this filter and this caller."""
    try:
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise ValueError
        name, filtered, caller, key = (
            urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii").split(SEPARATOR)
        )
    except ValueError:
        raise Malformed("PAGE_TOKEN_MALFORMED", "page_token", page_token=token) from None
    for differs, written, asked in (
        ("list", name, stamp.list),
        ("filter", filtered, stamp.filter),
        ("caller", caller, stamp.caller),
    ):
        if written != asked:
            raise Malformed("PAGE_TOKEN_MADE_ELSEWHERE", "page_token", differs=differs, list=name)
    if not form.fullmatch(key):
        raise Malformed("PAGE_TOKEN_MALFORMED", "page_token", page_token=token)
    return key

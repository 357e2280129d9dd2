"""Pages of a long list, for queries: so many rows, and a token that says where the next page begins.

A query fetches one row more than the page shows; that it is there says that another page follows. The token is the
key of the last row shown, as the next query's WHERE takes it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.decider import Malformed
from chassis.edges import Row

PAGE_ROWS_MAX = 1_000
NUMBER = re.compile(r"[0-9]{1,18}")
"""A token that is a position or an id."""
NUMBER_MAX = 2**63 - 1
"""What comes before the first page of a list that begins with the newest."""


@dataclass(frozen=True, slots=True)
class Page:
    """So many rows after the one that the token names; an empty token names the first page."""

    rows_max: int
    token: str

    @property
    def fetched_max(self) -> int:
        return self.rows_max + 1

    def after(self, first: int = 0) -> int:
        """The number that the token is; `first` on the first page."""
        return int(self.token) if self.token else first

    def shown(self, rows: Sequence[Row], *key: str) -> tuple[Sequence[Row], str]:
        """The page's rows and the token of the next page, empty after the last."""
        shown = rows[: self.rows_max]
        return shown, "/".join(str(shown[-1][name]) for name in key) if len(rows) > self.rows_max else ""


def page_of(page_size: int, page_token: str, form: re.Pattern[str] = NUMBER, rows_usual: int = PAGE_ROWS_MAX) -> Page:
    """The page that a request asks for; zero rows mean the usual number. Raises Malformed."""
    if not 0 <= page_size <= PAGE_ROWS_MAX:
        raise Malformed("PAGE_SIZE_OUT_OF_RANGE", page_size=page_size, page_size_max=PAGE_ROWS_MAX)
    if page_token and not form.fullmatch(page_token):
        raise Malformed("PAGE_TOKEN_MALFORMED", page_token=page_token)
    return Page(page_size or rows_usual, page_token)

"""What an accepted command is recognised by when it is sent again, and what is known of it then."""

from dataclasses import dataclass
from typing import NamedTuple


class Key(NamedTuple):
    """Names a command for ever: two people who act for one account, and one person for two, have ids of their own."""

    subject: str
    account: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """A command that was accepted before: its digest and the position of its events."""

    command_digest: bytes
    position: int
    events: int

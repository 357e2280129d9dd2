"""A file of bookmarks: the newest signed heads of logs and feeds that were verified, to go on from the next time.

A bookmark is worth as much as its file: keep it where the services' operators cannot write.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.errors import FileUnusable
from carbonmarket_client.heads import SignedHead, head_of, plain_head
from carbonmarket_client.settings import SERVICES
from carbonmarket_client.strict_json import read_json


class Bookmarks:
    """Of a log by its service; of a feed by service and account."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._heads: dict[str, SignedHead] = {}

    def of_log(self, service: str) -> pb.SignedHead | None:
        head = self._heads.get(service)
        return head if isinstance(head, pb.SignedHead) else None

    def of_feed(self, service: str, account: str) -> pb.SignedFeedHead | None:
        head = self._heads.get(f"{service}/{account}")
        return head if isinstance(head, pb.SignedFeedHead) else None

    def keep(self, service: str, head: SignedHead) -> None:
        self._heads[f"{service}/{head.account}" if isinstance(head, pb.SignedFeedHead) else service] = head
        if self._path is not None:
            begun = self._path.with_name(self._path.name + ".begun")
            begun.write_text(json.dumps({name: plain_head(one) for name, one in self._heads.items()}, indent=2) + "\n")
            begun.replace(self._path)

    def load(self) -> None:
        """Raises FileUnusable on a file that holds no bookmarks."""
        if self._path is None or not self._path.exists():
            return
        with readable(self._path, "bookmarks, as `carbonmarket events --verify --bookmark FILE` writes them"):
            kept = read_json(self._path)
            if not kept:
                raise ValueError("it is empty; delete it to verify from the beginning on")
            self._heads = {name: bookmark_of(name, known) for name, known in kept.items()}


def bookmark_of(name: str, known: object) -> SignedHead:
    """What is kept under a name: of a log under `SERVICE`, of a feed under `SERVICE/ACCOUNT`. Raises ValueError."""
    service, of_feed, account = name.partition("/")
    if service not in SERVICES:
        raise ValueError(f"{service} is no service")
    try:
        head = head_of(known, of_feed=bool(of_feed))
    except ValueError as fault:
        raise ValueError(f"the bookmark of {name}: {fault}") from fault
    if isinstance(head, pb.SignedFeedHead) and head.account != account:
        raise ValueError(f"the bookmark of {name} is of the feed of {head.account}")
    return head


@contextmanager
def readable(path: Path, held: str) -> Iterator[None]:
    """Raises FileUnusable where what is read of a file is not what should be in it; held says what that is."""
    try:
        yield
    except OSError as fault:
        raise FileUnusable(f"{path} cannot be read: {fault}") from fault
    except RecursionError as fault:
        raise FileUnusable(f"{path} does not hold {held}: it is nested too deeply") from fault
    except ValueError as fault:
        raise FileUnusable(f"{path} does not hold {held}: {fault}") from fault
    except (AttributeError, TypeError, LookupError) as fault:
        raise FileUnusable(f"{path} does not hold {held}") from fault

"""Files of bookmarks and of proofs: what is missing or does not belong there is named, and never taken for none."""

import json
from pathlib import Path

import pytest

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.bookmarks import Bookmarks
from carbonmarket_client.cli.forks import proofs_in
from carbonmarket_client.errors import NotConfigured
from carbonmarket_client.heads import proof_of

ADA = "power-0001"


def test_bookmarks_are_kept_in_a_file_by_log_and_feed(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks"
    feed_head = pb.SignedFeedHead(account=ADA, sequence=3, position=9, digest=b"f", seal="s")
    log_head = pb.SignedHead(position=7, digest=b"d", seal="s")
    kept = Bookmarks(path)
    kept.load()
    kept.keep("trading", feed_head)
    kept.keep("trading", log_head)
    again = Bookmarks(path)
    again.load()
    assert again.of_feed("trading", ADA) == feed_head
    assert again.of_log("trading") == log_head
    assert again.of_feed("trading", "power-0008") is None
    path.write_text("[]")
    with pytest.raises(NotConfigured, match="does not hold bookmarks"):
        Bookmarks(path).load()


OF_LOG = {"position": 7, "digest": "dd", "seal": "s"}
OF_FEED = {**OF_LOG, "account": ADA, "sequence": 3}


@pytest.mark.parametrize(
    ("name", "head", "missing"),
    [("trading", OF_LOG, field) for field in OF_LOG] + [(f"trading/{ADA}", OF_FEED, field) for field in OF_FEED],
)
def test_a_bookmark_that_lacks_a_field_is_refused_and_never_taken_for_none(
    tmp_path: Path, name: str, head: dict[str, object], missing: str
) -> None:
    path = tmp_path / "bookmarks"
    path.write_text(json.dumps({name: {field: value for field, value in head.items() if field != missing}}))
    with pytest.raises(NotConfigured, match=f"the bookmark of {name}: it has no `{missing}`"):
        Bookmarks(path).load()


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ({f"trading/{ADA}": OF_LOG}, "it has no `account`"),
        ({"trading": OF_FEED}, "it has `account`, which no head of a log has"),
        ({"trading/power-0008": OF_FEED}, f"is of the feed of {ADA}"),
        ({"tradin": OF_LOG}, "tradin is no service"),
        ({"trading": {**OF_LOG, "position": "7"}}, "its `position` is not a number"),
        ({"trading": {**OF_LOG, "digest": "xx"}}, "its `digest` is not in hexadecimal digits"),
        ({"trading": []}, "a signed head is an object"),
        ({}, "it is empty"),
    ],
)
def test_a_file_that_holds_something_else_than_bookmarks_is_refused_and_says_where(
    tmp_path: Path, held: object, why: str
) -> None:
    path = tmp_path / "bookmarks"
    path.write_text(json.dumps(held))
    with pytest.raises(NotConfigured, match=why):
        Bookmarks(path).load()


def test_json_that_is_nested_without_end_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text('{"proofs": ' + "[" * 200_000)
    for read in (Bookmarks(path).load, lambda: proofs_in(path)):
        with pytest.raises(NotConfigured, match="nested too deeply"):
            read()


def test_a_proof_that_lacks_a_field_says_which() -> None:
    proof = {"service": "trading", "head": OF_LOG, "other_head": OF_LOG}
    for name in proof:
        with pytest.raises(ValueError, match=f"no `{name}`"):
            proof_of({key: value for key, value in proof.items() if key != name})
    with pytest.raises(ValueError, match="`other_head` of a proof: it has no `sequence`"):
        proof_of({**proof, "other_head": {**OF_LOG, "account": ADA}})

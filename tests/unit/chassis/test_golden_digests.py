"""Every later release recognises a command that was accepted: its digest is the one in the logs."""

from dataclasses import make_dataclass
from typing import Any

import pytest

from chassis.core.command_digest import command_digest
from support.golden.commands import COMMANDS, entries_of, from_json, kinds_by_name, missing

GOLDEN = [(service, name, entry) for service in COMMANDS for name, entry in entries_of(service).items()]


@pytest.mark.parametrize(("service", "name", "entry"), GOLDEN, ids=[f"{one[0]}/{one[1]}" for one in GOLDEN])
def test_a_command_has_the_digest_that_it_had_when_it_was_first_written(service: str, name: str, entry: Any) -> None:
    kinds = kinds_by_name(COMMANDS[service])
    assert name in kinds, "a type of command is never renamed: its digests are in logs"
    assert command_digest(from_json(kinds[name], entry["fields"])).hex() == entry["digest"]


@pytest.mark.parametrize("service", COMMANDS)
def test_every_type_of_command_has_a_digest_that_a_release_must_keep(service: str) -> None:
    assert [kind.__name__ for kind in missing(service)] == [], "tests/golden/README.md says how to add them"


def test_a_field_added_with_a_default_keeps_the_digest_and_any_other_change_does_not() -> None:
    before = make_dataclass("Move", [("account", str), ("tonnes", int)], frozen=True)
    more: Any = make_dataclass("Move", [("account", str), ("tonnes", int), ("note", str, "")], frozen=True)
    renamed = make_dataclass("Move", [("holder", str), ("tonnes", int)], frozen=True)
    kept = {"account": "p-1", "tonnes": 7}
    digest = command_digest(from_json(before, kept))
    assert command_digest(from_json(more, kept)) == digest
    assert command_digest(renamed("p-1", 7)) != digest
    assert command_digest(more("p-1", 7, note="urgent")) != digest

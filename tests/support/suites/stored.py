"""One suite for every service's stored form: nothing is lost on the way, and numbers mean the same on both sides.

Of every event its golden instance is tried (support.golden.events). A service's module keeps two tables besides and
subclasses the suite with them. EVENTS: of every event that has a subject, and of any other, one instance, whose feeds
it shows in, the subject whose trace it continues, and whether it ends that. ENUMS: a numbering of the domain, the one
of the public language, and what all its names there begin with.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple

import pytest
from google.protobuf.descriptor import FileDescriptor

from chassis.core.decider import Decider
from chassis.core.record import Record
from chassis.core.wire import EventKind, Wire
from chassis.followers.projections import Handlers
from chassis.followers.rows import Rows
from support.golden.events import instances
from support.suites.declared_tables import declared_tables

RECORD = Record(7, "an.Event", b"", 1_000, "participant:p-1", traceparent=f"00-{1:032x}-{1:016x}-01")
PARTIES = ("account", "from_account", "buyer", "seller", "counterparty")
"""The fields of events that name whose business they are."""

Line = tuple[object, set[str]] | tuple[object, set[str], str] | tuple[object, set[str], str, bool]
Numbering = tuple[type[IntEnum], Mapping[str, int], str]


class Stored(NamedTuple):
    """A line of EVENTS, with what it leaves out."""

    event: object
    feeds: set[str]
    subject: str = ""
    ends: bool = False


class WireSuite:
    """A subclass is a service: what it publishes, and its tables."""

    published: ClassVar[FileDescriptor]
    wire: ClassVar[Wire]
    decider: ClassVar[Decider[Any]]
    projected: ClassVar[Handlers]
    events: ClassVar[Sequence[Line]]
    enums: ClassVar[Sequence[Numbering]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test of an event or of a numbering runs for each one in its table."""
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", self.wire.by_event.values(), ids=lambda kind: kind.event.__name__)
        if "stored" in metafunc.fixturenames:
            metafunc.parametrize("stored", self.stored(), ids=lambda stored: type(stored.event).__name__)
        if "ours" in metafunc.fixturenames:
            names = [ours.__name__ for ours, _, _ in self.enums]
            metafunc.parametrize(("ours", "theirs", "prefix"), self.enums, ids=names)

    def test_what_is_published_is_what_the_domain_evolves_and_what_proto_declares(self) -> None:
        published = set(self.wire.by_event)
        assert published == set(self.decider.evolve)
        of_subjects = {event for event, kind in self.wire.by_event.items() if kind.subject}
        assert of_subjects <= {type(stored.event) for stored in self.stored()} <= published
        declared = {message.full_name for message in self.published.message_types_by_name.values()}
        assert set(self.wire.by_name) == declared
        assert set(self.projected) <= published

    def test_an_event_shows_in_the_feeds_of_all_accounts_that_it_names_and_of_no_other(
        self, kind: EventKind[Any, Any]
    ) -> None:
        event = instances(kind)["filled"]
        assert set(kind.accounts(event)) == {getattr(event, name) for name in PARTIES if hasattr(event, name)}

    def test_an_event_comes_back_as_it_was_stored(self, stored: Stored) -> None:
        type_name, data = self.wire.encode(stored.event)
        assert self.wire.decode(type_name, data) == stored.event

    def test_an_event_shows_in_its_accounts_feeds_and_continues_its_subjects_trace(self, stored: Stored) -> None:
        kind = self.wire.by_event[type(stored.event)]
        assert set(kind.accounts(stored.event)) == stored.feeds
        assert (kind.subject(stored.event) if kind.subject else "") == stored.subject

    def test_a_traces_end_is_where_nothing_more_is_heard_of_its_subject(self) -> None:
        ends = {event for event, kind in self.wire.by_event.items() if kind.ends_subject}
        assert ends == {type(stored.event) for stored in self.stored() if stored.ends}

    def test_what_an_event_is_projected_to_fits_its_tables(self, kind: EventKind[Any, Any]) -> None:
        tables, rows = declared_tables(type(self.decider.initial()).__module__.partition(".")[0]), Rows()
        if kind.event in self.projected:
            self.projected[kind.event](rows, instances(kind)["filled"], RECORD)
        for sql, _ in rows.statements:
            if inserted := re.match(r"INSERT INTO (\w+) \(([^)]*)\) VALUES \([$\d, ]*\)", sql):
                table, columns = inserted[1], set(inserted[2].split(", "))
                needed = {name for name, is_needed in tables[table].items() if is_needed}
                assert needed <= columns <= tables[table].keys(), f"{table}: {columns ^ needed}"
            elif changed := re.match(r"UPDATE (\w+) SET ((?:\w+ = \$\d+(?:, )?)+) WHERE (.*)", sql):
                columns = set(re.findall(r"(\w+) = \$", f"{changed[2]}, {changed[3]}"))
                assert columns <= tables[changed[1]].keys(), f"{changed[1]}: {columns - tables[changed[1]].keys()}"

    def test_a_number_means_the_same_on_both_sides(
        self, ours: type[IntEnum], theirs: Mapping[str, int], prefix: str
    ) -> None:
        named = {prefix + member.name: member.value for member in ours}
        assert {**named, f"{prefix}UNSPECIFIED": 0} == theirs

    def stored(self) -> list[Stored]:
        return [Stored(*line) for line in self.events]

"""In whose feeds a record is: the rule that the comment of FeedRecord states, held for every event of every service."""

from itertools import count
from typing import Any

import pytest

from chassis.core.shell import SHELL_KINDS
from chassis.core.wire import EventKind
from clearing.wire import WIRE as CLEARING
from registry.wire import WIRE as REGISTRY
from support.golden.events import filled
from trading.wire import WIRE as TRADING

NAMING = ("account", "from_account", "counterparty", "buyer", "seller")
KINDS = [*SHELL_KINDS, *(kind for wire in (REGISTRY, TRADING, CLEARING) for kind in wire.by_event.values())]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type_name)
def test_an_event_is_in_the_feeds_of_the_accounts_that_its_fields_name(kind: EventKind[Any, Any]) -> None:
    event = filled(kind.event, count(1), kind.type_name)
    named = [getattr(event, field) for field in NAMING if field in kind.message.DESCRIPTOR.fields_by_name]
    assert sorted(kind.accounts(event)) == sorted(named)

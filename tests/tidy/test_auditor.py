"""The auditor knows every event that a service stores: one that it passes over is one that nobody checks."""

import pytest

from chassis.core.wire import Wire
from clearing.wire import WIRE as CLEARING
from registry.wire import WIRE as REGISTRY
from support.auditor.book import Book
from support.auditor.clearing_book import ClearingBook
from support.auditor.findings import Findings
from support.auditor.pairs import Pairs
from support.auditor.registry_book import RegistryBook
from support.auditor.trading_book import TradingBook
from trading.wire import WIRE as TRADING


@pytest.mark.parametrize(("book", "wire"), [(RegistryBook, REGISTRY), (TradingBook, TRADING), (ClearingBook, CLEARING)])
def test_the_auditor_knows_every_event_of_a_service(book: type[Book], wire: Wire) -> None:
    findings = Findings()
    known = {kind.DESCRIPTOR.full_name for kind in book(findings, Pairs(findings)).table()}  # type: ignore[call-arg, arg-type]  # each book names its own log
    assert known == set(wire.by_name)

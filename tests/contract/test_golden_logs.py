"""A day that was stored stays readable: the golden logs are verified, folded and stored again as they are."""

from typing import Any

import pytest

import clearing.__main__
import registry.__main__
import trading.__main__
from chassis.core.engine import Engine
from chassis.core.record import Head, first_fault, genesis
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.process.composition import fold_of
from chassis.process.service import Service
from chassis.say.tracing import Tracing
from support.golden.logs import golden_log

ALL: list[Service[Any]] = [registry.__main__.REGISTRY, trading.__main__.TRADING, clearing.__main__.CLEARING]


def engine_of(service: Service[Any]) -> Engine[Any]:
    engine, _ = fold_of(service, MemoryLog(MemoryStore(service.name)), Tracing())
    return engine


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
def test_a_golden_log_is_one_chain_and_folds_to_its_recorded_end(service: Service[Any]) -> None:
    records, engine = golden_log(service.name), engine_of(service)
    assert records, "a day has records"
    assert first_fault(genesis(service.name), records) is None
    for record in records:
        engine.apply(record)
    assert engine.head == Head(len(records), records[-1].digest)
    assert not engine.shell.set_aside and not engine.shell.unanswered, "it ended in order"


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
def test_every_event_of_a_golden_log_is_stored_again_as_it_was(service: Service[Any]) -> None:
    wire = engine_of(service).wire
    for record in golden_log(service.name):
        assert wire.encode(wire.decode(record.type, record.data)) == (record.type, record.data), record.position

"""Snapshots: only a cache, of committed state, read with suspicion."""

import asyncio
import pickle
from collections.abc import Iterable
from typing import Any

import pytest

from chassis.core.engine import Engine
from chassis.core.shell import OpenLog
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.progress import Progress
from chassis.log.protocol import Snapshot
from chassis.log.snapshots import Snapshots, SnapshotSchedule
from chassis.log.writer import catch_up
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.asking import asked
from support.shell.tally import Add, Order, Tally


def engine() -> Engine[Tally]:
    return Engine("tally", tally.decider(), tally.WIRE, Tracing(), frozenset({tally.Ordered}))


async def written(log: MemoryLog) -> Engine[Tally]:
    """An engine with some history, all of it in the log."""
    await log.lead()
    live = engine()
    for command in (OpenLog(False), Add(3), Order("bread"), Add(4)):
        live.decide(asked("participant:ada", "", command), {}, 1_000)
    batch = live.take_batch()
    await log.append(batch.head, batch.records, batch.heard)
    return live


def snapshots(log: MemoryLog, version: str = "v1") -> Snapshots:
    return Snapshots(log, version, ["support"])


async def test_a_restored_snapshot_and_the_tail_after_it_give_the_same_as_the_whole_log() -> None:
    log = MemoryLog(MemoryStore("tally"))
    live = await written(log)
    await snapshots(log).save(snapshots(log).take(live))
    live.decide(asked("participant:ada", "", Add(5)), {}, 1_000)
    batch = live.take_batch()
    await log.append(batch.head, batch.records, batch.heard)
    again = engine()
    await snapshots(log).restore(again)
    assert again.head.position == 4
    await catch_up(again, log)
    assert (again.state, again.shell, again.head) == (live.state, live.shell, live.head)


async def test_a_snapshot_of_other_code_or_of_another_history_is_not_used() -> None:
    store = MemoryStore("tally")
    log = MemoryLog(store)
    taken = snapshots(log).take(await written(log))
    await log.save_snapshot(taken)
    await log.save_snapshot(Snapshot(3, b"another digest", "v1", taken.data))
    for version in ("v1", "v2"):
        again = engine()
        await snapshots(log, version).restore(again)
        assert again.head.position == 0


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


def naming(module: str, name: str) -> bytes:
    """The pickle of (whatever a module calls by this name, 1)."""
    texts = (b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04" + b"".join(texts) + b"\x93K\x01\x86."


def hostile() -> Iterable[tuple[str, bytes]]:
    yield "builtins", pickle.dumps(Call(eval, "1 + 1"))
    yield "getattr", pickle.dumps(Call(getattr, {}, "keys"))
    yield "nonsense", b"\x00\x01"
    for module, name in (
        ("chassis.process.main", "os.system"),
        ("chassis.core.shell", "keep_trace"),
        ("chassis.core.shell", "dataclass"),
        ("support.shell.tally", "EventKind"),
        ("os", "system"),
        ("_operator", "attrgetter"),
    ):
        yield f"{module}.{name}", naming(module, name)


@pytest.mark.parametrize(("what", "data"), list(hostile()), ids=[what for what, _ in hostile()])
async def test_what_has_no_place_in_a_snapshot_is_not_loaded_and_the_log_is_read_instead(
    what: str, data: bytes
) -> None:
    log = MemoryLog(MemoryStore("tally"))
    live = await written(log)
    await log.save_snapshot(Snapshot(live.head.position, live.head.digest, "v1", data))
    again = engine()
    await snapshots(log).restore(again)
    assert again.head.position == 0
    await catch_up(again, log)
    assert again.state == live.state


class FullLog(MemoryLog):
    async def save_snapshot(self, snapshot: Snapshot) -> None:
        raise OSError("no space left on device")


async def test_a_snapshot_that_cannot_be_saved_stops_nothing() -> None:
    log = FullLog(MemoryStore("tally"))
    live = await written(log)
    await snapshots(log).save(snapshots(log).take(live))


async def test_a_snapshot_is_made_every_so_many_records_one_at_a_time_and_again_after_one_that_failed() -> None:
    committed, made, may_end = Progress(), asyncio.Queue[int](), asyncio.Event()

    async def make() -> None:
        made.put_nowait(committed.position)
        await may_end.wait()
        if committed.position < 30:
            raise OSError("no space left on device")

    running = asyncio.create_task(SnapshotSchedule(committed, make, every_records=10).run(5))
    committed.reach(14)
    await asyncio.sleep(0.01)
    assert made.empty()
    committed.reach(15)
    assert await made.get() == 15
    committed.reach(29)
    await asyncio.sleep(0.01)
    assert made.empty(), "one is under way"
    may_end.set()
    assert await made.get() == 29
    committed.reach(39)
    assert await made.get() == 39
    running.cancel()
    await asyncio.wait({running})

"""The embedded parts keep their promises: what is written survives or is gone, as each of them says."""

import asyncio
import signal
import sys
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from rehearsal import processes
from rehearsal.postgres import Postgres
from rehearsal.processes import RESTARTS_MAX, Child, ChildFailed, Program, Supervisor, printed
from support.processes.kafka import Kafka

ANSWER_S_MAX = 60.0


async def test_a_committed_row_survives_the_killing_of_postgres(tmp_path: Path) -> None:
    server = Postgres(tmp_path)
    await server.start()
    url = await server.create_database("registry")
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE tonne (number int)")
    await connection.execute("INSERT INTO tonne VALUES (7)")
    await server.kill()
    connection.terminate()
    await server.start()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT number FROM tonne") == 7
    await connection.close()
    await server.stop()


async def test_each_test_has_an_empty_database(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


async def test_a_broker_that_was_killed_answers_at_the_same_address(kafka: Kafka) -> None:
    await asyncio.to_thread(write, kafka.address, b"before")
    await kafka.kill()
    await kafka.start()
    await asyncio.to_thread(write, kafka.address, b"after")
    kept = [b"before", b"after"] if kafka.real else [b"after"]
    assert await asyncio.to_thread(read, kafka.address, len(kept)) == kept


async def test_a_cleared_broker_has_no_record(kafka: Kafka) -> None:
    await asyncio.to_thread(write, kafka.address, b"before")
    await kafka.clear()
    await asyncio.to_thread(write, kafka.address, b"after")
    assert await asyncio.to_thread(read, kafka.address, 1) == [b"after"]


async def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = Program("short", (sys.executable, "-c", "print('no room'); raise SystemExit(3)"), ready=printed("up"))
    with pytest.raises(ChildFailed, match=r"short ended with code 3\n(?s:.*)no room"):
        await Child(program, tmp_path).start()


async def test_a_crashed_child_is_started_again(tmp_path: Path) -> None:
    program = Program(
        "steady", (sys.executable, "-c", "import time; print('up'); time.sleep(600)"), ready=printed("up")
    )
    async with Supervisor(tmp_path, restart=True) as supervisor:
        child = await supervisor.start(program)
        first = child.pid
        await child.kill()
        async with asyncio.timeout(ANSWER_S_MAX):
            while child.pid == first or not child.running:
                await asyncio.sleep(0.05)
    assert not child.running


async def test_a_child_that_does_not_come_back_is_given_up_and_every_step_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "RESTART_PAUSE_S_FIRST", 0.01)
    once = tmp_path / "once"
    # No word of a traceback: that of a later start is printed while the process still runs.
    word = "<open>"
    code = f"import pathlib, time; pathlib.Path({str(once)!r}).mkdir(); print({word!r}, flush=True); time.sleep(600)"
    program = Program("fragile", (sys.executable, "-c", code), ready=printed(word))
    said: list[str] = []
    async with Supervisor(tmp_path, restart=True, say=said.append) as supervisor:
        child = await supervisor.start(program)
        await child.kill()
        await asyncio.wait_for(supervisor.failed.wait(), ANSWER_S_MAX)
    assert said == [
        f"fragile ended with SIGKILL and is started again; its log: {tmp_path / 'fragile.log'}",
        *(f"start {number} of at most {RESTARTS_MAX}: fragile ended with code 1" for number in range(1, 6)),
    ]
    gone = str(supervisor.failure)
    assert gone.startswith(f"fragile is given up after {RESTARTS_MAX} starts: fragile ended with code 1\nlast lines of")
    assert "FileExistsError" in gone


async def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    sleeper = f"({sys.executable!r}, '-c', \"import os, time; print('pid', os.getpid()); time.sleep(600)\")"
    parent = f"""
import asyncio, pathlib, time
from rehearsal.processes import Child, Program, printed
child = Child(Program("sleeper", {sleeper}, ready=printed("pid")), pathlib.Path({str(tmp_path)!r}))
async def main():
    await child.start()
    print("started", flush=True)
    time.sleep(600)
asyncio.run(main())
"""
    child = Child(Program("parent", (sys.executable, "-c", parent), ready=printed("started")), tmp_path)
    await child.start()
    sleeper_pid = int((tmp_path / "sleeper.log").read_text().split()[1])
    assert running(sleeper_pid)
    await child.kill()
    async with asyncio.timeout(ANSWER_S_MAX):
        while running(sleeper_pid):
            await asyncio.sleep(0.05)


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.processes.STOP_S_MAX", 0.2)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    child = Child(Program("deaf", (sys.executable, "-c", code), ready=printed("up")), tmp_path)
    await child.start()
    await child.stop()
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


async def test_a_child_whose_start_is_interrupted_is_ended_by_a_stop(tmp_path: Path) -> None:
    child = Child(Program("sleeper", (sys.executable, "-c", "import time; time.sleep(60)")), tmp_path)
    starting = asyncio.create_task(child.start())
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled() and child.running
    await child.stop()
    assert not child.running


async def test_a_demo_that_is_interrupted_while_its_database_is_made_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rehearsal", "demo", "--folder", str(folder)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(ANSWER_S_MAX):
        while not (folder / "postgres/data/base").exists():
            await asyncio.sleep(0.01)
        demo.send_signal(signal.SIGINT)
        _, said = await demo.communicate()
    assert (demo.returncode, said.decode()) == (130, "Stopped; every process it started has ended.\n")
    assert not (folder / "postgres").exists()


def running(pid: int) -> bool:
    """Whether the process is there and not merely waiting to be reaped."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def write(address: str, value: bytes) -> None:
    """Write one record to the topic `tonnes` and wait for its acknowledgement."""
    producer = Producer({"bootstrap.servers": address, "acks": "all", "log_level": 0})
    producer.produce("tonnes", value, partition=0)
    assert producer.flush(ANSWER_S_MAX) == 0


def read(address: str, records: int) -> list[bytes]:
    """Read that many records of the topic `tonnes` from its beginning."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "test", "log_level": 0})
    consumer.assign([TopicPartition("tonnes", 0, 0)])
    found = consumer.consume(records, timeout=ANSWER_S_MAX)
    consumer.close()
    return [message.value() or b"" for message in found]

"""The broker of a test run: chosen once, named aloud, cleared before every test that uses it.

CARBONMARKET_TEST_KAFKA says which: an address (host:port), `local` (Apache Kafka on Java, by Maven), `docker`, or
`embedded`. When it says nothing: Docker if an engine answers, else the embedded broker.
"""

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Protocol

from testcontainers.core.container import DockerContainer

from rehearsal.broker import broker_program
from rehearsal.kafka import LocalKafka, answers, client
from rehearsal.processes import Child, free_port

CHOICE = "CARBONMARKET_TEST_KAFKA"
IMAGE = "apache/kafka:4.1.1"
DOCKER_S_MAX = 120.0
START_S_MAX = 120.0
CLEAR_S_MAX = 30.0
POLL_S = 0.1


class Kafka(Protocol):
    """A broker that tests use.

    `address` is host:port and never changes. `real` says whether it is Apache Kafka. `name` is for people.
    """

    name: str
    real: bool

    @property
    def address(self) -> str:
        """Where clients reach it."""

    async def start(self) -> None:
        """Bring it up and return when it answers."""

    async def stop(self) -> None:
        """Take it down; a real one keeps its data."""

    async def kill(self) -> None:
        """End it as a crash would; `start` brings it back at the same address."""

    async def clear(self) -> None:
        """Forget every topic."""


class EmbeddedKafka:
    """librdkafka's broker as a process: killed and started again it is empty."""

    name = "embedded broker (librdkafka)"
    real = False

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._child = Child(broker_program(self._port), folder)

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Bring it up, empty."""
        await self._child.start()

    async def stop(self) -> None:
        """Take it down."""
        await self._child.stop()

    async def kill(self) -> None:
        """End it as a crash would."""
        await self._child.kill()

    async def clear(self) -> None:
        """Forget every topic."""
        await self.kill()
        await self.start()


class JavaKafka(LocalKafka):
    """Apache Kafka as a process on Java."""

    name = "Apache Kafka (local, Java and Maven)"
    real = True

    async def clear(self) -> None:
        """Forget every topic."""
        await asyncio.to_thread(delete_topics, self.address)


class GivenKafka:
    """A broker that somebody else runs; tests that end or wipe it are not for it."""

    real = True

    def __init__(self, address: str) -> None:
        self.name = f"Kafka at {address} (given)"
        self._address = address

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return self._address

    async def start(self) -> None:
        """See that it answers."""
        await wait_until_answering(self._address)

    async def stop(self) -> None:
        """Leave it as it is."""

    async def kill(self) -> None:
        """Refuse: it is not ours to end."""
        raise RuntimeError(f"{self.name} is not ours to end")

    async def clear(self) -> None:
        """Forget every topic."""
        await asyncio.to_thread(delete_topics, self._address)


class DockerKafka:
    """Apache Kafka in a container, at a fixed loopback port."""

    name = f"Apache Kafka (Docker, {IMAGE})"
    real = True

    def __init__(self) -> None:
        self._port = free_port()
        self._container = DockerContainer(IMAGE).with_kwargs(ports={"9092/tcp": ("127.0.0.1", self._port)})
        for key, value in {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self._port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_HEAP_OPTS": "-Xmx512m",
        }.items():
            self._container.with_env(key, value)
        self._created = False

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Make the container, or start the one that was ended, and return when it answers."""
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().start)
        else:
            await asyncio.to_thread(self._container.start)
            self._created = True
        await wait_until_answering(self.address)

    async def stop(self) -> None:
        """Remove the container."""
        await asyncio.to_thread(self._container.stop)
        self._created = False

    async def kill(self) -> None:
        """End it as a crash would; its data stays."""
        await asyncio.to_thread(self._container.get_wrapped_container().kill)

    async def clear(self) -> None:
        """Forget every topic."""
        await asyncio.to_thread(delete_topics, self.address)


def choose_kafka(folder: Path) -> Kafka:
    """Return the broker of this run, not started yet; `folder` is for its files."""
    choice = os.environ.get(CHOICE, "")
    if ":" in choice:
        return GivenKafka(choice)
    if choice == "local":
        return JavaKafka(folder)
    if choice == "docker" or (not choice and docker_has_kafka()):
        return DockerKafka()
    assert choice in ("", "embedded"), f"{CHOICE}={choice}: an address, `local`, `docker` or `embedded`"
    return EmbeddedKafka(folder)


def docker_has_kafka() -> bool:
    """Whether a Docker engine runs here and has, or can fetch, the image of Apache Kafka."""
    if shutil.which("docker") is None or not docker_succeeds("version"):
        return False
    return docker_succeeds("image", "inspect", IMAGE) or docker_succeeds("pull", "--quiet", IMAGE)


def docker_succeeds(*arguments: str) -> bool:
    """Run a docker command, in silence; whether it succeeded in time."""
    try:
        done = subprocess.run(("docker", *arguments), capture_output=True, timeout=DOCKER_S_MAX)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


async def wait_until_answering(address: str) -> None:
    """Return when the broker answers. Raises TimeoutError after START_S_MAX."""
    async with asyncio.timeout(START_S_MAX):
        while not await asyncio.to_thread(answers, address):
            await asyncio.sleep(POLL_S)


def delete_topics(address: str) -> None:
    """Delete every topic but Kafka's own and return when they are gone. Raises AssertionError after CLEAR_S_MAX."""
    admin = client(address)
    deadline = time.monotonic() + CLEAR_S_MAX
    while topics := [name for name in admin.list_topics(timeout=CLEAR_S_MAX).topics if not name.startswith("__")]:
        assert time.monotonic() < deadline, f"{topics} could not be deleted"
        for deleted in admin.delete_topics(topics).values():
            deleted.exception()  # wait; what is left is deleted again
        time.sleep(POLL_S)

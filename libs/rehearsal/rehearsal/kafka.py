"""Real Apache Kafka without Docker: one KRaft process on Java, from the jars that Maven gathers.

Needs `java` 17 or newer and `mvn`; deploy/kafka-local/pom.xml names the version. Used where a run asks for it
(CARBONMARKET_TEST_KAFKA=local), to prove what the embedded broker cannot: restarts that keep the data, retention,
log deletion. Loopback only, 512 MB at most.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from rehearsal.processes import Child, ChildFailed, Program, free_port

ROOT = Path(__file__).resolve().parents[3]
POM = ROOT / "deploy" / "kafka-local" / "pom.xml"
JARS = ROOT / "build" / "kafka-local"
START_S_MAX = 60.0
GATHER_S_MAX = 300.0
HEAP_MAX = "512m"
CLUSTER_ID = "Y2FyYm9ubWFya2V0LWxhYg"  # 16 bytes in base64, as the format tool wants it
PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={data}
num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
"""


class LocalKafka:
    """One broker on `folder`; a restart keeps its data and its port."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """`port` 0 takes a free one."""
        self.port = port or free_port()
        self.data = folder / "data"
        self.properties = folder / "server.properties"
        self.controller_port = free_port()
        command = self._java("kafka.Kafka", str(self.properties))
        self.child = Child(Program(name="kafka", command=command, ready=self._ready), folder)

    @property
    def address(self) -> str:
        """Where clients reach it, as host:port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start the broker and return when it answers. Raises ChildFailed, or RuntimeError when Java or Maven lack."""
        await asyncio.to_thread(gather_jars)
        if not self.data.exists():
            await self._format()
        await self.child.start(START_S_MAX)

    async def stop(self) -> None:
        """Stop the broker; its data stays."""
        await self.child.stop()

    async def kill(self) -> None:
        """End the broker as a crash would; its data stays."""
        await self.child.kill()

    async def _ready(self, child: Child) -> bool:
        return await asyncio.to_thread(answers, self.address)

    async def _format(self) -> None:
        self.properties.parent.mkdir(parents=True, exist_ok=True)
        self.properties.write_text(
            PROPERTIES.format(port=self.port, controller_port=self.controller_port, data=self.data)
        )
        command = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self.properties))
        tool = Child(Program(name="kafka-format", command=command), self.properties.parent)
        await tool.spawn()
        assert tool.process is not None
        if await tool.process.wait() != 0:
            raise ChildFailed(f"Kafka's data folder could not be made\n{tool.tail()}")

    def _java(self, main_class: str, *arguments: str) -> tuple[str, ...]:
        return ("java", f"-Xmx{HEAP_MAX}", "-cp", str(JARS / "*"), main_class, *arguments)


def gather_jars() -> None:
    """Bring Kafka's jars into build/kafka-local, once per version. Raises RuntimeError that says what is missing."""
    for tool, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            raise RuntimeError(f"Missing: {tool}. How to get it: `apt install {package}`.")
    gathered = JARS / "pom.xml"
    if gathered.exists() and gathered.read_bytes() == POM.read_bytes():
        return
    shutil.rmtree(JARS, ignore_errors=True)
    command = ("mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={JARS}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=GATHER_S_MAX)
    if done.returncode != 0:
        raise RuntimeError(f"Maven could not gather Apache Kafka:\n{done.stdout}")
    gathered.write_bytes(POM.read_bytes())


def answers(address: str) -> bool:
    """Whether a broker at `address` lists its topics within a second."""
    try:
        client(address).list_topics(timeout=1.0)
    except KafkaException:
        return False
    return True


def client(address: str) -> AdminClient:
    """Return an admin client that keeps its connection troubles to itself."""
    return AdminClient({"bootstrap.servers": address, "log_level": 0})

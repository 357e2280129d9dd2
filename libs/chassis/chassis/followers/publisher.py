"""The publisher: follows the log and sends its records to Kafka, as stored. The log is the outbox.

The last record of each batch carries the service's seal (seals.py), so that hearers can check the batch without a call.
The checkpoint is saved after the broker's acknowledgement, about once a second, so a crash in between sends records
again; hearers skip them.
"""

import asyncio
import logging
from dataclasses import replace

from chassis.core.record import Record
from chassis.edges.protocols import BrokerAway, Producer, TableStore
from chassis.log.retry import retried
from chassis.log.seals import Forked, Signer
from chassis.log.tail import Tail

BATCH_RECORDS_MAX = 1_000
RETRY_SECONDS = 1.0
GATHER_SECONDS_MIN, GATHER_SECONDS_MAX = 0.005, 0.02
"""Between two sends, so that under load a batch grows: the broker and its readers work by the batch."""
GATHER_SECONDS_OF_RECORD = 0.0005
"""The pause is so long for each record just sent, between its bounds: a few that others wait for are no load."""
CHECKPOINT_SECONDS = 1.0
FOLLOWER = "publisher"

logger = logging.getLogger(__name__)


def pause_after(records: int) -> float:
    """How long nothing is sent after so many records were."""
    return min(max(GATHER_SECONDS_OF_RECORD * records, GATHER_SECONDS_MIN), GATHER_SECONDS_MAX)


class Publisher:
    def __init__(self, tail: Tail, producer: Producer, tables: TableStore, signer: Signer | None = None) -> None:
        self.position = 0
        self._saved_position = 0
        self._saved_at = 0.0
        self._tail = tail
        self._producer = producer
        self._tables = tables
        self._signer = signer
        self._away = False

    async def run(self) -> None:
        """Publishes until cancelled. Whatever fails is tried again."""
        self.position = await retried("publishing", lambda: self._tables.load_checkpoint(FOLLOWER))
        self._saved_position, self._saved_at = self.position, asyncio.get_running_loop().time()
        while True:
            await retried("publishing", self._publish)

    async def _publish(self) -> None:
        """Publishes the next batch, once there is one."""
        if not await self._tail.beyond(self.position, CHECKPOINT_SECONDS):
            await self._save()
            return
        records = [record for record, _ in await self._tail.read(self.position, BATCH_RECORDS_MAX)]
        records[-1] = await self._sealed(records[-1])
        try:
            await self._producer.send(records)
        except BrokerAway as error:
            if not self._away:
                logger.warning("Kafka takes no records, will go on from %d: %s", self.position, error)
            self._away = True
            await asyncio.sleep(RETRY_SECONDS)
            return
        if self._away:
            logger.info("Kafka takes records again, from %d", self.position)
        self._away = False
        self.position = records[-1].position
        if asyncio.get_running_loop().time() >= self._saved_at + CHECKPOINT_SECONDS:
            await self._save()
        await asyncio.sleep(pause_after(len(records)))

    async def _save(self) -> None:
        if self._saved_position < self.position:
            await self._tables.save_checkpoint(FOLLOWER, self.position)
            self._saved_position, self._saved_at = self.position, asyncio.get_running_loop().time()

    async def _sealed(self, last: Record) -> Record:
        if self._signer is None:
            return last
        try:
            return replace(last, seal=(await self._signer.seal(last)).seal)
        except Forked as error:
            # Sent without a seal, it makes hearers look at the log themselves, and see what it has become.
            logger.critical("this log has forked, its head is not signed: %s", error, extra={"position": last.position})
            return last

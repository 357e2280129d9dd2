"""The publisher: follows the log and sends its records to Kafka, as stored. The log is the outbox.

The checkpoint is saved after the broker's acknowledgement, so a crash in between sends records again; hearers skip
them.
"""

import asyncio
import logging

from chassis.edges import BrokerAway, Producer, TableStore
from chassis.writer import Tail

BATCH_RECORDS_MAX = 1_000
RETRY_SECONDS = 1.0
GATHER_SECONDS = 0.02
"""Between two sends, so that under load a batch grows: the broker and its readers work by the batch. Over before the
next record comes when idle.
"""
FOLLOWER = "publisher"

logger = logging.getLogger(__name__)


class Publisher:
    def __init__(self, tail: Tail, producer: Producer, tables: TableStore) -> None:
        self.position = 0
        self._tail = tail
        self._producer = producer
        self._tables = tables
        self._away = False

    async def run(self) -> None:
        """Publishes until cancelled."""
        self.position = await self._tables.load_checkpoint(FOLLOWER)
        while True:
            records = [record for record, _ in await self._tail.read(self.position, BATCH_RECORDS_MAX)]
            try:
                await self._producer.send(records)
            except BrokerAway as error:
                if not self._away:
                    logger.warning("Kafka takes no records, will go on from %d: %s", self.position, error)
                self._away = True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if self._away:
                logger.info("Kafka takes records again, from %d", self.position)
            self._away = False
            self.position = records[-1].position
            await self._tables.save_checkpoint(FOLLOWER, self.position)
            await asyncio.sleep(GATHER_SECONDS)

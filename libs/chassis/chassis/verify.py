"""`verify`: reads a whole log and says whether it is, record by record, the one that was written."""

from chassis.log import READ_RECORDS_MAX, Log
from chassis.record import Fault, Head, first_fault, genesis


async def verify(log: Log) -> tuple[Head, Fault | None]:
    """The last record that chains, and the first fault after it, if there is one."""
    head = genesis(log.log_id)
    while True:
        records = await log.read(head.position, READ_RECORDS_MAX)
        fault = first_fault(head, records)
        if fault is not None:
            good = records[: fault.position - head.position - 1]
            return (Head(good[-1].position, good[-1].digest) if good else head), fault
        if not records:
            return head, None
        head = Head(records[-1].position, records[-1].digest)

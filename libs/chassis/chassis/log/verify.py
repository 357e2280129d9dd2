"""`verify`: reads a whole log and reports whether it is, record by record, the one that was written.

A log whose end was cut off still chains, and so does one that was continued differently after that. Only witnesses can
tell: the followers and snapshots in its own database, and the services that heard it. Records that no witness had seen
yet can be cut off without being noticed.
"""

from collections.abc import Iterable

from chassis.core.record import Fault, Head, first_fault, genesis
from chassis.log.protocol import READ_RECORDS_MAX, Log, Witness


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


async def contradictions(log: Log, head: Head, witnesses: Iterable[Witness]) -> list[str]:
    """What witnesses know otherwise of a log that chains up to `head`."""
    found = []
    for witness in witnesses:
        if witness.position > head.position:
            found.append(f"ends at {head.position}, but {witness.who} knew it up to {witness.position}: it was cut off")
        elif witness.digest is not None:
            (record,) = await log.read(witness.position - 1, 1)
            if record.digest != witness.digest:
                found.append(f"record {witness.position} is not the one that {witness.who} knew: the log has forked")
    return found


def read_witness(text: str) -> Witness:
    """Reads `WHO:POSITION:DIGEST`. Raises ValueError."""
    who, position, digest = text.split(":")
    return Witness(who, int(position), bytes.fromhex(digest))

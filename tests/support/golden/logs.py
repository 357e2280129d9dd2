"""The golden logs: all records of the three services' logs of the day that `make demo` plays.

`python -m support.golden.logs` (in `tests/`) reads them from running services, whose addresses it takes from the
environment, and writes them to tests/golden/logs/. See tests/golden/README.md for when that is allowed.
"""

import asyncio
import os
import sys

from google.protobuf import text_format

from carbonmarket.log.v1 import log_service_pb2 as pb
from chassis.core.record import Record
from chassis.edges.remote import record_from
from support.auditor.services import Services
from support.source.repository import ROOT, SERVICES

FOLDER = ROOT / "tests/golden/logs"
RELEASED = ROOT / "proto/released.binpb"


def golden_log(service: str) -> list[Record]:
    stored = text_format.Parse((FOLDER / f"{service}.txtpb").read_text(encoding="utf-8"), pb.ReadResponse())
    return [record_from(record) for record in stored.records]


async def write() -> None:
    services = Services({name: os.environ[f"CARBONMARKET_{name.upper()}_ADDRESS"] for name in SERVICES})
    await services.rest()
    FOLDER.mkdir(exist_ok=True)
    for name in SERVICES:
        head = await services.head(name)
        whole = pb.ReadResponse(records=[record async for record in services.records(name, head)], head_position=head)
        (FOLDER / f"{name}.txtpb").write_text(text_format.MessageToString(whole), encoding="utf-8")
        print(f"written: {name}, {head:,} records")


if __name__ == "__main__":
    if RELEASED.exists():
        sys.exit("There is a release: the logs that were written before it must be read for ever.")
    asyncio.run(write())

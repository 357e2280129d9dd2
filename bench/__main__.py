"""`python -m bench [NAME ...]`: measures the rows named, or all, one after the other, on servers of their own.

What it found is in build/bench.json and in a table. `--check` compares the ratios with bench/recorded.json, and
measures those that fell once more before it fails; `--record` writes that file. Parts named are measured too: they look
into one thing each, and are neither kept nor compared.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import parts
from bench.harness.budget import ends_of
from bench.harness.check import fallen, recorded_of
from bench.harness.figures import Measured
from bench.harness.machine import this_machine
from bench.harness.report import Circumstances, object_of, read_objects, show, write_objects
from bench.harness.rounds import OutOfTime, take
from bench.harness.row import Place, Row
from bench.rows import ROWS

KEPT = Path("build/bench.json")
RECORDED = Path("bench/recorded.json")
INTERRUPTED = 130
FIGURES = [figure.name for row in ROWS for figure in row.figures]


def main() -> None:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure how fast the services are.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"rows ({', '.join(names)}) or {parts.help_text()}")
    parser.add_argument("--check", action="store_true", help=f"fail where a ratio fell a fifth below {RECORDED}")
    parser.add_argument("--record", action="store_true", help=f"keep the ratios of {KEPT} in {RECORDED}")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.names if name not in (*names, *parts.PARTS)]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join((*names, *parts.PARTS))}")
    if chosen.record:
        record()
        return
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as another user where we are root.
        Path(folder).chmod(0o755)
        rows = chosen_rows(chosen.names, chosen.check)
        place = Place(Path(folder))
        found, failed = measure(rows, place)
        for name in chosen.names:
            if name in parts.PARTS:
                asyncio.run(parts.PARTS[name](Path(folder) / name))
        if found:
            show("Bench", found)
        if chosen.check:
            failed += check(found, place)
    for sentence in failed:
        print(sentence, file=sys.stderr)
    sys.exit(1 if failed else 0)


def chosen_rows(names: Sequence[str], check: bool) -> list[Row]:
    """The rows named; where none is, all that are not only played on request, or that were recorded."""
    if names:
        return [row for row in ROWS if row.name in names]
    recorded = read_objects(RECORDED)
    return [
        row
        for row in ROWS
        if not row.on_request and (not check or any(figure.name in recorded for figure in row.figures))
    ]


def measure(rows: Sequence[Row], place: Place) -> tuple[list[Measured], list[str]]:
    """Measures rows within their time and keeps each as soon as it is there; gives the figures, and what failed."""
    found: list[Measured] = []
    failed = []
    began_s = time.monotonic()
    around = Circumstances(this_machine(), commit(), datetime.now(UTC).date().isoformat())
    for row in rows:
        print(f"{row.name} …", file=sys.stderr, flush=True)
        try:
            measured = asyncio.run(take(row, place, ends_of(row, rows, began_s, time.monotonic())))
        except OutOfTime as late:
            failed.append(str(late))
            continue
        except Exception as error:
            # The rows after it are measured nevertheless.
            traceback.print_exc()
            failed.append(f"{row.name} is not measured: {error!r}")
            continue
        found += measured
        write_objects(KEPT, {one.figure.name: object_of(row, one, around) for one in measured}, FIGURES)
    return found, failed


def check(found: Sequence[Measured], place: Place) -> list[str]:
    """Sentences about what fell, also when it was measured a second time."""
    recorded = read_objects(RECORDED)
    if not recorded:
        return [f"There is nothing to compare with: {RECORDED} is not there. `python -m bench --record` writes it."]
    first = fallen(found, recorded, this_machine())
    if not first:
        return []
    print("measured once more: " + "; ".join(first.values()), file=sys.stderr)
    again, failed = measure([row for row in ROWS if any(figure.name in first for figure in row.figures)], place)
    second = fallen(again, recorded, this_machine())
    return failed + [sentence for name, sentence in second.items() if name in first]


def record() -> None:
    """Keeps the ratios measured last, for `--check`."""
    objects = read_objects(KEPT)
    if not objects:
        sys.exit(f"There is nothing to record: {KEPT} is not there. `make bench` writes it.")
    kept = read_objects(RECORDED) | recorded_of(objects)
    RECORDED.write_text(json.dumps({name: kept[name] for name in FIGURES if name in kept}, indent=2) + "\n")
    print(f"{len(objects)} ratios are recorded in {RECORDED}")


def commit() -> str:
    done = subprocess.run(("git", "describe", "--always", "--dirty"), capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("Stopped; every process it started has ended.", file=sys.stderr)
        sys.exit(INTERRUPTED)

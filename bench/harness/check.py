"""Whether a ratio fell: against those recorded in bench/recorded.json, which `--record` writes.

A ratio that depends on the machine is compared only on a machine like the one it was recorded on. A figure is measured
a second time before it counts as fallen.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.harness.figures import Measured, number
from bench.harness.machine import Machine

FALL_MAX = 0.2
"""A ratio may be worse than the recorded one by a fifth."""
RECORDED_KEYS = ("ratio", "range", "noisy", "machine", "seed", "commit", "measured")


def recorded_of(objects: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is kept of the objects of bench.json to compare with."""
    return {name: {key: one[key] for key in RECORDED_KEYS} for name, one in objects.items()}


def has_fallen(ratio: float, recorded: float, more_is_better: bool) -> bool:
    """More than a fifth below the recorded one; where less is better, above it by as much."""
    return ratio < recorded * (1 - FALL_MAX) if more_is_better else ratio > recorded / (1 - FALL_MAX)


def fallen(found: Iterable[Measured], recorded: Mapping[str, Mapping[str, Any]], machine: Machine) -> dict[str, str]:
    """The figures whose ratio fell, each with a sentence. What was never recorded cannot fall."""
    falls = {}
    for measured in found:
        figure = measured.figure
        before = recorded.get(figure.name)
        if before is None or not is_comparable(measured, before, machine):
            continue
        ratio = measured.ratio.median
        if has_fallen(ratio, before["ratio"], figure.more_is_better):
            falls[figure.name] = f"{figure.name}: the ratio is {number(ratio)}, recorded is {number(before['ratio'])}"
    return falls


def is_comparable(measured: Measured, recorded: Mapping[str, Any], machine: Machine) -> bool:
    """Whether the recorded ratio says anything about this machine."""
    if not measured.figure.against.depends_on_the_machine:
        return True
    before: Mapping[str, Any] = recorded["machine"]
    return (before["processor"], before["cores"]) == (machine.processor, machine.cores)

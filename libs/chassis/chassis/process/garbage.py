"""The collection of garbage, kept short: it walks what is new, never what has grown (docs/decisions/0021).

The state lives long and has no cycles, so to walk it finds nothing; a day of 200,000 trades is up to a million
objects of it. What survives a collection of the last generation is therefore frozen: no later collection walks it.

That also freezes what is a moment old, such as the calls under way. Those of them that end in a cycle (an error with
its frames) are then garbage that no collection finds: at most as many at a time as calls are under way. So that this
does not add up over months, everything is collected once a night, when no market is open.
"""

import asyncio
import gc

from chassis.core.days import CHINA_AHEAD_MS, DAY_MS, MINUTE_MS
from chassis.log.machine_clock import MachineClock

COLLECT_AFTER = (5_000, 5, 2)
"""New objects, then collections of the generation before: the last one walks some 75,000 objects."""
NIGHT_MS = 3 * 60 * MINUTE_MS
"""Three o'clock, by China's time and the host's clock."""


def calm_garbage_collector() -> None:
    """When the state is whole, and before anything is decided on it."""
    gc.set_threshold(*COLLECT_AFTER)
    gc.callbacks.append(freeze_survivors)
    collect_everything()


def freeze_survivors(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()


def collect_everything() -> None:
    gc.unfreeze()
    gc.collect()
    # Once more, of nothing: the last generation waits until a quarter of what it last left is new.
    gc.collect()


async def collect_every_night() -> None:
    """Runs until cancelled."""
    while True:
        await asyncio.sleep(seconds_until_night(MachineClock().now_ms()))
        collect_everything()


def seconds_until_night(now_ms: int) -> float:
    """More than none: at three o'clock, until the next day's."""
    return (DAY_MS - (now_ms + CHINA_AHEAD_MS - NIGHT_MS) % DAY_MS) / 1_000

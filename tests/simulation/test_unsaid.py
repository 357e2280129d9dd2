"""A seed fails of what nobody is told: each kind planted once, in a market that is sound otherwise."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import cache
from typing import Any

import grpc
import pytest

from support.days.day import Player
from support.simulation.market import SimulatedMarket
from support.simulation.network import Ended
from support.simulation.run import simulate
from support.simulation.weather import Weather

GET_STATUS = "/carbonmarket.log.v1.LogService/GetStatus"


def begin(coroutine: Coroutine[Any, Any, None]) -> None:
    """A task that nobody looks at again."""
    asyncio.get_running_loop().create_task(coroutine)


async def nobody_awaits() -> None:
    return


async def fails() -> None:
    raise ValueError("in a task")


def fail() -> None:
    raise ValueError("in a callback")


class FailsAtItsEnd:
    def __del__(self) -> None:
        raise ValueError("given up")


async def answered_as_by_a_bug(market: SimulatedMarket) -> None:
    """The caller takes it for a refusal."""

    async def handle(handler: object, context: object) -> bytes:
        raise Ended(grpc.StatusCode.INTERNAL, "INTERNAL", ())

    with suppress(grpc.aio.AioRpcError):
        await market.network.channel("registry", None, "somebody")._deliver(0.0, GET_STATUS, handle, (), None)


PLANTED: dict[str, tuple[Callable[[SimulatedMarket], object], str]] = {
    "a coroutine is never awaited": (lambda market: nobody_awaits(), "was never awaited"),
    "a task fails": (lambda market: begin(fails()), "ValueError('in a task')"),
    "a callback fails": (lambda market: asyncio.get_running_loop().call_soon(fail), "ValueError('in a callback')"),
    "a socket is left open": (lambda market: socket.socket(), "ResourceWarning"),
    "an object fails as it is given up": (lambda market: FailsAtItsEnd(), "ValueError('given up')"),
    "an error is logged anywhere": (
        lambda market: logging.getLogger("elsewhere").error("nobody reads"),
        "nobody reads",
    ),
    "a call is answered as by a bug": (
        lambda market: begin(answered_as_by_a_bug(market)),
        f"{GET_STATUS} answered INTERNAL",
    ),
}


@cache
def faults() -> tuple[str, ...]:
    """Of one market in which all of them happen."""

    async def play(market: SimulatedMarket, player: Player) -> None:
        for plant, _ in PLANTED.values():
            plant(market)
        await player.day("2021-07-16")

    return tuple(simulate(0, play, Weather(), actions=5).faults)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_seed_fails_of_what_nobody_is_told(kind: str) -> None:
    _, says = PLANTED[kind]
    assert [says in fault for fault in faults()].count(True) == 1, faults()


def test_nothing_else_fails() -> None:
    assert len(faults()) == len(PLANTED), faults()

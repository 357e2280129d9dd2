"""Places: how much of a replica one caller, or one kind of call, can use at a time.

A call takes a place while it is being processed. Commands, queries and calls by services have separate places, so that
none of them can crowd out another. A call that waits (a long poll, a stream between two messages, a call that the
leader processes) gives its place back meanwhile. When WAITING_MAX calls wait, no other may, and a long poll is answered
at once with what there is. One actor has at most CALLS_OF_AN_ACTOR_MAX calls, processed and waiting together.

Health and reflection take no place, so nothing can take theirs.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from chassis.core.call import Overloaded

CALLS_OF_AN_ACTOR_MAX = 500
CALLS_OF_A_KIND_MAX = 2_000
WAITING_MAX = 20_000


class Kind(StrEnum):
    COMMAND = "commands"
    QUERY = "queries"
    SERVICE = "calls of services"


class Places:
    def __init__(self) -> None:
        self.at_work = dict.fromkeys(Kind, 0)
        self.waiting = 0
        self.of_actor: dict[str, int] = {}
        self.polls: set[asyncio.Task[Any] | None] = set()
        """Those that serve a long poll that waits now or was passed on: a replica that stops does not wait for them."""

    def place(self, kind: Kind, actor: str) -> "Place":
        return Place(self, kind, actor)


class Place:
    """One call's place: held from `with place:` to its end. Entering raises Overloaded."""

    __slots__ = ("_actor", "_kind", "_places")

    def __init__(self, places: Places, kind: Kind, actor: str) -> None:
        self._places = places
        self._kind = kind
        self._actor = actor

    def __enter__(self) -> "Place":
        under_way = self._places.of_actor.get(self._actor, 0)
        if under_way >= CALLS_OF_AN_ACTOR_MAX:
            raise Overloaded("TOO_MANY_CALLS_OF_ACTOR", actor=self._actor, calls_max=CALLS_OF_AN_ACTOR_MAX)
        self._begin_work()
        self._places.of_actor[self._actor] = under_way + 1
        return self

    def __exit__(self, *_: object) -> None:
        self._places.at_work[self._kind] -= 1
        left = self._places.of_actor.pop(self._actor) - 1
        if left:
            self._places.of_actor[self._actor] = left

    @contextmanager
    def waiting(self) -> Iterator[bool]:
        """Gives the place back for the time of a wait. False: too many wait already, so this one must not.

        Who comes back is not turned away: the work that it waited for was taken on long ago.
        """
        if self._places.waiting >= WAITING_MAX:
            yield False
            return
        self._places.waiting += 1
        self._places.at_work[self._kind] -= 1
        try:
            yield True
        finally:
            self._places.at_work[self._kind] += 1
            self._places.waiting -= 1

    @contextmanager
    def polling(self) -> Iterator[bool]:
        """As `waiting`, for a long poll."""
        with self.waiting() as may_wait, self.poll():
            yield may_wait

    @contextmanager
    def poll(self) -> Iterator[None]:
        task = asyncio.current_task()
        self._places.polls.add(task)
        try:
            yield
        finally:
            self._places.polls.discard(task)

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """As `waiting`, for what cannot do without: a stream, or a call passed on. Raises Overloaded."""
        with self.waiting() as may_wait:
            if not may_wait:
                raise Overloaded("TOO_MANY_CALLS", of="waiting calls", calls_max=WAITING_MAX)
            yield

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within `streaming`: a message has come and is worked at. Raises Overloaded."""
        self._begin_work()
        self._places.waiting -= 1
        try:
            yield
        finally:
            self._places.waiting += 1
            self._places.at_work[self._kind] -= 1

    def _begin_work(self) -> None:
        if self._places.at_work[self._kind] >= CALLS_OF_A_KIND_MAX:
            raise Overloaded("TOO_MANY_CALLS", of=self._kind, calls_max=CALLS_OF_A_KIND_MAX)
        self._places.at_work[self._kind] += 1

"""A round that the host disturbed is repeated, twice at most, and no row outlasts its time."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.harness.figures import Against, Figure, Pair, Pairs
from bench.harness.machine import Ticks, ticks_in
from bench.harness.rounds import OutOfTime, take
from bench.harness.row import Place, Round, Row

FIGURE = Figure("X1", "something", "per s", "its floor", Against.FLOOR)
QUIET, DISTURBED = 8, 9
"""Of a hundred ticks, so many were stolen."""
FAR_S = 1_000.0


class Played:
    """A row whose rounds give 1, 2, 3 …, and a clock that each moves on. From `endless` on they do not end."""

    def __init__(
        self, rounds: int, round_s: float = 10.0, endless: int = 1_000, fails: Exception | None = None
    ) -> None:
        self.now_s = 0.0
        self._round_s = round_s
        self._endless = endless
        self.count = 0
        self.closed = False
        self._fails = fails
        self.row = Row("X1", (FIGURE,), rounds, 100, self._open)

    @asynccontextmanager
    async def _open(self, place: Place) -> AsyncIterator[Round]:
        async def play() -> Pairs:
            if self._fails is not None:
                raise self._fails
            self.count += 1
            self.now_s += self._round_s
            if self.count >= self._endless:
                await asyncio.Event().wait()
            return {"X1": Pair(float(self.count), 2.0)}

        try:
            yield play
        finally:
            self.closed = True

    async def take(self, stolen: Sequence[int] = (), ends_s: float = FAR_S, tiny: bool = False) -> "tuple[object, ...]":
        (found,) = await take(self.row, Place(Path(), tiny), ends_s, self._ticks(stolen), lambda: self.now_s)
        return [pair.value for pair in found.pairs], found.noisy, found.short

    def _ticks(self, stolen: Sequence[int]) -> "type[Ticks]":
        reads = self._reads(stolen)
        return lambda: next(reads)  # type: ignore[return-value]  # what is called is only the next of them

    @staticmethod
    def _reads(stolen: Sequence[int]) -> Iterator[Ticks]:
        """Two for each round: before it and after it."""
        for share in (*stolen, *[0] * 100):
            yield Ticks(0, 0)
            yield Ticks(100, share)


async def test_each_round_gives_a_pair_and_what_was_opened_is_taken_down() -> None:
    played = Played(rounds=3)
    assert await played.take() == ([1.0, 2.0, 3.0], False, False)
    assert played.closed


async def test_a_round_that_the_host_disturbed_is_repeated_and_does_not_count() -> None:
    assert await Played(rounds=2).take([DISTURBED, QUIET, DISTURBED, DISTURBED, QUIET]) == ([2.0, 5.0], False, False)


async def test_after_two_repeats_a_disturbed_round_counts_and_the_row_is_noisy() -> None:
    assert await Played(rounds=2).take([QUIET] + [DISTURBED] * 3) == ([1.0, 4.0], True, False)


async def test_a_row_ends_with_the_rounds_it_has_where_the_next_would_end_too_late() -> None:
    assert await Played(rounds=5).take(ends_s=35) == ([1.0, 2.0, 3.0], False, True)


async def test_a_disturbed_round_is_not_repeated_where_there_is_no_time_for_it() -> None:
    assert await Played(rounds=1).take([DISTURBED], ends_s=15) == ([1.0], True, False)


async def test_a_tiny_row_is_played_once() -> None:
    assert await Played(rounds=5).take(tiny=True) == ([1.0], False, False)


async def test_a_row_whose_time_is_over_before_its_first_round_has_no_figure() -> None:
    played = Played(rounds=1, endless=1)
    with pytest.raises(OutOfTime, match="X1"):
        await played.take(ends_s=0)
    assert played.closed


async def test_a_round_that_does_not_end_in_time_is_cut_off_and_those_before_it_count() -> None:
    played = Played(rounds=5, round_s=0, endless=3)
    assert await played.take(ends_s=0.1) == ([1.0, 2.0], False, True)
    assert played.closed


async def test_a_timeout_inside_a_round_is_a_failure_of_the_round() -> None:
    with pytest.raises(TimeoutError):
        await Played(rounds=1, fails=TimeoutError("of its own")).take()


def test_what_the_host_took_is_read_from_the_first_line_alone_and_without_guests() -> None:
    stat = "cpu  10 0 20 60 2 0 0 8 5 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert ticks_in(stat) == Ticks(100, 8)
    assert Ticks(300, 24).stolen_since(Ticks(100, 8)) == pytest.approx(0.08)
    assert Ticks(100, 8).stolen_since(Ticks(100, 8)) == 0

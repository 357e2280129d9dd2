"""The machine's clock. Keeps chassis.log.clocks.Clock."""

import time


class MachineClock:
    """now_ms is the machine's time, or constantly `fixed_ms`: a rehearsal's log has its own time from its first record
    on, and that is where it starts.
    """

    def __init__(self, fixed_ms: int | None = None) -> None:
        self._fixed_ms = fixed_ms

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 if self._fixed_ms is None else self._fixed_ms

    def seconds(self) -> float:
        return time.monotonic()

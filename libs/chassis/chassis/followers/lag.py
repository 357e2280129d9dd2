"""How far behind another log hearing is."""

from chassis.log.clocks import Clock


class Lag:
    """How far behind the source we are, for the operator: in records, and in seconds since a look last found nothing
    more to hear. Seconds grow while we are behind, halted or cannot reach the source.
    """

    def __init__(self, clock: Clock) -> None:
        self.records = 0
        self._clock = clock
        self.note_in_step()

    def note_in_step(self) -> None:
        self.in_step_at = self._clock.seconds()

    def seconds(self) -> float:
        return self._clock.seconds() - self.in_step_at

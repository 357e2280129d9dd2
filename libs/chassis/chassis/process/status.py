"""What operators see of a replica: how far its followers and its hearing are, in answers and as gauges."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from carbonmarket.log.v1 import log_service_pb2
from chassis.followers import projections, publisher
from chassis.followers.caller import Caller
from chassis.followers.hearing import Hearing
from chassis.followers.projections import Projector
from chassis.followers.publisher import Publisher
from chassis.log.writer import Writer
from chassis.process.gauges import Figure, Gauges
from chassis.say import telemetry
from chassis.serving.log_service import Followed, refused_order


class Status:
    def __init__(
        self,
        writer: Writer[Any],
        projector: Projector,
        publisher: Publisher,
        hearings: Sequence[Hearing],
        caller: Caller,
    ) -> None:
        self._writer = writer
        self._projector = projector
        self._publisher = publisher
        self._hearings = hearings
        self._caller = caller

    def _followed(self) -> dict[str, int]:
        return {publisher.FOLLOWER: self._publisher.position, projections.FOLLOWER: self._projector.position}

    def to_say(self) -> Followed:
        """Of followers, of sources, and of orders that are refused, for GetStatus."""
        followers = [
            log_service_pb2.Follower(name=name, position=position) for name, position in self._followed().items()
        ]
        sources = [
            log_service_pb2.Source(
                log_id=hearing.source,
                heard_position=hearing.upto.position,
                halted_because=hearing.halted_because,
                keeps_away_because=self._writer.witnesses.why(hearing.source),
            )
            for hearing in self._hearings
        ]
        return Followed(followers, sources, [refused_order(one) for _, one in sorted(self._caller.refused.items())])

    def watch(self, gauges: Gauges, figures: Mapping[str, Figure[Any]]) -> None:
        """Registers the shell's gauges, and a service's own by metric name."""

        def lag() -> dict[str, float]:
            head = self._writer.tail.position
            return {name: head - position for name, position in self._followed().items()}

        def of_sources(look: Callable[[Hearing], float]) -> Callable[[], dict[str, float]]:
            return lambda: {hearing.source: look(hearing) for hearing in self._hearings}

        engine = self._writer.engine
        waiting = "Heard events that wait for people"
        set_aside: Figure[Any] = Figure("{event}", waiting, lambda state, now_ms: len(engine.shell.set_aside))
        unanswered: Figure[Any] = Figure(
            "{order}", "Orders without answer", lambda state, now_ms: len(engine.shell.unanswered)
        )
        watch = gauges.watch
        watch(telemetry.FOLLOWER_LAG_RECORDS, "{record}", "Records a follower has yet to see", lag, "follower")
        behind, since = "Records of another log yet to be heard", "Since when not all of another log is heard"
        watch(telemetry.HEARING_LAG_RECORDS, "{record}", behind, of_sources(lambda one: one.lag.records), "source")
        watch(telemetry.HEARING_LAG_SECONDS, "s", since, of_sources(lambda one: one.lag.seconds()), "source")
        halted = "1 while another log is not heard any further"
        watch(telemetry.HEARING_HALTED, "1", halted, of_sources(lambda one: bool(one.halted_because)), "source")
        forged = "Messages on another log's topic that its service did not send"
        watch(telemetry.HEARING_FORGED, "{message}", forged, of_sources(lambda one: one.forged_records), "source")
        refused = "Orders that another service refuses instead of answering"
        watch(telemetry.ORDERS_REFUSED, "{order}", refused, lambda: len(self._caller.refused))
        gauges.watch_state(telemetry.SET_ASIDE, set_aside)
        gauges.watch_state(telemetry.ORDERS_UNANSWERED, unanswered)
        for name, figure in figures.items():
            gauges.watch_state(name, figure)

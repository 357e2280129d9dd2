"""Screens of the services' status and clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import RenderableType

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client.errors import MarketError, Unavailable
from carbonmarket_client.screens.layout import (
    Column,
    Screen,
    numbers,
    words,
)
from carbonmarket_client.values import moment


@dataclass(frozen=True, slots=True)
class Standing:
    """A service's status, or why it gave none."""

    service: str
    status: log.GetStatusResponse | None
    error: MarketError | None


def clock_screen(answers: dict[str, log.GetStatusResponse]) -> RenderableType:
    rows = [
        (service, moment(answer.now_ms), "rehearsal" if answer.rehearsal else "live")
        for service, answer in answers.items()
    ]
    return Screen("The market's time", [words("service"), words("time (China)"), words("kind")], rows)


def status_screens(standings: Sequence[Standing]) -> list[RenderableType]:
    """The services, then who follows and hears, then what waits for people, as far as there is any."""
    screens: list[RenderableType] = [services_screen(standings)]
    heads = {each.service: each.status.head_position for each in standings if each.status}
    following = [row for each in standings if each.status for row in _following(each.service, each.status, heads)]
    if following:
        columns = [
            words("service"),
            words("who"),
            numbers("position"),
            numbers("behind"),
            words("halted because", wraps=True),
        ]
        screens.append(Screen("Followers and sources, by log position", columns, following))
    refused = [row for each in standings if each.status for row in _refused_orders(each.service, each.status)]
    if refused:
        columns = [
            words("service"),
            numbers("position"),
            words("order", spare=1),
            words("refused by"),
            words("because", wraps=True),
        ]
        screens.append(Screen("Orders refused instead of answered: wait for people", columns, refused))
    causes = [row for each in standings if each.status for row in _causes(each.service, each.status)]
    if causes:
        columns = [
            words("service"),
            numbers("how many"),
            numbers("first"),
            numbers("last"),
            words("from"),
            words("type", spare=1),
            words("because", wraps=True),
        ]
        screens.append(Screen("Set aside, by cause: `status drop --through` drops one together", columns, causes))
    waiting = [row for each in standings if each.status for row in _set_aside(each.service, each.status.set_aside)]
    if waiting:
        screens.append(Screen("Set aside: heard and not applied, waits for people", _set_aside_columns(), waiting))
    dropped = [row for each in standings if each.status for row in _set_aside(each.service, each.status.dropped)]
    if dropped:
        title = "Dropped after it was set aside: blocks nothing, can still be decided again"
        screens.append(Screen(title, _set_aside_columns(), dropped))
    return screens


def _set_aside_columns() -> list[Column]:
    return [
        words("service"),
        numbers("position"),
        words("heard"),
        words("type", spare=1),
        words("because", wraps=True),
    ]


def services_screen(standings: Sequence[Standing]) -> Screen:
    columns = [
        words("service"),
        words("state"),
        words("kind", spare=1),
        words("market's time"),
        numbers("head"),
        numbers("unanswered orders"),
        numbers("set aside"),
    ]
    rows = []
    for each in standings:
        answer = each.status
        if answer is None:
            rows.append((each.service, "no answer" if isinstance(each.error, Unavailable) else "not asked", *[""] * 5))
            continue
        rows.append(
            (
                each.service,
                "answers",
                "rehearsal" if answer.rehearsal else "live",
                moment(answer.now_ms),
                f"{answer.head_position:,}",
                str(len(answer.unanswered_positions)),
                f"{sum(one.count for one in answer.set_aside_causes):,}",
            )
        )
    return Screen("Services", columns, rows)


def _refused_orders(service: str, answer: log.GetStatusResponse) -> list[tuple[str, ...]]:
    return [
        (
            service,
            f"{one.position:,}",
            one.order,
            one.service,
            " ".join([one.reason, *(f"{name}={value}" for name, value in sorted(one.facts.items()))]),
        )
        for one in answer.refused_orders
    ]


def _following(service: str, answer: log.GetStatusResponse, heads: Mapping[str, int]) -> list[tuple[str, ...]]:
    """The followers of the service's own log, and the other logs that it hears. How far it is behind those is counted
    from the head that their own service gave, if it answered.
    """
    followers: list[tuple[str, ...]] = [
        (service, known.name, f"{known.position:,}", f"{answer.head_position - known.position:,}", "")
        for known in answer.followers
    ]
    sources: list[tuple[str, ...]] = [
        (
            service,
            f"hears {known.log_id}",
            f"{known.heard_position:,}",
            _behind(heads.get(known.log_id), known.heard_position),
            "; ".join(filter(None, (known.halted_because, _keeps_away(known)))),
        )
        for known in answer.sources
    ]
    return followers + sources


def _keeps_away(known: log.Source) -> str:
    return known.keeps_away_because and f"people are kept away: {known.keeps_away_because}"


def _behind(head: int | None, heard: int) -> str:
    """The services are asked at the same time: what was heard may be later than the head in the answer."""
    return "-" if head is None else f"{max(head - heard, 0):,}"


def _causes(service: str, answer: log.GetStatusResponse) -> list[tuple[str, ...]]:
    """What has one cause is shown with it where there are several."""
    return [
        (
            service,
            f"{one.count:,}",
            f"{one.first_position:,}",
            f"{one.last_position:,}",
            one.source_log_id,
            one.type.rpartition(".")[2] or "timers",
            one.reason,
        )
        for one in answer.set_aside_causes
        if one.count > 1
    ]


def _set_aside(service: str, events: Iterable[log.SetAside]) -> list[tuple[str, ...]]:
    return [
        (
            service,
            f"{known.position:,}",
            f"{known.source_log_id}/{known.source_position}",
            known.timer or known.type.rpartition(".")[2],
            " ".join([known.reason, *(f"{name}={value}" for name, value in sorted(known.facts.items()))]),
        )
        for known in events
    ]

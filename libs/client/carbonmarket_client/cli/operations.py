"""`status` and `clock`: whether the services run and keep up, and the time of a rehearsal."""

import asyncio
from dataclasses import dataclass

import click
from rich.console import RenderableType
from rich.text import Text

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.cli.app import TIME, Noun, Session, cli, command, request_id_option
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.cli.screens import Screen, numbers, words
from carbonmarket_client.errors import MarketError, Unavailable
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.settings import SERVICES
from carbonmarket_client.values import moment

SERVICE = click.Choice(SERVICES)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a service said of itself, or why it said nothing."""

    service: str
    status: pb.GetStatusResponse | None
    error: MarketError | None


@command(cli, "status", ["carbonmarket status", "carbonmarket status --json"])
async def status(market: CarbonMarket, session: Session) -> None:
    """Show whether the three services answer, lead, hear each other and keep up. Ends with 3 when one gives no
    answer.
    """
    standings = await asyncio.gather(*(standing(market, service) for service in SERVICES))
    known = {each.service: plain(each.status) if each.status else {"error": str(each.error)} for each in standings}
    session.show(known, *status_screens(standings))
    for each in standings:
        if each.error is not None:
            raise each.error


async def standing(market: CarbonMarket, service: str) -> Standing:
    try:
        return Standing(service, await market.service(service).status(), None)
    except MarketError as error:
        return Standing(service, None, error)


@cli.group(cls=Noun)
def clock() -> None:
    """Clock: the market's time, which an operator moves in a rehearsal."""


@command(clock, "show", ["carbonmarket clock"])
async def show_clock(market: CarbonMarket, session: Session) -> None:
    """Show the time of each service."""
    answers = {service: await market.service(service).status() for service in SERVICES}
    session.show(
        {service: {"now_ms": answer.now_ms, "rehearsal": answer.rehearsal} for service, answer in answers.items()},
        clock_screen(answers),
    )


@command(
    clock,
    "move",
    ['carbonmarket clock move "2021-07-16 09:30"', 'carbonmarket clock move "2021-07-16 15:00" --service trading'],
)
@click.argument("to", type=TIME)
@click.option("--service", "services", type=SERVICE, multiple=True, default=SERVICES, help="Of this one only.")
@request_id_option
async def move_clock(
    market: CarbonMarket, session: Session, to: int, services: tuple[str, ...], request_id: str
) -> None:
    """Move the clock of a rehearsal forward; what falls due on the way is done first."""
    moved = {}
    for service in services:
        moved[service] = plain(await market.service(service).move_clock(to, request_id))
    session.show({"request_id": request_id, **moved}, Text(f"It is {moment(to)} in {', '.join(services)}."))


# Screens


def clock_screen(answers: dict[str, pb.GetStatusResponse]) -> RenderableType:
    rows = [
        (service, moment(answer.now_ms), "rehearsal" if answer.rehearsal else "live")
        for service, answer in answers.items()
    ]
    return Screen("The market's time", [words("service"), words("time (China)"), words("kind")], rows)


def status_screens(standings: list[Standing]) -> list[RenderableType]:
    services, following, waiting = [], [], []
    for each in standings:
        answer = each.status
        if answer is None:
            away = "no answer" if isinstance(each.error, Unavailable) else "refused or not known"
            services.append((each.service, away, "", "", "", "", ""))
            continue
        services.append(
            (
                each.service,
                "answers",
                "rehearsal" if answer.rehearsal else "live",
                moment(answer.now_ms),
                f"{answer.head_position:,}",
                str(len(answer.unanswered_positions)),
                str(len(answer.set_aside)),
            )
        )
        for follower in answer.followers:
            behind = answer.head_position - follower.position
            following.append((each.service, follower.name, f"{follower.position:,}", f"{behind:,}", ""))
        for source in answer.sources:
            following.append(
                (each.service, f"hears {source.log_id}", f"{source.heard_position:,}", "", source.halted_because)
            )
        for aside in answer.set_aside:
            waiting.append(
                (
                    each.service,
                    f"{aside.position:,}",
                    f"{aside.source_log_id}/{aside.source_position}",
                    aside.type.rpartition(".")[2],
                    aside.reason,
                )
            )
    screens: list[RenderableType] = [
        Screen(
            "Services",
            [
                words("service"),
                words("state"),
                words("kind"),
                words("market's time"),
                numbers("head"),
                numbers("unanswered orders"),
                numbers("set aside"),
            ],
            services,
        )
    ]
    if following:
        screens.append(
            Screen(
                "Followers and sources, by log position",
                [
                    words("service"),
                    words("who"),
                    numbers("position"),
                    numbers("behind"),
                    words("halted because", wraps=True),
                ],
                following,
            )
        )
    if waiting:
        screens.append(
            Screen(
                "Set aside: heard events that could not be applied and wait for people",
                [words("service"), numbers("position"), words("heard"), words("type"), words("reason", wraps=True)],
                waiting,
            )
        )
    return screens

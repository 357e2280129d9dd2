"""`status` and `clock`: whether the services run and keep up, and the time of a rehearsal."""

import click
from rich.text import Text

from carbonmarket_client.cli.app import NUMBER, TIME, Noun, Session, cli, command, request_id_option
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.cli.standings import answered, end, standings, unanswered
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.operations import clock_screen, status_screens
from carbonmarket_client.screens.pending import another_approves
from carbonmarket_client.settings import SERVICES
from carbonmarket_client.values import moment

SERVICE = click.Choice(SERVICES)
THROUGH = click.option(
    "--through", type=NUMBER, default=0, help="The last position: all of the same cause, from POSITION to it."
)


@cli.group(cls=Noun)
def status() -> None:
    """Status: whether the services answer and keep up, and what waits for people."""


@command(status, "show", ["carbonmarket status", "carbonmarket status --json"])
async def show_status(market: CarbonMarket, session: Session) -> None:
    """Show whether the three services answer, lead, hear each other and keep up. Ends with 3 when one gives no
    answer.
    """
    asked = await standings(market)
    known = {service: plain(answer) for service, answer in answered(asked).items()}
    session.show({**known, **unanswered(asked)}, *status_screens(asked))
    end(session, asked)


@command(
    status,
    "decide",
    [
        'carbonmarket status decide clearing 5017 --ground "account opened, ticket 12"',
        'carbonmarket status decide clearing 5017 --through 9120 --ground "account opened, ticket 12"',
    ],
)
@click.argument("service", type=SERVICE, metavar="SERVICE")
@click.argument("position", type=NUMBER)
@THROUGH
@click.option("--ground", required=True, help="How its cause was fixed.")
@request_id_option
async def decide(
    market: CarbonMarket, session: Session, service: str, position: int, through: int, ground: str, request_id: str
) -> None:
    """Propose that what SERVICE set aside at POSITION is decided again. It takes two operators.

    With --through, all that were set aside for the same cause are decided one after the other, at most 200 at once, up
    to the first that cannot be applied. The answer names the first; `carbonmarket status` shows what is left.
    """
    answer = await market.service(service).decide_set_aside_again(
        position, ground, through_position=through, request_id=request_id
    )
    session.done(answer, request_id, another_approves(service, answer))


@command(
    status,
    "drop",
    [
        'carbonmarket status drop clearing 5017 --ground "paid by hand, ticket 12"',
        'carbonmarket status drop clearing 5017 --through 9120 --ground "given again, ticket 12"',
    ],
)
@click.argument("service", type=SERVICE, metavar="SERVICE")
@click.argument("position", type=NUMBER)
@THROUGH
@click.option("--ground", required=True, help="How people settle what it leaves open.")
@request_id_option
async def drop(
    market: CarbonMarket, session: Session, service: str, position: int, through: int, ground: str, request_id: str
) -> None:
    """Propose that what SERVICE set aside at POSITION is never applied. It takes two operators.

    It blocks nothing any more, and what it leaves open, as the status shows, is for people to settle. With --through,
    all that were set aside for the same cause go together, at most 400 at once; the answer says how many.
    """
    answer = await market.service(service).drop_set_aside(
        position, ground, through_position=through, request_id=request_id
    )
    session.done(answer, request_id, another_approves(service, answer))


@command(
    status, "resume", ['carbonmarket status resume trading registry 61234 5be1...9c --ground "restored, ticket 13"']
)
@click.argument("service", type=SERVICE, metavar="SERVICE")
@click.argument("source", type=SERVICE, metavar="SOURCE")
@click.argument("position", type=NUMBER)
@click.argument("digest")
@click.option("--ground", required=True, help="Why this record counts as the last one heard.")
@request_id_option
async def resume(
    market: CarbonMarket,
    session: Session,
    service: str,
    source: str,
    position: int,
    digest: str,
    ground: str,
    request_id: str,
) -> None:
    """Propose that SERVICE hears SOURCE again after the record at POSITION.

    DIGEST is the record's, hexadecimal. It takes two operators.
    """
    try:
        digest_bytes = bytes.fromhex(digest)
    except ValueError:
        raise click.UsageError(f"{digest!r} is not a digest in hexadecimal digits") from None
    answer = await market.service(service).resume_hearing(source, position, digest_bytes, ground, request_id=request_id)
    session.done(answer, request_id, another_approves(service, answer))


@command(status, "rename-order", ['carbonmarket status rename-order clearing 4711 --ground "restored, ticket 15"'])
@click.argument("service", type=SERVICE, metavar="SERVICE")
@click.argument("position", type=NUMBER)
@click.option("--ground", required=True, help="Why the other service knows another command by the order's name.")
@request_id_option
async def rename_order(
    market: CarbonMarket, session: Session, service: str, position: int, ground: str, request_id: str
) -> None:
    """Propose that SERVICE sends its order at POSITION under another name.

    For an order that is refused with REQUEST_ID_REUSED. It takes two operators.
    """
    answer = await market.service(service).rename_order(position, ground, request_id=request_id)
    session.done(answer, request_id, another_approves(service, answer))


@command(status, "activate", ['carbonmarket status activate trading 1 --ground "all replicas run it, ticket 14"'])
@click.argument("service", type=SERVICE, metavar="SERVICE")
@click.argument("level", type=NUMBER)
@click.option("--ground", required=True, help="Why the way back may be closed.")
@request_id_option
async def activate(
    market: CarbonMarket, session: Session, service: str, level: int, ground: str, request_id: str
) -> None:
    """Propose that SERVICE writes what release LEVEL brought; it takes two operators.

    It closes the way back: releases that cannot read what is written then no longer start on that log.
    """
    answer = await market.service(service).activate_release(level, ground, request_id=request_id)
    session.done(answer, request_id, another_approves(service, answer))


@cli.group(cls=Noun)
def clock() -> None:
    """Clock: the market's time, which an operator moves in a rehearsal."""


@command(clock, "show", ["carbonmarket clock"])
async def show_clock(market: CarbonMarket, session: Session) -> None:
    """Show the time of each service. Ends with 3 when one gives no answer."""
    asked = await standings(market)
    answers = answered(asked)
    known = {service: {"now_ms": answer.now_ms, "rehearsal": answer.rehearsal} for service, answer in answers.items()}
    session.show({**known, **unanswered(asked)}, clock_screen(answers))
    end(session, asked)


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
    """Move the clock of a rehearsal forward; timers due on the way run first."""
    moved = {}
    for service in services:
        moved[service] = plain(await market.service(service).move_clock(to, request_id))
    session.show({"request_id": request_id, **moved}, Text(f"It is {moment(to)} in {', '.join(services)}."))

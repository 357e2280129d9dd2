"""`pending`: what was proposed and awaits a second person, who approves or rejects it."""

import click

from carbonmarket_client.cli.app import DAY, NUMBER, Noun, Session, cli, command, request_id_option
from carbonmarket_client.cli.plain import plain
from carbonmarket_client.cli.standings import answered, end, standings, unanswered
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.pending import another_approves, effects_line, pending_screens, rules_screen
from carbonmarket_client.settings import SERVICES
from carbonmarket_client.values import NotANumber, number_of


class ProposalId(click.ParamType[tuple[str, int]]):
    """SERVICE/NUMBER, as a proposal is shown."""

    name = "proposal"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        service, _, number = value.partition("/")
        try:
            if service not in SERVICES:
                raise NotANumber
            return service, number_of(number, 0)
        except NotANumber:
            self.fail(f"{value!r} is no proposal: write SERVICE/NUMBER, as `carbonmarket pending` shows it", param, ctx)


PROPOSAL = ProposalId()


@cli.group(cls=Noun)
def pending() -> None:
    """Pending: what was proposed and awaits a second person."""


@command(pending, "show", ["carbonmarket pending", "carbonmarket pending --json"])
async def show_pending(market: CarbonMarket, session: Session) -> None:
    """Show what awaits a second person, and what it would cause.

    Of some events it shows what they would say; then the approval is refused if they would say something else by then.
    Operators, auditors and the regulator see it. Ends with 3 when a service gives no answer.
    """
    asked = await standings(market)
    proposals = {service: list(answer.proposals) for service, answer in answered(asked).items()}
    known = {service: [plain(one) for one in of_service] for service, of_service in proposals.items()}
    session.show({**known, **unanswered(asked)}, *pending_screens(proposals, session.settings.caller()))
    end(session, asked)


@command(pending, "approve", ["carbonmarket pending approve clearing/5020"])
@click.argument("proposal", type=PROPOSAL)
@request_id_option
async def approve(market: CarbonMarket, session: Session, proposal: tuple[str, int], request_id: str) -> None:
    """Approve PROPOSAL: it is decided now. Its proposer cannot, in no other role either."""
    service, number = proposal
    answer = await market.service(service).approve_proposal(number, request_id=request_id)
    # A service of release 1 answers only the names.
    what = effects_line(answer.effects) or ", ".join(event.rpartition(".")[2] for event in answer.events)
    session.done(answer, request_id, f"Approved and done: {what}.")


@command(pending, "reject", ['carbonmarket pending reject clearing/5020 --ground "paid meanwhile"'])
@click.argument("proposal", type=PROPOSAL)
@click.option("--ground", required=True, help="Why.")
@request_id_option
async def reject(
    market: CarbonMarket, session: Session, proposal: tuple[str, int], ground: str, request_id: str
) -> None:
    """Reject PROPOSAL, or withdraw one of your own."""
    service, number = proposal
    answer = await market.service(service).reject_proposal(number, ground, request_id=request_id)
    session.done(answer, request_id, "Rejected: nothing was done.")


@command(pending, "rules", ["carbonmarket pending rules"])
async def show_rules(market: CarbonMarket, session: Session) -> None:
    """Show which commands take two people. Ends with 3 when a service gives no answer."""
    asked = await standings(market)
    of_services = answered(asked)
    known = {
        service: {
            "always_two_people": list(answer.always_two_people),
            "approval_rules": [plain(one) for one in answer.approval_rules],
        }
        for service, answer in of_services.items()
    }
    session.show({**known, **unanswered(asked)}, rules_screen(of_services))
    end(session, asked)


@command(
    pending,
    "set-rules",
    ['carbonmarket pending set-rules trading 2027-01-01 SetFees SetTradingRules --source "ticket 31"'],
)
@click.argument("service", type=click.Choice(SERVICES), metavar="SERVICE")
@click.argument("valid_from_day", type=DAY)
@click.argument("commands", nargs=-1)
@click.option("--open-hours", type=NUMBER, default=168, show_default=True, help="How long a proposal stays open.")
@click.option("--source", required=True, help="Where it was announced.")
@request_id_option
async def set_rules(
    market: CarbonMarket,
    session: Session,
    service: str,
    valid_from_day: str,
    commands: tuple[str, ...],
    open_hours: int,
    source: str,
    request_id: str,
) -> None:
    """Propose which COMMANDS take two people from a day on.

    COMMANDS are named like their rpcs: SetFees. Those that always take two need not be named. The rule takes the place
    of the one before.
    """
    answer = await market.service(service).set_approval_rules(
        valid_from_day, commands, open_hours, source, request_id=request_id
    )
    session.done(answer, request_id, another_approves(service, answer))

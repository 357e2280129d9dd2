"""What awaits a second person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf import descriptor_pool, message_factory
from rich.console import RenderableType

from carbonmarket.log.v1 import log_events_pb2 as log_events
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client.contracts import roles_of
from carbonmarket_client.screens.layout import Screen, card, described, words
from carbonmarket_client.values import moment

NOTHING = "Nothing awaits a second person."


def pending_screens(proposals: Mapping[str, Sequence[log.Proposal]], actor: str) -> list[RenderableType]:
    """A list of what awaits a second person, then each with what it says and what it would do. To who may not see
    proposals it says so.
    """
    nothing = NOTHING
    if actor.partition(":")[0] not in roles_of(log.ReadRequest.DESCRIPTOR.full_name):
        nothing = (
            f"{actor} sees no proposals, also where some are open: operators, auditors and the regulator see them."
        )
    known = [(f"{service}/{one.proposal_id}", one) for service, of_service in proposals.items() for one in of_service]
    columns = [words("proposal"), words("command"), words("by"), words("until (China)")]
    rows = [(number, command_of(one), one.proposer, moment(one.expires_ms)) for number, one in known]
    return [
        Screen("Awaits a second person", columns, rows, nothing),
        *(proposal_card(number, one) for number, one in known),
    ]


def proposal_card(number: str, proposal: log.Proposal) -> RenderableType:
    rows = said(proposal.type, proposal.data)
    for alike in alike_in_turn(proposal.effects):
        rows.append(("would cause", alike.name))
        rows += [(f"  {name}", value) for name, value in alike.says]
    rows.append(("may be approved by", f"{may_approve(proposal)}; another person than {proposal.proposer}"))
    return card(f"{number}: {command_of(proposal)}", rows)


def another_approves(service: str, proposed: log.ProposeCommandResponse) -> str:
    """What who proposed a command is answered."""
    number = f"{service}/{proposed.proposal_id}"
    would = [f"It would cause: {effects_line(proposed.effects)}."] if proposed.effects else []
    return " ".join(
        [f"Proposed as {number}.", *would, f"Another person approves it: carbonmarket pending approve {number}"]
    )


def effects_line(effects: Sequence[log_events.Effect]) -> str:
    return "; ".join(
        ", ".join([alike.name, *(f"{name} {value}" for name, value in alike.says)]) for alike in alike_in_turn(effects)
    )


@dataclass(slots=True)
class Alike:
    """Effects of one type, one after the other, that differ in one field at most: that one is shown from the first to
    the last.
    """

    type: str
    first: list[tuple[str, str]]
    last: list[tuple[str, str]]
    count: int = 1
    differs: str = ""

    @property
    def name(self) -> str:
        return name_of(self.type) if self.count == 1 else f"{name_of(self.type)} ({self.count:,} of them)"

    @property
    def says(self) -> list[tuple[str, str]]:
        shown = zip(self.first, self.last, strict=True)
        return [(name, value if value == last else f"{value} to {last}") for (name, value), (_, last) in shown]

    def takes(self, effect: log_events.Effect) -> bool:
        if effect.type != self.type or not effect.data:
            return False
        says = said(effect.type, effect.data)
        if [name for name, _ in says] != [name for name, _ in self.first]:
            return False
        differ = [one[0] for one, other in zip(says, self.first, strict=True) if one != other]
        if len(differ) > 1 or (self.differs and differ != [self.differs]):
            return False
        self.last, self.count, self.differs = says, self.count + 1, "".join(differ)
        return True


def alike_in_turn(effects: Sequence[log_events.Effect]) -> list[Alike]:
    found: list[Alike] = []
    for effect in effects:
        if not found or not found[-1].takes(effect):
            says = said(effect.type, effect.data)
            found.append(Alike(effect.type, says, says))
    return found


def may_approve(proposal: log.Proposal) -> str:
    """The roles that may give the command."""
    return ", ".join(roles_of(proposal.type)) or "who may give the command"


def command_of(proposal: log.Proposal) -> str:
    return name_of(proposal.type).removesuffix("Request")


def name_of(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def said(type_name: str, data: bytes) -> list[tuple[str, str]]:
    """What a command or an event says, in words; its bytes where this release does not know it."""
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(type_name)
    except KeyError:
        return [("bytes", data.hex())]
    message = message_factory.GetMessageClass(descriptor).FromString(data)
    return [(name, value) for name, value in described(message) if name != "request_id"]


def rules_screen(statuses: Mapping[str, log.GetStatusResponse]) -> Screen:
    """Which commands take two people, by service and by the day from which that is valid."""
    columns = [words("service"), words("from"), words("take two people", wraps=True), words("open"), words("source")]
    rows = []
    for service, status in statuses.items():
        rows.append((service, "always", ", ".join(status.always_two_people), "", ""))
        for rules in status.approval_rules:
            hours = f"{rules.open_hours} h"
            rows.append((service, rules.valid_from_day, ", ".join(rules.commands) or "no others", hours, rules.source))
    return Screen("Commands of two people", columns, rows)

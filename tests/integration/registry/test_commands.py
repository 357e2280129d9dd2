"""Every command of the running registry with each kind of bad input: the answer names the rule and changes nothing."""

from typing import Any

import pytest

from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from support.processes.one_service import OneService
from support.suites.commands import FORBIDDEN, INVALID, NOT_FOUND, REFUSED, Acceptance, CommandSuite, Refusal

OPERATOR = "registry_operator:ann"
HUBEI, HENAN = "province:hubei", "province:henan"
POWER, STEEL = "participant:power-0001", "participant:steel-0002"
CLOSED, HELD = "participant:closed-0004", "participant:held-0005"
CLEARING, TRADING = "service:clearing", "service:trading"
ENTITY = types.ACCOUNT_KIND_KEY_EMITTING_ENTITY


def opening(**changes: Any) -> pb.OpenAccountRequest:
    right: dict[str, Any] = {
        "account": "new-0009",
        "kind": ENTITY,
        "name": "New",
        "province": "hubei",
        "eligible_to_trade": True,
    }
    return pb.OpenAccountRequest(**(right | changes))


def change(account: str, name: str = "Other", basis: str = "licence 7") -> pb.ChangeAccountDataRequest:
    return pb.ChangeAccountDataRequest(account=account, name=name, basis=basis)


def restriction(account: str, ground: str = "risk warning") -> pb.RestrictAccountRequest:
    return pb.RestrictAccountRequest(account=account, ground=ground)


def closing(account: str, ground: str = "dissolved") -> pb.CloseAccountRequest:
    return pb.CloseAccountRequest(account=account, ground=ground)


def vintage(code: str, compliance_year: int = 2021) -> pb.CreateVintageRequest:
    return pb.CreateVintageRequest(vintage=code, compliance_year=compliance_year)


def issue(**changes: Any) -> pb.IssueAllowancesRequest:
    right: dict[str, Any] = {"vintage": "CEA", "account": "hubei", "quantity_tonnes": 5, "basis": "plan 2"}
    return pb.IssueAllowancesRequest(**(right | changes))


def allocation(**changes: Any) -> pb.AllocateAllowancesRequest:
    right: dict[str, Any] = {
        "vintage": "CEA",
        "from_account": "hubei",
        "account": "power-0001",
        "quantity_tonnes": 5,
        "basis": "list 2",
    }
    return pb.AllocateAllowancesRequest(**(right | changes))


def transfer(account: str = "power-0001", code: str = "CEA", tonnes: int = 5) -> pb.TransferToTradingRequest:
    return pb.TransferToTradingRequest(account=account, vintage=code, quantity_tonnes=tonnes)


def leg(**changes: Any) -> types.DeliveryLeg:
    right: dict[str, Any] = {
        "trade_id": 1,
        "vintage": "CEA",
        "quantity_tonnes": 5,
        "seller": "power-0001",
        "buyer": "steel-0002",
    }
    return types.DeliveryLeg(**(right | changes))


def staging(*legs: types.DeliveryLeg, **changes: Any) -> pb.StageDeliveryLegsRequest:
    right: dict[str, Any] = {"run_id": 1, "attempt": 1, "page": 1, "legs": legs}
    return pb.StageDeliveryLegsRequest(**(right | changes))


def delivery(**changes: Any) -> pb.DeliverAllowancesRequest:
    right: dict[str, Any] = {
        "run_id": 1,
        "attempt": 1,
        "day": "2021-07-16",
        "legs": 1,
        "quantity_tonnes": 5,
        "legs_digest": bytes(32),
    }
    return pb.DeliverAllowancesRequest(**(right | changes))


# Who asks for what, and how it is refused: of each command one line for each status code and for each check of who may,
# and what only the wire can get wrong. The whole of each ladder, with the field that each refusal names, is in
# tests/unit/registry.
# fmt: off
REFUSALS: list[Refusal] = [
    (OPERATOR, pb.OpenAccountRequest(),                         INVALID,   "ACCOUNT_MALFORMED"),
    (OPERATOR, opening(account="x" * 10_000),                   INVALID,   "ACCOUNT_MALFORMED"),
    (OPERATOR, opening(account="a\0b"),                         INVALID,   "TEXT_HAS_NUL"),
    (OPERATOR, opening(kind=77),                                INVALID,   "ENUM_VALUE_UNKNOWN"),
    (OPERATOR, opening(province="hunan"),                       NOT_FOUND, "PROVINCE_UNKNOWN"),
    (OPERATOR, opening(account="power-0001"),                   REFUSED,   "ACCOUNT_ALREADY_OPENED"),
    (OPERATOR, pb.ChangeAccountDataRequest(),                   INVALID,   "ACCOUNT_MALFORMED"),
    (OPERATOR, change("power-9999"),                            NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (OPERATOR, change("closed-0004"),                           REFUSED,   "ACCOUNT_CLOSED"),
    (OPERATOR, pb.RestrictAccountRequest(),                     INVALID,   "ACCOUNT_MALFORMED"),
    (OPERATOR, restriction("power-9999"),                       NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (OPERATOR, restriction("closed-0004"),                      REFUSED,   "ACCOUNT_CLOSED"),
    (OPERATOR, pb.LiftRestrictionRequest(),                     INVALID,   "ACCOUNT_MALFORMED"),
    (OPERATOR, pb.LiftRestrictionRequest(account="power-9999"), NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (OPERATOR, pb.LiftRestrictionRequest(account="power-0001"), REFUSED,   "ACCOUNT_NOT_RESTRICTED"),
    (OPERATOR, pb.CloseAccountRequest(),                        INVALID,   "ACCOUNT_MALFORMED"),
    (OPERATOR, closing("power-9999"),                           NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (OPERATOR, closing("closed-0004"),                          REFUSED,   "ACCOUNT_CLOSED"),
    (OPERATOR, pb.CreateVintageRequest(),                       INVALID,   "VINTAGE_MALFORMED"),
    (OPERATOR, vintage("CEA"),                                  REFUSED,   "VINTAGE_ALREADY_CREATED"),
    (OPERATOR, pb.IssueAllowancesRequest(),                     INVALID,   "VINTAGE_MALFORMED"),
    (OPERATOR, issue(vintage="CEA99"),                          NOT_FOUND, "VINTAGE_UNKNOWN"),
    (OPERATOR, issue(account="power-0001"),                     REFUSED,   "ACCOUNT_NOT_A_PROVINCE"),
    (HUBEI,    pb.AllocateAllowancesRequest(),                  INVALID,   "VINTAGE_MALFORMED"),
    (HUBEI,    allocation(vintage="CEA99"),                     NOT_FOUND, "VINTAGE_UNKNOWN"),
    (HENAN,    allocation(),                                    FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (HUBEI,    allocation(account="fund-0003"),                 REFUSED,   "ACCOUNT_NOT_A_KEY_EMITTING_ENTITY"),
    (POWER,    pb.TransferToTradingRequest(),                   INVALID,   "ACCOUNT_MALFORMED"),
    (POWER,    transfer(account="power-9999"),                  NOT_FOUND, "ACCOUNT_UNKNOWN"),
    (STEEL,    transfer(),                                      FORBIDDEN, "NOT_OWNER_OF_ACCOUNT"),
    (CLOSED,   transfer(account="closed-0004"),                 REFUSED,   "ACCOUNT_CLOSED"),
    (CLEARING, pb.DeliverAllowancesRequest(),                   INVALID,   "RUN_ID_OUT_OF_RANGE"),
    (CLEARING, delivery(attempt=0),                             INVALID,   "ATTEMPT_OUT_OF_RANGE"),
    (TRADING,  delivery(),                                      FORBIDDEN, "NOT_THE_CLEARING_SERVICE"),
    (CLEARING, staging(leg(), run_id=0),                        INVALID,   "RUN_ID_OUT_OF_RANGE"),
    (CLEARING, staging(leg(seller="")),                         INVALID,   "ACCOUNT_MALFORMED"),
    (CLEARING, staging(leg(), page=2),                          REFUSED,   "PAGE_OUT_OF_ORDER"),
    (TRADING,  staging(leg()),                                  FORBIDDEN, "NOT_THE_CLEARING_SERVICE"),
]
# fmt: on

# A command that is accepted, and another body, which must be refused under the same request id.
ACCEPTED: list[Acceptance] = [
    (OPERATOR, opening(account="new-0010"), opening(account="new-0011")),
    (OPERATOR, change("steel-0002", name="Steel 2"), change("steel-0002", name="Steel 3")),
    (OPERATOR, restriction("new-0010"), restriction("steel-0002")),
    (
        OPERATOR,
        pb.LiftRestrictionRequest(account="new-0010"),
        pb.LiftRestrictionRequest(account="held-0005"),
    ),
    (OPERATOR, closing("leaving-0006", ground="merged"), closing("leaving-0006", ground="dissolved")),
    (OPERATOR, vintage("CEA22", 2022), vintage("CEA22", 2023)),
    (OPERATOR, issue(quantity_tonnes=7), issue(quantity_tonnes=8)),
    (HUBEI, allocation(quantity_tonnes=7), allocation(quantity_tonnes=8)),
    (POWER, transfer(tonnes=7), transfer(tonnes=8)),
    (CLEARING, staging(leg()), staging(leg(quantity_tonnes=6))),
    (CLEARING, delivery(run_id=1), delivery(run_id=2)),
]


@pytest.fixture
def service(registry: OneService) -> OneService:
    return registry


class TestCommands(CommandSuite):
    api = pb.DESCRIPTOR
    refusals = REFUSALS
    accepted = ACCEPTED
    one_more = OPERATOR, issue(quantity_tonnes=9)
    many_by = OPERATOR
    many = (
        (opening(account="many-0001"), ""),
        (opening(account="many-0001"), "ACCOUNT_ALREADY_OPENED"),
        (transfer(), "ROLE_NOT_ALLOWED"),
        (restriction("many-0001"), ""),
    )

"""How often each action and each fault occurred, which ones never did, and how a seed that failed is played again."""

from collections import Counter
from collections.abc import Sequence

from support.days.calls import RPCS
from support.simulation.corrections import EXPIRED
from support.simulation.forks import KEPT_AWAY, RESTARTED
from support.simulation.people import KINDS
from support.simulation.weather import FAULTS

NOT_ASKED = {
    "CloseDay": "the clock closes every day before a person could",
    "DeliverAllowances": "clearing's, counted by the days that were settled",
    "StageDeliveryLegs": "clearing's, the pages of a delivery",
    "ConfirmClearingRun": "clearing's, as well",
}
"""Commands that the people of a simulation do not give, and why."""

FAULTS_SHOWN_MAX = 5

STREAMS = ("SubmitMany", "StreamMarketData")
"""Counted by the streams of commands that were answered, and by the pictures that were seen."""

CORRECTIONS = (
    "ProposeCommand",
    "ApproveProposal",
    "RejectProposal",
    "ResumeHearing",
    "DecideSetAsideAgain",
    "DropSetAside",
    "RenameOrder",
    "SetApprovalRules",
)


def commands() -> list[str]:
    """Every command of the three services that people give, their streams, and the shell's corrections."""
    has_id = [rpc.name for rpc in RPCS.values() if "request_id" in rpc.request_fields]
    return sorted({*has_id, *STREAMS, *CORRECTIONS} - NOT_ASKED.keys())


def expected() -> list[str]:
    return [*commands(), *KINDS, EXPIRED, KEPT_AWAY, RESTARTED, *FAULTS]


def missing(counts: Counter[str]) -> list[str]:
    return [name for name in expected() if not counts[name]]


def report(counts: Counter[str]) -> str:
    return "\n".join(f"{counts[name]:8} {name}" for name in expected())


def failure(seed: int, faults: Sequence[str]) -> str:
    """The report of a seed that failed, and how it is repeated."""
    shown = [f"  {fault}" for fault in faults[:FAULTS_SHOWN_MAX]]
    return "\n".join([f"seed {seed} FAILED", *shown, f"  again: {again(seed)}"])


def again(seed: int) -> str:
    """Run in the root of a clone: `make` makes the environment that scripts/simulate needs."""
    return f"make simulate SEED={seed}"

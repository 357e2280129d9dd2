"""The registry's domain, whole: the concepts' tables put together. Nothing here is due by time."""

from chassis.decider import Decider
from registry.domain import accounts, delivery, issuance, restrictions, transfers, vintages
from registry.domain.state import Registry

CONCEPTS = (accounts, restrictions, vintages, issuance, transfers, delivery)

DECIDER: Decider[Registry] = Decider(
    initial=Registry,
    decide={command: decide for concept in CONCEPTS for command, decide in concept.DECIDE.items()},
    evolve={event: evolve for concept in CONCEPTS for event, evolve in concept.EVOLVE.items()},
)

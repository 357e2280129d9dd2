"""The registry's domain, whole: the concepts' tables put together. What is due is due at once: the next page of
what was delivered, to be told."""

from chassis.core.decider import Decider, merged
from registry.domain import accounts, delivery, issuance, restrictions, staging, transfers, vintages
from registry.domain.state import Registry

DECIDER: Decider[Registry] = Decider(
    initial=Registry,
    decide=merged(
        accounts.DECIDE,
        restrictions.DECIDE,
        vintages.DECIDE,
        issuance.DECIDE,
        transfers.DECIDE,
        staging.DECIDE,
        delivery.DECIDE,
    ),
    evolve=merged(
        accounts.EVOLVE,
        restrictions.EVOLVE,
        vintages.EVOLVE,
        issuance.EVOLVE,
        transfers.EVOLVE,
        staging.EVOLVE,
        delivery.EVOLVE,
    ),
    due=delivery.due,
)

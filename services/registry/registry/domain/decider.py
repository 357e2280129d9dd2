"""The registry's domain, whole: the concepts' tables put together. A timer is due at once
while delivered legs have no record of their own yet."""

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

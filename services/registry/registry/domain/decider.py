"""The registry's domain, whole: the concepts' tables put together. Nothing here is due by time."""

from chassis.core.decider import Decider, merged
from registry.domain import accounts, delivery, issuance, restrictions, transfers, vintages
from registry.domain.state import Registry

DECIDER: Decider[Registry] = Decider(
    initial=Registry,
    decide=merged(
        accounts.DECIDE,
        restrictions.DECIDE,
        vintages.DECIDE,
        issuance.DECIDE,
        transfers.DECIDE,
        delivery.DECIDE,
    ),
    evolve=merged(
        accounts.EVOLVE,
        restrictions.EVOLVE,
        vintages.EVOLVE,
        issuance.EVOLVE,
        transfers.EVOLVE,
        delivery.EVOLVE,
    ),
)

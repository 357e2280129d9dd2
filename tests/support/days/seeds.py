"""How many seeds a run of the tests tries: few by default, as many as are asked for otherwise."""

import os

SIMULATION = "CARBONMARKET_TEST_SEEDS"
FAULT = "CARBONMARKET_TEST_FAULT_SEEDS"


def seeds(usual: int, variable: str = SIMULATION) -> range:
    """From zero to as many as the environment says, else to the usual number."""
    return range(int(os.environ.get(variable, usual)))

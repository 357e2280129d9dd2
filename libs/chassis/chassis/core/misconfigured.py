"""Why a process does not start: a setting that an operator has to change."""

from collections.abc import Sequence


class Misconfigured(Exception):
    """Settings are missing or malformed; each is listed with how to correct it."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(["the configuration has faults:", *(f"  - {fault}" for fault in faults)]))
        self.faults = tuple(faults)

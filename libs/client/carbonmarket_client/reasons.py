def how_to_mend(reason: str) -> str:
    return reason

"""Shares: a holding is split, so that a share that somebody sees tells nothing about whose it is.

The first share is a number from 1 to the whole holding, each as likely; the next one from 1 to what is left; and so on.
These are the lengths of the cycles of a random permutation. Of that split it is known that, of shares of several
holdings put together, every way to give each share to one of the holders is as likely as any other, whatever the
holdings were. (Written down, the chance of a split into given shares in a random order has a factor 1/share for each
share and no other: so it does not depend on which of them belong together.) So whoever sees shares learns their
quantities, and nothing about which of them are one holder's.

A holding of a million tonnes has some 14 shares: 0.6 and its natural logarithm.
"""

from collections.abc import Callable

SHARES_OF_HOLDING_MAX = 256
"""Of 10^15 t there are 35 on average; that there would be more than this many does not happen."""

Draw = Callable[[int], int]
"""A number from 0 up to, and without, the one given, each as likely."""


def split(quantity_tonnes: int, draw: Draw) -> list[int]:
    """Shares of at least one tonne that add up to the quantity."""
    assert quantity_tonnes >= 0
    shares: list[int] = []
    while quantity_tonnes > 0:
        share_tonnes = 1 + draw(quantity_tonnes)
        if len(shares) == SHARES_OF_HOLDING_MAX - 1:
            share_tonnes = quantity_tonnes
        shares.append(share_tonnes)
        quantity_tonnes -= share_tonnes
    return shares

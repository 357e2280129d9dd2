"""What many days give away of holdings that do not change, to whoever has the proofs of all other accounts: it is what
docs/decisions/0024 says.

They see each day's shares of the two accounts that are left. How likely these are, if one of the two has a quantity, is
proportional to the number of ways to choose shares that add up to it (test_shares.py): so they multiply these numbers.
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from registry.supply.tree import TreeOf, shares_of

PAGE = Path("docs/decisions/0024-holders-prove-what-they-hold.md")
OF = TreeOf("registry", "2021-07-16", "CEA", "trading")
TOGETHER_TONNES = 10_000
RUNS = 25
DAYS = (1, 5, 10, 20)


def shares_on(day: int, account: str, quantity_tonnes: int, run: int) -> list[int]:
    """Each day has a secret of its own."""
    secret = b"day %d of run %d" % (day, run)
    return [share.quantity_tonnes for share in shares_of(OF, secret, account, quantity_tonnes)]


def ways_to_have(shares: Sequence[int]) -> list[int]:
    """For each quantity, in how many ways some of the shares add up to it."""
    ways = [1] + [0] * TOGETHER_TONNES
    for share in shares:
        ways = ways[:share] + [without + using for without, using in zip(ways[share:], ways, strict=False)]
    return ways


def left_after(quantity_tonnes: int, run: int) -> list[int]:
    """After each of DAYS: how many quantities hold nine tenths of the probability, when all were as likely before."""
    likely, left = [1] * (TOGETHER_TONNES + 1), []
    for day in range(1, max(DAYS) + 1):
        seen = shares_on(day, "one", quantity_tonnes, run) + shares_on(
            day, "other", TOGETHER_TONNES - quantity_tonnes, run
        )
        likely = [before * ways for before, ways in zip(likely, ways_to_have(seen), strict=True)]
        assert likely[quantity_tonnes] > 0, "what is so is never ruled out"
        if day in DAYS:
            left.append(fewest_with_nine_tenths(likely))
    return left


def fewest_with_nine_tenths(likely: Sequence[int]) -> int:
    total, counted = sum(likely), 0
    for number, one in enumerate(sorted(likely, reverse=True), 1):
        counted += one
        if 10 * counted >= 9 * total:
            return number
    raise AssertionError


def test_many_days_of_holdings_that_do_not_change_give_away_what_the_page_says() -> None:
    columns = [
        [
            round(statistics.median(of_runs))
            for of_runs in zip(*(left_after(tonnes, run) for run in range(RUNS)), strict=True)
        ]
        for tonnes in (3_000, 500)
    ]
    page = PAGE.read_text()
    for days, *left in zip(DAYS, *columns, strict=True):
        assert f"| {days} | {left[0]:,} | {left[1]:,} |" in page


def test_a_split_that_is_kept_until_the_holding_changes_would_give_it_away_at_once() -> None:
    """So each day splits anew. What is gone and what is new from one day to the next are all shares of one holding."""

    def seen(one_tonnes: int) -> Counter[int]:
        of_both = shares_on(0, f"one with {one_tonnes}", one_tonnes, 0) + shares_on(0, "other", 7_000, 0)
        return Counter(of_both)

    before, after = seen(3_000), seen(3_001)
    assert sum((before - after).elements()) == 3_000 and sum((after - before).elements()) == 3_001

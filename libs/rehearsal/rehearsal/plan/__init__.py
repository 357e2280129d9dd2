"""The plan of a market played in rehearsal, made before any service is called.

`build_plan` turns the published monthly figures and a seed, or the daily rows of a file, into a `Plan`: accounts, what
each must own beforehand, and day after day the actions whose result is exactly the figures. It calls nothing, reads no
clock and uses no float.

    rows.py          daily rows of a file                  rules.py    bands, sizes, rounding
    monthly.py       published figures, trading days       generate.py daily rows from the monthly figures
    composite.py     weights of the composite, by notice   feed_errors.py figures that were published wrong
    fit.py           is a row possible, and if not why     counts.py   how many trades a row gets
    trades.py        a row's trades                        listed.py, block.py, split.py: how sums are met exactly
    participants.py  who trades with whom, in which wave   actions.py  what they do
    purses.py        what they must own beforehand         build.py    all of it in order
"""

from rehearsal.plan.actions import Action, Block, CancelListing, DayPlan, PlaceListing, Session, Side, TakeListing, Wave
from rehearsal.plan.build import Instrument, Plan, PlanRefused, build_plan
from rehearsal.plan.fit import Impossible
from rehearsal.plan.generate import NoDraft
from rehearsal.plan.monthly import DaysDiffer
from rehearsal.plan.rows import DayRow, RowError, Rows, parse_rows, read_rows

__all__ = [
    "Action",
    "Block",
    "CancelListing",
    "DayPlan",
    "DayRow",
    "DaysDiffer",
    "Impossible",
    "Instrument",
    "NoDraft",
    "PlaceListing",
    "Plan",
    "PlanRefused",
    "RowError",
    "Rows",
    "Session",
    "Side",
    "TakeListing",
    "Wave",
    "build_plan",
    "parse_rows",
    "read_rows",
]

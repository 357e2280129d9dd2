"""The client of the carbon market: registry, trading and clearing behind one object, and the `carbonmarket`
command line.
"""

from carbonmarket_client.bulk import Outcome
from carbonmarket_client.errors import (
    BeyondEnd,
    Busy,
    Failed,
    FeedBroken,
    KeptAway,
    Malformed,
    MarketError,
    NotConfigured,
    NotFound,
    NotPermitted,
    Refused,
    RequestIdReused,
    Unavailable,
    UnknownEvent,
)
from carbonmarket_client.feed import Record
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.service import pages
from carbonmarket_client.tracing import new_trace

__all__ = [
    "BeyondEnd",
    "Busy",
    "CarbonMarket",
    "Failed",
    "FeedBroken",
    "KeptAway",
    "Malformed",
    "MarketError",
    "NotConfigured",
    "NotFound",
    "NotPermitted",
    "Outcome",
    "Record",
    "Refused",
    "RequestIdReused",
    "Unavailable",
    "UnknownEvent",
    "new_trace",
    "pages",
]

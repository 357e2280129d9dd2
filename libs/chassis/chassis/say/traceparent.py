"""A W3C trace context as a string: which strings are one. Imports nothing, so that a domain may ask, too.

Only what is well-formed is recorded and handed on. Anything else is no trace: whoever sent it gets a trace of its own,
and nothing is refused, because no rule of the market looks at a trace.
"""

import re

FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""Version, trace, span, flags. A trace or span of zeros only is invalid by the standard."""


def is_well_formed(traceparent: str) -> bool:
    return FORM.fullmatch(traceparent) is not None


def well_formed(traceparent: str) -> str:
    """A trace context that came from outside, or empty where it is none."""
    return traceparent if is_well_formed(traceparent) else ""

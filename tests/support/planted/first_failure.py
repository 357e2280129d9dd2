"""A pytest plugin for runs of which only a failure is wanted: Hypothesis stops at the first example that fails, and
looks for no smaller one, which takes minutes where an example is a market's whole day.
"""

from hypothesis import Phase, settings

settings.register_profile(
    "first failure", deadline=None, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
settings.load_profile("first failure")

"""The registry's rules as pure functions. Read state.py first, then one module per concept.

accounts: which accounts exist. restrictions: which may not be used. vintages: what can be held. holdings: who has how
much of it, and that no tonne is lost or created. issuance, transfers, delivery: the ways in which a holding changes;
staging: the pages of a run before its delivery.
"""

"""The registry's rules, pure. Read state.py first, then one module per concept.

accounts: which accounts there are. restrictions: which may not be used. vintages: what can be held. holdings: who has
how much of it, and that none is ever lost or made. issuance, transfers, delivery: the ways in which a holding changes;
staging: the pages of a run that is going to be delivered.
"""

"""The registry's rules, pure. Read state.py first, then one module per concept.

accounts: who there is. restrictions: who may not use an account. vintages: what there is to hold. holdings: who has
how much of it, and that none is ever lost or made. issuance, transfers, delivery: the ways in which a holding changes.
"""

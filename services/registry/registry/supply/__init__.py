"""The supply of a day: how much there was of each vintage, and the proof for each holder that its holdings are counted
(docs/decisions/0024-holders-prove-what-they-hold.md).

`shares` splits a holding, `tree` commits to all shares of one state, `rows` says what the tables have, `kept` makes
trees of them, `stated` is what is signed, `days` states days and makes proofs when they are asked for. Nothing here is
a part of the state or runs in the writer.
"""

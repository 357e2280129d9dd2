"""The event-sourcing shell: one service is one log with one writer. It knows no domain word.

Read in this order: decider (what a domain is), record and log (what is kept), engine (a batch, as a plain function),
writer (the asyncio shell around it), then the followers: publisher, caller, hearing, projections. service puts
them together, process runs them.
"""

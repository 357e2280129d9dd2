"""What follows a log, each from a position of its own: caller, publisher, projections and timers this service's log,
hearing the logs of others.

A follower may fall behind, stop and begin again without anything being lost: what it did is derived from the log, or
comes back to it as a submission to the writer. rows is the SQL that projections insert and update by.

Imports edges, log, core and say.
"""

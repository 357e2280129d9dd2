"""The log and its one writer. Nothing else appends.

protocol is what a log is; postgres_log and memory_log keep it, under one suite of contract tests. writer takes what is
waiting, has core.engine decide it, appends it as one batch and answers after the commit; tail keeps the newest records
for those that follow. for_callers asks a caller to try again where the database gives no answer; witnesses finds out
that this log was restored older than others heard it. clocks compares the host's clock with the database's; snapshots
shorten a start; seals sign and check the heads of logs; verify checks a digest chain.

Imports core and say.
"""

"""The log and its one writer. Nothing else appends.

protocol is what a log is; postgres_log and memory_log keep it, under one suite of contract tests. writer takes what is
waiting, has core.engine decide it, appends it as one batch and answers after the commit; tail keeps the newest records
for those that follow, over progress, a position that others wait for. for_callers has a caller ask again where the
database gives no answer; retry stores again what the leader keeps beside the log. clocks compares the host's clock with
the database's; snapshots shorten a start; seals sign and check the heads of logs; forks are two heads of one position
that contradict each other; witnesses are services that know this log from before; verify checks a digest chain.

Imports core and say.
"""

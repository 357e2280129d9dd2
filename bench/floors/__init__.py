"""The floors: the same bytes through the bare library, without anything that a service does with them.

echo.py    a gRPC server that parses a request and answers it, in a process of its own
stream.py  messages of many commands to that server
append.py  records into a table that has only its key
broker.py  records to the broker and back
"""

"""The end of the connections that this process has accepted.

gRPC can end them only with CANCELLED for every call that is on its way (chassis.serving.door). A socket that is shut
down ends them as the end of the process does: what was sent before still arrives, and a call that has no answer ends
with UNAVAILABLE. No more files are opened than one: a process that has as many as it may can end its connections too.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OPEN_FILES = "/dev/fd"


def end_connections(port: int) -> None:
    """Those that were accepted at a port, and first of all the socket that listens there."""
    numbers = [int(name) for name in os.listdir(OPEN_FILES)]
    for ends in (end_listening, end_connected):
        for number in numbers:
            with suppress(OSError), socket_of(number) as found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockname()[1] == port:
                    ends(found)


@contextmanager
def socket_of(number: int) -> Iterator[socket.socket]:
    """Of an open file's number, which stays gRPC's. Raises OSError where it is another kind of file."""
    found = socket.socket(fileno=number)
    try:
        yield found
    finally:
        found.detach()


def end_listening(found: socket.socket) -> None:
    """By another file in its place: gRPC reports one that is shut down as an error."""
    if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), found.fileno(), inheritable=False)


def end_connected(found: socket.socket) -> None:
    found.shutdown(socket.SHUT_RDWR)

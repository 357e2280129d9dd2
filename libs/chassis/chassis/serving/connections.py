"""The end of the connections that this process has accepted.

gRPC can end them only with CANCELLED for every call that is on its way (chassis.serving.door). A socket that is shut
down ends them as the end of the process does: what was sent before still arrives, and a call that has no answer ends
with UNAVAILABLE.
"""

import os
import socket
from contextlib import suppress

OPEN_FILES = "/dev/fd"


def end_connections(port: int) -> None:
    """Shuts down the socket that listens at a port, first, and those that it accepted."""
    sockets = [found for name in os.listdir(OPEN_FILES) if (found := socket_at(int(name), port)) is not None]
    for one in sorted(sockets, key=is_connected):
        with one, suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def socket_at(number: int, port: int) -> socket.socket | None:
    """The socket of an open file's number, if it is one of this port."""
    try:
        same = os.dup(number)  # of its own, so that closing it leaves gRPC's open
    except OSError:
        return None
    try:
        found = socket.socket(fileno=same)
    except OSError:
        os.close(same)  # another kind of file
        return None
    if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockname()[1] == port:
        return found
    found.close()
    return None


def is_connected(one: socket.socket) -> bool:
    try:
        one.getpeername()
    except OSError:
        return False
    return True

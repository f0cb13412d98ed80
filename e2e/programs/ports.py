"""Finds open TCP ports: `python ports.py ADDRESS[=PORT,...]...` prints {address: [open ports]} as JSON.

If no ports are given, all 65535 of an address are tried. A NetworkPolicy drops packets without an answer, so each port
gets some seconds to answer, and thousands are tried at once.
"""

import errno
import json
import resource
import select
import socket
import sys
import time

SECONDS = 1


def connecting(address, port):
    """A socket that is connecting, or None if it was refused at once."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    code = connection.connect_ex((address, port))
    if code in (0, errno.EINPROGRESS):
        return connection
    connection.close()
    return None


def scan(targets):
    """The targets that accept a connection."""
    poll = select.epoll()
    waiting = {}
    for target in targets:
        if connection := connecting(*target):
            waiting[connection.fileno()] = (connection, target)
            poll.register(connection, select.EPOLLOUT)
    found = []
    deadline = time.monotonic() + SECONDS
    # Also reads the answers that arrived before the deadline while this process waited.
    while waiting and (events := poll.poll(max(0, deadline - time.monotonic()))):
        for number, _ in events:
            connection, target = waiting.pop(number)
            poll.unregister(number)
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.append(target)
            connection.close()
    for connection, _ in waiting.values():
        connection.close()
    return found


def main(arguments):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    at_once = min(hard, 16384) - 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, at_once + 64), hard))
    opened, targets = {}, []
    for argument in arguments:
        address, _, ports = argument.partition("=")
        opened[address] = []
        targets += [(address, int(port)) for port in (ports.split(",") if ports else range(1, 65536))]
    for start in range(0, len(targets), at_once):
        for address, port in scan(targets[start : start + at_once]):
            opened[address].append(port)
    print(json.dumps({address: sorted(ports) for address, ports in opened.items()}))


main(sys.argv[1:])

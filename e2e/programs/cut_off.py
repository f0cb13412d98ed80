"""Takes the node's end of a pod's network down, so that the pod falls silent: no connection of its is ever closed.

cut_off.py INDEX    of the interface, as the pod's own end names it (/sys/class/net/eth0/iflink)
"""

import fcntl
import socket
import struct
import sys

SIOCGIFNAME, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8910, 0x8913, 0x8914, 1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    name = fcntl.ioctl(any_socket, SIOCGIFNAME, struct.pack("16si20x", b"", int(sys.argv[1])))[:16]
    flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, name + bytes(24))[:18])[1]
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", name, flags & ~IFF_UP))

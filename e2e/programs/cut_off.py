"""Takes the node's end of a pod's network interface down, so that the pod's connections hang and are never closed.

cut_off.py INDEX    index of the interface, from /sys/class/net/eth0/iflink in the pod
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

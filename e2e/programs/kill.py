"""Kills the first process of a container with SIGKILL, from the node: Linux ignores the signal inside the container.

kill.py POD_UID NAME
"""

import os
import signal
import sys

uid, name = sys.argv[1:]


def text(pid, file):
    try:
        with open(f"/proc/{pid}/{file}") as content:
            return content.read()
    except OSError:  # It ended meanwhile.
        return ""


def is_wanted(pid):
    cgroup = text(pid, "cgroup")
    ids = [line.split()[1:] for line in text(pid, "status").splitlines() if line.startswith("NSpid:")]
    first = ids and len(ids[0]) > 1 and ids[0][-1] == "1"
    return (uid in cgroup or uid.replace("-", "_") in cgroup) and first and text(pid, "comm").strip() == name


found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_wanted(pid)]
assert len(found) == 1, f"{name} of pod {uid}: found {found}"
os.kill(found[0], signal.SIGKILL)

"""How full the spool is: the volume that holds artifacts while they pass the server.

The kubelet evicts a pod whose volume is above its limit, and measures with a lag.
"""

import os
import stat

from prometheus_client import Gauge

MOST_FILES = 10_000  # A walk stops after so many names: the number is then too low, and the server goes on.

used = Gauge("mlflow_spool_bytes", "Space in use on the volume of the spool.", multiprocess_mode="mostrecent")
limit = Gauge("mlflow_spool_limit_bytes", "Space that the spool may use.", multiprocess_mode="mostrecent")


def bytes_in(folder, most=MOST_FILES):
    """Of all files below a folder, without following links. What disappears meanwhile does not count."""
    total, names, folders = 0, 0, [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    names += 1
                    if names > most:
                        return total
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    total += status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.path)
        except OSError:
            continue
    return total


def measure(environment=os.environ):
    """The spool is a folder of its volume, and the limit is that of the volume."""
    spool, most = environment.get("SPOOL_DIRECTORY"), environment.get("SPOOL_LIMIT_BYTES")
    if spool and most:
        used.set(bytes_in(os.path.dirname(spool)))
        limit.set(int(most))

"""What is mounted from a ConfigMap can be what was there before the Job: the kubelet mounts what it saw last."""

import os
import sys
import time

PATIENCE = 120  # Seconds, within which the kubelet brings it up to date.


def wait_for(is_current):
    """Waits until it is, and begins anew then; returns if it is from the start, or not in time."""
    if is_current():
        return
    print("The mounted files are not those of this Job: waiting for the kubelet, which may be behind.", flush=True)
    deadline = time.monotonic() + float(os.environ.get("MOUNT_WAIT_SECONDS", PATIENCE))
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if is_current():
            # With the programs that were mounted together with it.
            os.execv(sys.executable, [sys.executable, *sys.argv])

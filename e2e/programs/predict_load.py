"""predict_load.py URL QUESTION SECONDS [PAUSE]: sends requests until /tmp/stop exists; prints the answers as JSON.

PAUSE is the seconds between two requests of a thread, 0.02 by default.
One thread keeps its connection, the other opens one for each request.
"""

import collections
import json
import os
import sys
import threading
import time

import requests

url, question, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0.02
counts = collections.Counter()
failures = []
lock = threading.Lock()
end = time.monotonic() + seconds


def ask(session):
    while time.monotonic() < end and not os.path.exists("/tmp/stop"):
        client = session or requests
        try:
            answer = client.post(url, data=question, headers={"content-type": "application/json"}, timeout=60)
            said = answer.text if answer.status_code == 200 else None
            fault = None if said else f"{answer.status_code}: {answer.text[:200]}"
        except requests.RequestException as error:
            said, fault = None, f"{type(error).__name__}: {error}"
        with lock:
            counts[said or "failed"] += 1
            if fault:
                failures.append(f"{time.time():.1f} {'kept' if session else 'new'} connection, {fault}")
        time.sleep(pause)


if os.path.exists("/tmp/stop"):
    os.remove("/tmp/stop")
threads = [threading.Thread(target=ask, args=(session,)) for session in (requests.Session(), None)]
print("asking", flush=True)
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"counts": counts, "failures": failures[:20]}))

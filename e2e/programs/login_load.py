"""Requests a second of several logins, by turns. Argument: {"kind": {"server": "host:port", "headers": {…}}} as JSON.

Prints {"kind": {"rate": …, "p99": …}}: the median of the rounds, in requests a second and milliseconds."""

import http.client
import json
import statistics
import sys
import threading
import time

PATH = "/api/2.0/mlflow/experiments/get?experiment_id=0"
ROUNDS, THREADS, REQUESTS = 5, 8, 40


def load(kind, times):
    connection = http.client.HTTPConnection(kind["server"], timeout=60)
    for _ in range(REQUESTS):
        began = time.monotonic()
        connection.request("GET", PATH, headers=kind["headers"])
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times.append(time.monotonic() - began)
    connection.close()


def round_of(kind):
    times = []
    threads = [threading.Thread(target=load, args=(kind, times)) for _ in range(THREADS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    assert len(times) == THREADS * REQUESTS, len(times)
    return len(times) / took, sorted(times)[int(len(times) * 0.99)] * 1000


kinds = json.loads(sys.argv[1])
found = {kind: [] for kind in kinds}
for number in range(ROUNDS + 1):
    for kind, asked in kinds.items():
        result = round_of(asked)
        # The first round opens connections and fills caches.
        if number:
            found[kind].append(result)
print(json.dumps({
    kind: {"rate": round(statistics.median(rate for rate, _ in all)), "p99": round(statistics.median(p for _, p in all))}
    for kind, all in found.items()
}))

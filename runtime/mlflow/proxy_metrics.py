"""Counts the requests of the proxy beside MLflow, which sends a short line about each by UDP.

nginx does not wait, and a line that is not read in time is lost: the counts may be too low on an overloaded server,
and are never too high. Lines of another form are ignored. The counts are in the files of MLflow's exporter, so
/metrics has them. Of several processes one has the port, and another takes it over when that one ends.
"""

import re
import socket
import sys
import threading
import time

import spool_metrics
from prometheus_client import Counter, Histogram

PORT = 5001  # REQUEST_LINES_PORT of lib/nginx/request-lines.ts
LONGEST_LINE = 256
RETRY_SECONDS = 5
MEASURE_SECONDS = 5

# Every value that a label can have, so that a client cannot add one.
ROUTES = ("api", "artifacts", "gateway", "health", "login", "other", "paused", "traces", "ui")
# 501: the proxy does not offer signed URLs, which MLflow's client asks for and then does without.
STATUSES = ("2xx", "3xx", "4xx", "5xx", "501")
CREDENTIALS = ("password", "token", "session")
OUTCOMES = ("accepted", "refused", "limited", "forbidden")
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60, 300)

LINE = re.compile(
    rb"<\d{1,3}>[^<>]{15} proxy: ([a-z]{1,10}) (\d{3}) (\d{1,9}\.\d{3}) ([a-z]{1,10}|-) ([a-z]{1,10}|-)\n?"
)

requests = Counter("mlflow_proxy_requests", "Requests that the proxy answered.", ["route", "status"])
durations = Histogram(
    "mlflow_proxy_request_duration_seconds",
    "From the first byte of a request to the last one of its answer.",
    ["route"],
    buckets=BUCKETS,
)
logins = Counter("mlflow_proxy_logins", "Requests with a login, by its outcome.", ["credential", "outcome"])


def count(line):
    """Counts one line, and tells whether it is one."""
    found = LINE.fullmatch(line)
    if not found:
        return False
    route, status, duration, credential, outcome = (part.decode("ascii") for part in found.groups())
    if status != "501":
        status = f"{status[0]}xx"
    # nginx logs 000 if a client is gone before an answer.
    if route not in ROUTES or status not in STATUSES:
        return False
    requests.labels(route, status).inc()
    durations.labels(route).observe(float(duration))
    if credential in CREDENTIALS and outcome in OUTCOMES:
        logins.labels(credential, outcome).inc()
    return True


def start_at_zero():
    """A counter that begins with its first event has no rate of that event."""
    for route in ROUTES:
        durations.labels(route)
        for status in STATUSES:
            requests.labels(route, status)
    for credential in CREDENTIALS:
        for outcome in OUTCOMES:
            logins.labels(credential, outcome)


def bound(port):
    """The socket, as soon as no other process has the port."""
    while True:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.bind(("127.0.0.1", port))
            return listener
        except OSError:
            listener.close()
            time.sleep(RETRY_SECONDS)


def listen(port=PORT):
    listener = bound(port)
    listener.settimeout(MEASURE_SECONDS)
    measured = float("-inf")
    failing = False
    while True:
        try:
            if time.monotonic() - measured >= MEASURE_SECONDS:
                measured = time.monotonic()
                spool_metrics.measure()
            try:
                count(listener.recv(LONGEST_LINE))
            except TimeoutError:
                pass
            failing = False
        except Exception as error:
            # Metrics are no reason to end a server: e.g. the volume of their files is full.
            if not failing:
                print(f"proxy_metrics.py: cannot count: {error!r}", file=sys.stderr, flush=True)
            failing = True
            time.sleep(1)


def start(port=PORT):
    start_at_zero()
    threading.Thread(target=listen, args=[port], name="proxy-metrics", daemon=True).start()

"""Clients that send requests without pause until the file /tmp/stop exists; prints the failures as JSON.

Half of them are MLflow's own client with its default retries, half retry nothing over a kept connection. The server and
the login come from MLFLOW_TRACKING_URI, …_USERNAME, …_PASSWORD. rollout_clients.py SECONDS ends after SECONDS at most.
"""

import json
import os
import sys
import threading
import time

import requests
from mlflow.tracking import MlflowClient

CLIENTS, PAUSE = 4, 0.05
end = time.time() + float(sys.argv[1])
uri = os.environ["MLFLOW_TRACKING_URI"]
user = os.environ.get("MLFLOW_TRACKING_USERNAME")
login = (user, os.environ["MLFLOW_TRACKING_PASSWORD"]) if user else None
counts = {"retrying": [0, 0], "plain": [0, 0]}
lock = threading.Lock()


def ask_retrying():
    client = MlflowClient()
    return lambda: client.get_experiment("0")


def ask_plain():
    session = requests.Session()
    url = f"{uri}/api/2.0/mlflow/experiments/get?experiment_id=0"
    return lambda: session.get(url, auth=login, timeout=30).raise_for_status()


def loop(kind, ask):
    while time.time() < end and not os.path.exists("/tmp/stop"):
        failed = 0
        try:
            ask()
        except Exception as error:
            failed = 1
            print(f"{kind}: {type(error).__name__}", file=sys.stderr)
        with lock:
            counts[kind][0] += 1
            counts[kind][1] += failed
        time.sleep(PAUSE)


threads = [threading.Thread(target=loop, args=("retrying", ask_retrying())) for _ in range(CLIENTS)]
threads += [threading.Thread(target=loop, args=("plain", ask_plain())) for _ in range(CLIENTS)]
for thread in threads:
    thread.start()
print("asking", file=sys.stderr)
for thread in threads:
    thread.join()
print(json.dumps({kind: {"requests": asked, "failures": failed} for kind, (asked, failed) in counts.items()}))

"""client_mix.py KIND COUNT: makes calls of one kind with MLflow's own client, and prints their durations as JSON.

The server and the login come from the environment. Each kind is what a person or a training process does at once.
"""

import json
import os
import sys
import tempfile
import time

import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

kind, count = sys.argv[1], int(sys.argv[2])
client = MlflowClient()
server = os.environ["MLFLOW_TRACKING_URI"]
session = requests.Session()
session.auth = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
found = client.get_experiment_by_name("capacity")
experiment = found.experiment_id if found else client.create_experiment("capacity")
folder = tempfile.mkdtemp()


def new_run():
    return client.create_run(experiment).info.run_id


def metrics(number):
    now = int(time.time() * 1000)
    return [Metric("loss", step * 0.5, now, step) for step in range(number)]


def ask(path, body=None):
    answer = session.request("POST" if body else "GET", server + path, json=body, timeout=60)
    answer.raise_for_status()
    answer.content


run_id = new_run()
file = os.path.join(folder, "weights.bin")
with open(file, "wb") as opened:
    opened.write(os.urandom(10 * 1024 * 1024))
if kind == "download 10 MiB":
    client.log_artifact(run_id, file)

kinds = {
    "start and end a run": lambda: client.set_terminated(new_run()),
    "log 20 parameters at once": lambda: client.log_batch(new_run(), params=[Param(f"p{i}", str(i)) for i in range(20)]),
    "log one metric": lambda: client.log_metric(run_id, "accuracy", 0.5, step=1),
    "log 1,000 metrics at once": lambda: client.log_batch(new_run(), metrics=metrics(1000)),
    "list 100 runs": lambda: ask(
        "/api/2.0/mlflow/runs/search", {"experiment_ids": [experiment], "max_results": 100, "order_by": ["start_time DESC"]}
    ),
    "look at a run": lambda: ask(f"/api/2.0/mlflow/runs/get?run_id={run_id}"),
    "list models": lambda: ask("/api/2.0/mlflow/registered-models/search?max_results=100"),
    "the page of the UI": lambda: ask("/"),
    "upload 10 MiB": lambda: client.log_artifact(run_id, file),
    "download 10 MiB": lambda: client.download_artifacts(run_id, "weights.bin", folder),
}
call = kinds[kind]
call()
durations = []
for _ in range(count):
    start = time.perf_counter()
    call()
    durations.append(time.perf_counter() - start)
print(json.dumps({"durations": durations}))

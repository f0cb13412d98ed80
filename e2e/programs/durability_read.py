"""Reads back, through the proxy, everything that was acknowledged according to the RECORD of durability_write.py.

durability_read.py RECORD

Prints as JSON how many of each kind were acknowledged, and what is missing or different.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import sys
import tempfile

from mlflow import MlflowClient

# No faults any more: report what is missing at once, not after minutes of retries.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"

client = MlflowClient()
acknowledged = collections.defaultdict(list)
for line in open(sys.argv[1]):
    entry = json.loads(line)
    if "done" in entry:
        acknowledged[entry["run"]].append(entry)


def compare(run_id):
    """What was acknowledged of this run and is missing."""
    try:
        run = client.get_run(run_id)
        history = {(metric.step, metric.value) for metric in client.get_metric_history(run_id, "m")}
    except Exception as error:
        return [f"run {run_id}: {error}"]
    there = {
        "run": lambda entry: run.info.run_name == entry["name"],
        "param": lambda entry: run.data.params.get(entry["key"]) == entry["value"],
        "metric": lambda entry: (entry["step"], float(entry["value"])) in history,
        "artifact": lambda entry: checksum(run_id, entry["path"]) == entry["checksum"],
        "end": lambda entry: run.info.status == "FINISHED",
    }
    return [json.dumps(entry) for entry in acknowledged[run_id] if not there[entry["done"]](entry)]


def checksum(run_id, path):
    with tempfile.TemporaryDirectory() as folder:
        try:
            name = client.download_artifacts(run_id, path, folder)
        except Exception as error:
            return f"{error}"
        with open(name, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    missing = [line for lines in pool.map(compare, list(acknowledged)) for line in lines]
counts = collections.Counter(entry["done"] for entries in acknowledged.values() for entry in entries)
print(json.dumps({"acknowledged": counts, "missing": missing}))

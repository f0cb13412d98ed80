"""Writes metrics and traces from many threads at once without retries, and with MLflow's own client in the background.

parallel_writers.py WRITERS

Prints as JSON the number of calls, the answers other than 200, what is stored, and how long the calls took.
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import mlflow
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# Standard output must have only the report.
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

WRITERS = int(sys.argv[1])
CALLS, METRICS, STEPS = 3, 20, 50
SERVER = os.environ["MLFLOW_TRACKING_URI"]
LOGIN = base64.b64encode(
    f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}".encode()
).decode()


def post(path, body, headers):
    headers = {"Authorization": f"Basic {LOGIN}", **headers}
    began = time.monotonic()
    try:
        with urllib.request.urlopen(urllib.request.Request(SERVER + path, body, headers), timeout=150) as response:
            response.read()
            status = response.status
    except urllib.error.HTTPError as error:
        status = f"{error.code} {error.read()[:200]}"
    except OSError as error:
        status = repr(error)
    return status, time.monotonic() - began


def write(run):
    # With the tag mlflow.runName one call holds four connections at once.
    tags = [{"key": "mlflow.runName", "value": "again"}]
    answers = []
    for step in range(CALLS):
        metrics = [{"key": f"m{i}", "value": i, "timestamp": step, "step": step} for i in range(METRICS)]
        body = json.dumps({"run_id": run, "metrics": metrics, "params": [], "tags": tags}).encode()
        answers.append(post("/api/2.0/mlflow/runs/log-batch", body, {"Content-Type": "application/json"}))
    return answers


def trace(number):
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = os.urandom(16), os.urandom(8), f"step {number}"
    span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + 10**6
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    return [post("/v1/traces", request.SerializeToString(), headers)]


def log_in_the_background(run):
    with mlflow.start_run(run_id=run):
        for step in range(STEPS):
            mlflow.log_metrics({f"m{i}": i for i in range(METRICS)}, step=step, synchronous=False)
        mlflow.flush_async_logging()
    return []


client = mlflow.MlflowClient()
experiment = client.create_experiment(f"writers {time.time()}")
runs = [client.create_run(experiment).info.run_id for _ in range(WRITERS)]
background = client.create_run(experiment).info.run_id
with ThreadPoolExecutor(2 * WRITERS + 1) as pool:
    futures = [pool.submit(log_in_the_background, background)]
    futures += [pool.submit(write, run) for run in runs]
    futures += [pool.submit(trace, number) for number in range(WRITERS)]
    answers = [answer for future in futures for answer in future.result()]

steps = lambda run, key: len(client.get_metric_history(run, key))
seconds = sorted(seconds for _, seconds in answers)
json.dump(
    {
        "calls": len(answers),
        "refused": Counter(str(status) for status, _ in answers if status != 200),
        "stored": sum(steps(run, f"m{METRICS - 1}") for run in runs),
        "storedInTheBackground": min(steps(background, key) for key in ("m0", f"m{METRICS - 1}")),
        "traces": len(client.search_traces([experiment], max_results=500)),
        "p99": round(seconds[int(len(seconds) * 0.99)], 2),
        "longest": round(seconds[-1], 2),
    },
    sys.stdout,
)

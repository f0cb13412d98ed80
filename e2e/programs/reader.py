"""Reads with the retries that MLflow's own client has by default, without pause until the file STOP appears.

reader.py STOP      creates the file `begun` after the first reads. Prints JSON: how often each kind was read, what
                    failed, and an entry each time that another version answers (in seconds since 1970)
The server, the user and the password come from the environment (MLFLOW_TRACKING_URI, …_USERNAME, …_PASSWORD).
"""

import json
import os
import sys
import tempfile
import time

import mlflow
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

LIMIT_SECONDS = 1800
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
stop = sys.argv[1]
client = mlflow.MlflowClient()
versions, counts, failed = [], {}, []


def version():
    asked = time.time()
    answer = http_request(get_default_host_creds(mlflow.get_tracking_uri()), "/version", "GET")
    answer.raise_for_status()
    if not versions or versions[-1]["version"] != answer.text:
        versions.append({"version": answer.text, "asked": asked, "answered": time.time()})


def experiment_and_runs():
    experiment = client.search_experiments(filter_string="name LIKE 'churn%'")[0]
    runs = client.search_runs([experiment.experiment_id], max_results=5)
    assert len(runs) == 5, runs
    assert client.get_metric_history(runs[0].info.run_id, "loss")


def model():
    found = client.get_model_version_by_alias("model-1", "champion")
    assert found.version == "2", found
    return found


def artifact():
    with tempfile.TemporaryDirectory() as place:
        with open(client.download_artifacts(model().run_id, "files/about.json", place)) as file:
            assert json.load(file) == {"index": 1}


end = time.monotonic() + LIMIT_SECONDS
told = False
while not told and time.monotonic() < end:
    # One more round after STOP, so that the last round begins after it.
    told = os.path.exists(stop)
    for read in (version, experiment_and_runs, model, artifact):
        try:
            read()
            counts[read.__name__] = counts.get(read.__name__, 0) + 1
        except Exception as error:
            failed.append({"at": time.time(), "what": read.__name__, "error": f"{type(error).__name__}: {error}"[:500]})
            time.sleep(1)
    time.sleep(0.05)
    open("begun", "a").close()
print(json.dumps({"counts": counts, "failed": failed, "versions": versions}))

"""What a member of a team does. It prints a line of JSON.

train SLOPE         trains and registers the model 'churn'
look OTHER RUN FILE tries to read what another team has: its workspace, the id of a run, the path of a file of that run
"""

import json
import logging
import os
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable()
import mlflow
import numpy
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

QUESTION = [[10.0], [-3.5]]
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def train(slope):
    x = numpy.array([[0.0], [1.0], [2.0]])
    model = LinearRegression().fit(x, (x * slope).ravel())
    mlflow.set_experiment(f"of {os.environ['MLFLOW_WORKSPACE']}")
    with mlflow.start_run() as run:
        mlflow.log_text("ours", "notes.txt")
        mlflow.sklearn.log_model(model, name="model", registered_model_name="churn", serialization_format="cloudpickle")
    path = run.info.artifact_uri.removeprefix("mlflow-artifacts:/").strip("/")
    return {"run": run.info.run_id, "file": f"{path}/notes.txt", "predictions": model.predict(QUESTION).tolist()}


def outcome(call):
    try:
        call()
    except MlflowException as error:
        return error.error_code
    return "done"


def status(workspace, path):
    with open(TOKEN) as token:
        headers = {"Authorization": f"Bearer {token.read()}", "X-MLFLOW-WORKSPACE": workspace}
    return requests.get(f"{os.environ['MLFLOW_TRACKING_URI']}{path}", headers=headers, timeout=60).status_code


def look(other, run, file):
    own, client = os.environ["MLFLOW_WORKSPACE"], MlflowClient()
    found = {
        "experiments": [each.name for each in client.search_experiments()],
        "models": [(each.name, each.aliases) for each in client.search_registered_models()],
        "notes": mlflow.artifacts.load_text(f"{client.search_runs([client.get_experiment_by_name(f'of {own}').experiment_id])[0].info.artifact_uri}/notes.txt"),
        "their run": outcome(lambda: client.get_run(run)),
        "their run, deleted": outcome(lambda: client.delete_run(run)),
        "their file": status(own, f"/api/2.0/mlflow-artifacts/artifacts/{file}") < 400,
        "their run's file": status(own, f"/get-artifact?path=notes.txt&run_uuid={run}") < 400,
    }
    for workspace in (other, "default", "unknown"):
        found[workspace] = [
            status(workspace, f"/api/2.0/mlflow/{path}")
            for path in ("experiments/search?max_results=9", "registered-models/search", f"runs/get?run_id={run}")
        ] + [status(workspace, f"/api/2.0/mlflow-artifacts/artifacts/{file}")]
    return found


what, *arguments = sys.argv[1:]
print(json.dumps(train(float(arguments[0])) if what == "train" else look(*arguments)))

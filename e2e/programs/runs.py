"""Logs a run with a parameter, a metric and an artifact, or checks that a run has all of them.

runs.py log TEXT        prints the run's id
runs.py read TEXT ID    fails unless the run ID has what `log TEXT` wrote

The server, the user and the password come from the environment (MLFLOW_TRACKING_URI, …_USERNAME, …_PASSWORD).
"""

import sys

import mlflow

EXPERIMENT = "clean"


def log(text):
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        mlflow.log_param("text", text)
        mlflow.log_metric("length", len(text))
        mlflow.log_text(text, "folder/text.txt")
    print(run.info.run_id)


def read(text, run_id):
    run = mlflow.get_run(run_id)
    assert run.info.status == "FINISHED", run.info
    assert run.data.params == {"text": text}, run.data
    assert run.data.metrics == {"length": len(text)}, run.data
    found = mlflow.artifacts.load_text(f"runs:/{run_id}/folder/text.txt")
    assert found == text, found


{"log": log, "read": read}[sys.argv[1]](*sys.argv[2:])

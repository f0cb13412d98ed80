"""Logs three runs with a file each, registers the model of one, deletes all three, and prints their ids as JSON."""

import json

import mlflow
from mlflow import MlflowClient

client = MlflowClient()
experiment = mlflow.set_experiment("cleaned").experiment_id
ids = {}
for name in ("old", "new", "used"):
    with mlflow.start_run(experiment_id=experiment, run_name=name) as run:
        mlflow.log_text(f"the file of {name}", "model/file.txt")
        ids[name] = run.info.run_id
client.create_registered_model("churn")
uri = client.get_run(ids["used"]).info.artifact_uri
client.create_model_version("churn", f"{uri}/model", ids["used"])
for id in ids.values():
    client.delete_run(id)
print(json.dumps(ids))

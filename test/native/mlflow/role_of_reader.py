"""Reads with the login of a reader what the trainer wrote: prints as JSON the code of each call that it may not make."""

import json

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient()
experiment = mlflow.get_experiment_by_name("of a trainer")
runs = mlflow.search_runs([experiment.experiment_id], output_format="list")
assert len(runs) == 1
run = client.get_run(runs[0].info.run_id)
assert client.get_metric_history(run.info.run_id, "loss")
assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/folder/text.txt") == "text"
model = client.get_registered_model("by-trainer")
assert client.search_registered_models() and client.search_model_versions("name = 'by-trainer'")
assert client.search_logged_models([experiment.experiment_id])
version = model.latest_versions[0].version
mlflow.pyfunc.load_model(f"models:/by-trainer/{version}")
trace = mlflow.search_traces([experiment.experiment_id], return_type="list")[0]
assert mlflow.get_trace(trace.info.trace_id).data.spans
assert mlflow.genai.datasets.search_datasets(experiment_ids=[experiment.experiment_id])
assert mlflow.genai.load_prompt("prompts:/by-trainer-prompt/1").template

refused = {}
for name, call in {
    "create_experiment": lambda: client.create_experiment("of a reader"),
    "create_run": lambda: client.create_run(experiment.experiment_id),
    "log_metric": lambda: client.log_metric(run.info.run_id, "loss", 0),
    "set_tag": lambda: client.set_tag(run.info.run_id, "a", "b"),
    "log_text": lambda: client.log_text(run.info.run_id, "x", "folder/text.txt"),
    "create_version": lambda: client.create_model_version("by-trainer", f"runs:/{run.info.run_id}/model"),
    "set_version_tag": lambda: client.set_model_version_tag("by-trainer", version, "a", "b"),
    "set_trace_tag": lambda: mlflow.set_trace_tag(trace.info.trace_id, "a", "b"),
}.items():
    try:
        call()
    except MlflowException as error:
        refused[name] = error.error_code
    except Exception as error:  # The client raises the error of its HTTP library for files.
        refused[name] = str(error.response.status_code)
print(json.dumps(refused))

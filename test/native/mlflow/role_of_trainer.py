"""A training with the login of a trainer: prints as JSON the code of each call that it may not make."""

import json
import tempfile
from pathlib import Path

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

client = MlflowClient()
experiment = mlflow.set_experiment("of a trainer")
mlflow.set_experiment_tag("team", "a")
x, y = numpy.array([[1.0], [2.0], [3.0]]), numpy.array([1.0, 2.0, 3.0])

mlflow.sklearn.autolog(log_datasets=True, serialization_format="cloudpickle")
with mlflow.start_run() as run:
    LinearRegression().fit(x, y)
    mlflow.log_metrics({"loss": 1.0, "accuracy": 0.5}, step=1)
    mlflow.log_metric("loss", 0.5, step=2)
    mlflow.log_param("p", 1)
    mlflow.set_tag("stage", "done")
    mlflow.log_text("text", "folder/text.txt")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "file").write_text("x")
        mlflow.log_artifacts(folder, "files")
    mlflow.log_input(mlflow.data.from_numpy(x, targets=y), context="training")
    model = mlflow.sklearn.log_model(
        LinearRegression().fit(x, y), name="model", registered_model_name="by-trainer",
        serialization_format="cloudpickle", params={"alpha": "1"},
    )
version = client.search_model_versions("name = 'by-trainer'")[0].version
client.update_model_version("by-trainer", version, "made by a trainer")
client.set_model_version_tag("by-trainer", version, "validated", "true")
mlflow.set_logged_model_tags(model.model_id, {"size": "small"})
assert mlflow.pyfunc.load_model(f"models:/by-trainer/{version}").predict(x).shape == (3,)
assert client.get_metric_history(run.info.run_id, "loss")
assert client.list_artifacts(run.info.run_id)
assert len(mlflow.search_runs()) > 0


@mlflow.trace
def answer(question):
    return question.upper()


answer("why?")
mlflow.flush_trace_async_logging()
trace = mlflow.search_traces(return_type="list")[0]
mlflow.set_trace_tag(trace.info.trace_id, "seen", "true")
mlflow.log_feedback(trace_id=trace.info.trace_id, name="good", value=True)
assert mlflow.get_trace(trace.info.trace_id).data.spans
dataset = mlflow.genai.datasets.create_dataset(name="of-a-trainer", experiment_id=experiment.experiment_id)
dataset.merge_records([{"inputs": {"question": "why?"}}])
assert len(mlflow.genai.datasets.get_dataset(dataset_id=dataset.dataset_id).to_df()) == 1
prompt = mlflow.genai.register_prompt("by-trainer-prompt", "Say {{word}}")
assert mlflow.genai.load_prompt(f"prompts:/by-trainer-prompt/{prompt.version}").template == "Say {{word}}"

refused = {}
for name, call in {
    "delete_experiment": lambda: client.delete_experiment(experiment.experiment_id),
    "rename_experiment": lambda: client.rename_experiment(experiment.experiment_id, "other"),
    "delete_run": lambda: client.delete_run(run.info.run_id),
    "set_alias": lambda: client.set_registered_model_alias("by-trainer", "champion", version),
    "delete_version": lambda: client.delete_model_version("by-trainer", version),
    "delete_model": lambda: client.delete_registered_model("by-trainer"),
    "delete_traces": lambda: client.delete_traces(experiment.experiment_id, trace_ids=[trace.info.trace_id]),
    "create_webhook": lambda: client.create_webhook("hook", "https://example.com", ["registered_model.created"]),
}.items():
    try:
        call()
    except MlflowException as error:
        refused[name] = error.error_code
print(json.dumps(refused))

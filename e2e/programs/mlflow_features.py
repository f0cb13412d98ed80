"""Uses each of MLflow's features once, with MLflow's own client, and reads back what it wrote.

`python mlflow_features.py` prints as JSON which features work. It exits with the error of the first that does not.

The server, the user and the password come from the environment (MLFLOW_TRACKING_URI, …_USERNAME, …_PASSWORD).
"""

import contextlib
import gzip
import json
import os
import sys
import time
import uuid

import mlflow
import pandas
import requests
from mlflow.genai import scorer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

UNIQUE = uuid.uuid4().hex[:8]
EXPERIMENT = f"features-{UNIQUE}"
client = mlflow.MlflowClient()


def prompts():
    name = f"prompt-{UNIQUE}"
    first = mlflow.genai.register_prompt(name, "Say {{ what }}.", commit_message="first", tags={"task": "say"})
    second = mlflow.genai.register_prompt(
        name, [{"role": "system", "content": "Be {{ how }}."}, {"role": "user", "content": "{{ what }}"}]
    )
    assert (first.version, second.version) == (1, 2), (first, second)
    mlflow.genai.set_prompt_alias(name, alias="champion", version=1)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@champion").format(what="yes") == "Say yes."
    assert len(mlflow.genai.load_prompt(f"prompts:/{name}/2").template) == 2
    mlflow.genai.set_prompt_tag(name, "team", "ml")
    mlflow.genai.set_prompt_version_tag(name, 2, "state", "draft")
    assert client.get_prompt(name).tags["team"] == "ml"
    assert mlflow.genai.load_prompt(name, version=2).tags["state"] == "draft"
    assert [found.name for found in mlflow.genai.search_prompts(f"name = '{name}'")] == [name]
    mlflow.genai.delete_prompt_alias(name, "champion")
    assert mlflow.genai.load_prompt(f"prompts:/{name}@champion", allow_missing=True) is None


def traces():
    with mlflow.start_span("outer", attributes={"color": "red"}) as outer:
        outer.set_inputs({"question": "what?"})
        with mlflow.start_span("inner", span_type="LLM") as inner:
            inner.set_outputs("this")
        outer.set_outputs({"answer": "this"})
    mlflow.flush_trace_async_logging()
    trace_id = outer.trace_id
    mlflow.set_trace_tag(trace_id, "stage", "test")
    feedback = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, rationale="it is")
    mlflow.log_expectation(trace_id=trace_id, name="answer", value="this")
    mlflow.override_feedback(trace_id=trace_id, assessment_id=feedback.assessment_id, value=False)
    trace = mlflow.get_trace(trace_id)
    assert [span.name for span in trace.data.spans] == ["outer", "inner"], trace
    assert trace.data.spans[0].inputs == {"question": "what?"}
    assert trace.info.tags["stage"] == "test"
    values = {(each.name, each.value) for each in trace.info.assessments if each.valid is not False}
    assert values == {("good", False), ("answer", "this")}, values
    found = mlflow.search_traces(filter_string="tags.stage = 'test'", return_type="list")
    assert [each.info.trace_id for each in found] == [trace_id], found
    assert client.delete_traces(trace.info.experiment_id, trace_ids=[trace_id]) == 1


def otlp():
    """Traces as an OpenTelemetry exporter sends them, plain and compressed."""
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    login = (os.environ.get("MLFLOW_TRACKING_USERNAME", ""), os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    for encoding, pack in ({}, bytes), ({"Content-Encoding": "gzip"}, gzip.compress):
        message, trace_id = ExportTraceServiceRequest(), os.urandom(16)
        span = message.resource_spans.add().scope_spans.add().spans.add()
        span.name, span.trace_id, span.span_id = "exported", trace_id, os.urandom(8)
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1000
        answer = requests.post(
            mlflow.get_tracking_uri() + "/v1/traces", data=pack(message.SerializeToString()), auth=login,
            headers={**headers, **encoding}, timeout=60,
        )
        assert answer.status_code == 200, (encoding, answer.status_code, answer.text)
        trace = mlflow.get_trace(f"tr-{trace_id.hex()}")
        assert [span.name for span in trace.data.spans] == ["exported"], (encoding, trace)


def datasets():
    name = f"dataset-{UNIQUE}"
    dataset = mlflow.genai.datasets.create_dataset(name=name, experiment_id=[experiment], tags={"kind": "test"})
    dataset.merge_records([
        {"inputs": {"question": f"question {i}"}, "expectations": {"answer": str(i)}} for i in range(20)
    ])
    found = mlflow.genai.datasets.get_dataset(dataset_id=dataset.dataset_id)
    assert len(found.to_df()) == 20
    mlflow.genai.datasets.set_dataset_tags(dataset_id=dataset.dataset_id, tags={"kind": "other"})
    listed = mlflow.genai.datasets.search_datasets(experiment_ids=[experiment], filter_string=f"name = '{name}'")
    assert [each.tags["kind"] for each in listed] == ["other"], listed
    mlflow.genai.datasets.delete_dataset(dataset_id=dataset.dataset_id)


def evaluations():
    @scorer
    def is_right(outputs, expectations):
        return outputs == expectations["answer"]

    data = [{"inputs": {"number": i}, "expectations": {"answer": str(i * 2)}} for i in range(4)]
    result = mlflow.genai.evaluate(data=data, predict_fn=lambda number: str(number + number % 3), scorers=[is_right])
    run = mlflow.get_run(result.run_id)
    assert run.data.metrics["is_right/mean"] == 0.75, run.data.metrics
    scored = mlflow.search_traces(run_id=result.run_id, return_type="list")
    assert len(scored) == 4 and all(trace.info.assessments for trace in scored), scored


def logged_models():
    name = f"model-{UNIQUE}"
    with mlflow.start_run() as run:
        logged = mlflow.pyfunc.log_model(
            name="doubler", python_model=double, pip_requirements=["mlflow"], input_example=[1.5],
            params={"factor": 2}, registered_model_name=name,
        )
        mlflow.log_metric("error", 0.5, model_id=logged.model_id)
    mlflow.set_logged_model_tags(logged.model_id, {"stage": "test"})
    model = mlflow.get_logged_model(logged.model_id)
    assert (model.params["factor"], model.tags["stage"], str(model.status)) == ("2", "test", "READY"), model
    assert [metric.value for metric in model.metrics] == [0.5], model.metrics
    assert model.source_run_id == run.info.run_id
    found = mlflow.search_logged_models([experiment], filter_string="tags.stage = 'test'", output_format="list")
    assert [each.model_id for each in found] == [logged.model_id], found
    client.set_registered_model_alias(name, "champion", 1)
    client.set_model_version_tag(name, 1, "checked", "yes")
    assert client.get_model_version_by_alias(name, "champion").tags["checked"] == "yes"
    for uri in (f"models:/{name}@champion", f"models:/{logged.model_id}", f"runs:/{run.info.run_id}/doubler"):
        assert list(mlflow.pyfunc.load_model(uri).predict([1.0, 2.0])) == [2.0, 4.0], uri
    copied = client.copy_model_version(f"models:/{name}/1", f"{name}-copy")
    assert list(mlflow.pyfunc.load_model(f"models:/{name}-copy/{copied.version}").predict([3.0])) == [6.0]


def double(model_input: list[float]) -> list[float]:
    return [2 * number for number in model_input]


def runs():
    with mlflow.start_run(tags={"stage": "test"}) as run:
        mlflow.log_params({"depth": 3})
        for step in range(5):
            mlflow.log_metrics({"loss": 1 / (step + 1)}, step=step)
        mlflow.log_dict({"a": [1, 2]}, "folder/é b.json")
        mlflow.log_table({"question": ["what?"], "answer": ["this"]}, "table.json")
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1, 2]})))
    assert [metric.value for metric in client.get_metric_history(run.info.run_id, "loss")][-1] == 0.2
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/folder/é b.json") == {"a": [1, 2]}
    assert [file.path for file in client.list_artifacts(run.info.run_id, "folder")] == ["folder/é b.json"]
    assert len(mlflow.load_table("table.json", run_ids=[run.info.run_id])) == 1
    assert len(client.get_run(run.info.run_id).inputs.dataset_inputs) == 1
    found = mlflow.search_runs([experiment], filter_string="metrics.loss < 0.3 and tags.stage = 'test'")
    assert list(found.run_id) == [run.info.run_id], found


def webhooks():
    name = f"webhook-{UNIQUE}"
    # MLflow resolves the name and refuses private addresses. A disabled webhook is never called.
    made = client.create_webhook(
        name, "https://1.1.1.1/", ["registered_model.created", "prompt.created"], secret="a secret", status="DISABLED"
    )
    client.update_webhook(made.webhook_id, description="changed")
    assert client.get_webhook(made.webhook_id).description == "changed"
    assert name in [webhook.name for webhook in client.list_webhooks()]
    client.delete_webhook(made.webhook_id)


experiment = mlflow.set_experiment(EXPERIMENT).experiment_id
FEATURES = [prompts, traces, otlp, datasets, evaluations, logged_models, runs, webhooks]
# MLflow prints about an evaluation.
with contextlib.redirect_stdout(sys.stderr):
    for feature in FEATURES:
        feature()
print(json.dumps([feature.__name__ for feature in FEATURES]))

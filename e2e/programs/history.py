"""`history.py write` creates runs, models, files and more, some of each kind; `history.py show` prints all of it.

Prints JSON, sorted, so that two outputs are equal if nothing was lost or changed. A file is printed as its checksum.
The server, the user and the password come from the environment (MLFLOW_TRACKING_URI, …_USERNAME, …_PASSWORD).
"""

import hashlib
import json
import logging
import os
import sys
import tempfile

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType

EXPERIMENTS, RUNS, POINTS = 3, 12, 50

client = mlflow.MlflowClient()
logging.getLogger("mlflow").setLevel(logging.ERROR)


def write():
    for number in range(EXPERIMENTS):
        experiment = client.create_experiment(f"churn {number} é", tags={"team": "a & b"})
        runs = [write_run(experiment, index) for index in range(RUNS)]
        client.delete_run(runs[-1])
    client.delete_experiment(client.create_experiment("given up"))
    for number in range(2):
        model = f"model-{number}"
        client.create_registered_model(model, tags={"kind": "tree"}, description="of the test")
        for _ in range(3):
            client.create_model_version(model, f"runs:/{runs[number]}/files", run_id=runs[number], tags={"ok": "yes"})
        client.set_registered_model_alias(model, "champion", "2")
        client.set_registered_model_alias(model, "challenger", "3")


def write_run(experiment, index):
    run = client.create_run(experiment, run_name=f"run {index}").info.run_id
    metrics = [Metric(key, step / 7, 1_700_000_000_000 + step, step) for key in ("loss", "auc") for step in range(POINTS)]
    params = [Param("depth", str(index)), Param("text", "'; DROP TABLE runs; -- é")]
    client.log_batch(run, metrics, params, [RunTag("owner", "somebody")])
    if index < 3:
        client.log_dict(run, {"index": index}, "files/about.json")
        with tempfile.NamedTemporaryFile(prefix="weights-") as file:
            file.write(bytes(range(256)) * 2048 * (index + 1))
            file.flush()
            os.link(file.name, weights := f"{tempfile.gettempdir()}/weights.bin")
            client.log_artifact(run, weights, "files")
            os.unlink(weights)
    client.set_terminated(run, "FINISHED" if index % 4 else "FAILED")
    return run


def show():
    experiments = client.search_experiments(view_type=ViewType.ALL)
    identities = [experiment.experiment_id for experiment in experiments]
    runs = client.search_runs(identities, run_view_type=ViewType.ALL, max_results=5000)
    print(json.dumps({
        "experiments": sorted([e.name, e.lifecycle_stage, sorted(e.tags.items())] for e in experiments),
        "runs": {run.info.run_id: show_run(run) for run in runs},
        "models": {model.name: show_model(model) for model in client.search_registered_models()},
    }, sort_keys=True))


def show_run(run):
    history = {
        key: sorted([point.step, point.value, point.timestamp] for point in client.get_metric_history(run.info.run_id, key))
        for key in run.data.metrics
    }
    about = [run.info.experiment_id, run.info.run_name, run.info.status, run.info.lifecycle_stage]
    return [about, run.data.params, run.data.tags, history, dict(show_files(run.info.run_id))]


def show_files(run, folder=None):
    for file in client.list_artifacts(run, folder):
        if file.is_dir:
            yield from show_files(run, file.path)
        else:
            with tempfile.TemporaryDirectory() as place:
                with open(client.download_artifacts(run, file.path, place), "rb") as content:
                    yield file.path, hashlib.sha256(content.read()).hexdigest()


def show_model(model):
    versions = client.search_model_versions(f"name = '{model.name}'")
    about = sorted([v.version, v.source, v.run_id, v.status, v.description, v.tags] for v in versions)
    return [model.description, model.tags, dict(sorted(model.aliases.items())), about]


{"write": write, "show": show}[sys.argv[1]]()

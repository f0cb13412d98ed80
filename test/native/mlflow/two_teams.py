"""A person of team-b trains; a program of team-a then tries what it can reach. Prints as JSON what it got."""

import base64
import json
import os
import urllib.error
import urllib.request

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

URL = os.environ["MLFLOW_TRACKING_URI"]


def login(username, password):
    os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = username, password


def ask(method, path, workspace, body=None):
    pair = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Content-Type": "application/json"}
    if workspace:
        headers["X-MLFLOW-WORKSPACE"] = workspace
    request = urllib.request.Request(URL + path, method=method, headers=headers, data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def code(call):
    try:
        call()
    except MlflowException as error:
        return error.error_code
    return "done"


def train(team):
    mlflow.set_workspace(team)
    mlflow.set_experiment(f"of {team}")
    with mlflow.start_run() as run:
        mlflow.log_metric("loss", 1)
        mlflow.log_text(team, "secret.txt")
    client = MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", f"{run.info.artifact_uri}/secret.txt", run.info.run_id)
    return run.info


theirs = train("team-b")
file_of_b = theirs.artifact_uri.removeprefix("mlflow-artifacts:/").lstrip("/") + "/secret.txt"
create = ask("POST", "/api/3.0/mlflow/workspaces", "team-b", b'{"name": "mine"}')[0]
delete = ask("DELETE", "/api/3.0/mlflow/workspaces/team-a", "team-b")[0]

login("trainer-of-a", "trainer-secret")
own = train("team-a")
client = MlflowClient()
own_file = own.artifact_uri.removeprefix("mlflow-artifacts:/").lstrip("/") + "/secret.txt"
files = "/api/2.0/mlflow-artifacts/artifacts/"


def read_by_a_source():
    """A version of an own model whose source is the other team's folder, and a read of it."""
    source = theirs.artifact_uri
    version = client.create_model_version("churn", source)
    return client.get_model_version_download_uri("churn", version.version)


def source_is_of_use():
    try:
        uri = read_by_a_source()
    except MlflowException:
        return "refused"
    # The path is in the workspace of the other team, so that the files stay closed.
    path = uri.removeprefix("mlflow-artifacts:/").lstrip("/")
    status, text = ask("GET", f"{files}{path}/secret.txt", "team-a")
    return "refused" if status >= 400 and b"team-b" != text else "read"


print(
    json.dumps({
        "artifact": theirs.artifact_uri[: len("mlflow-artifacts:/workspaces/team-b/")],
        "experiments": sorted(each.name for each in client.search_experiments()),
        "run": code(lambda: client.get_run(theirs.run_id)),
        "model": code(lambda: client.get_model_version("churn", "2")),
        "list_artifacts": code(lambda: client.list_artifacts(theirs.run_id)),
        "file_of_b": ask("GET", files + file_of_b, "team-a")[0],
        "file_by_default": ask("GET", files + file_of_b, None)[0],
        "file_as_b": ask("GET", files + file_of_b, "team-b")[0],
        "write_to_b": ask("PUT", files + file_of_b, "team-a", b"x")[0],
        "source_of_b": source_is_of_use(),
        "own_file": ask("GET", files + own_file, "team-a")[0],
        "create_workspace": create,
        "delete_workspace": delete,
    })
)

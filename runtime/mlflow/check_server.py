"""Checks MLflow on the pod's loopback once, before nginx starts and the pod gets requests.

It does what a client does, with the real database and the real store, and removes what it made: its file, and its run, which
stays as a deleted run of an experiment of its own until the garbage collection. With exit code 1 the kubelet starts it
again, and the log, whose end is the container's termination message, says which step failed.

Only the standard library: a start must not wait for MLflow's import a second time.
"""

import http.client
import json
import os
import signal
import sys
import time
from contextlib import contextmanager
from urllib.parse import quote, urlencode

EXPERIMENT = "_check-before-serving"
NOTE = (
    "Each new server creates a run and a file here before it gets requests (server.checkBeforeServing), and deletes both. "
    "The garbage collection removes the deleted runs."
)
SECONDS = 90  # MLflow itself lets a request wait for a minute.
API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
PROXIED = "mlflow-artifacts:"


class Failed(Exception):
    """A step did not work."""


class NotOk(Failed):
    def __init__(self, status, text):
        super().__init__(f"MLflow answered {status}: {text[:1000]}")
        try:
            self.code = json.loads(text).get("error_code")
        except (ValueError, AttributeError):
            self.code = None


class Client:
    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, content_type="application/octet-stream"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": content_type})
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{method} {path.partition('?')[0]}: {type(error).__name__}: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise NotOk(response.status, data.decode(errors="replace"))
        return data

    def get(self, path, **query):
        return json.loads(self.ask("GET", f"{API}{path}?{urlencode(query)}"))

    def post(self, path, **body):
        return json.loads(self.ask("POST", API + path, json.dumps(body), "application/json"))


def say(text):
    print(text, flush=True)


@contextmanager
def step(what):
    try:
        yield
    except Failed as error:
        raise Failed(f"{what}: {error}") from None
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Failed(f"{what}: the answer is not the expected one: {type(error).__name__}: {error}") from None


def expect(found, wanted):
    if found != wanted:
        raise Failed(f"found {found!r}; expected {wanted!r}")


def experiment(client):
    """The id of the experiment of all checks."""
    try:
        found = client.get("experiments/get-by-name", experiment_name=EXPERIMENT)["experiment"]
    except NotOk as error:
        if error.code != "RESOURCE_DOES_NOT_EXIST":
            raise
        try:
            note = {"key": "mlflow.note.content", "value": NOTE}
            return client.post("experiments/create", name=EXPERIMENT, tags=[note])["experiment_id"]
        except NotOk as error:
            # Another server that starts now was first.
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get("experiments/get-by-name", experiment_name=EXPERIMENT)["experiment"]
    if found["lifecycle_stage"] == "deleted":
        client.post("experiments/restore", experiment_id=found["experiment_id"])
    return found["experiment_id"]


def create_run(client, experiment_id, name):
    """Returns the id of a new run, where its artifacts are, and when it was created."""
    now = int(time.time() * 1000)
    with step("create a run"):
        created = client.post("runs/create", experiment_id=experiment_id, user_id=EXPERIMENT, run_name=name, start_time=now)
        info = created["run"]["info"]
    return info["run_id"], info["artifact_uri"], now


def check_values(client, experiment_id, run_id, now):
    with step("log a metric, a parameter and a tag"):
        client.post(
            "runs/log-batch", run_id=run_id,
            metrics=[{"key": "check", "value": 0.5, "timestamp": now, "step": 1}],
            params=[{"key": "check", "value": "0.5"}],
            tags=[{"key": "check", "value": run_id}],
        )
        data = client.get("runs/get", run_id=run_id)["run"]["data"]
        values = [next(each["value"] for each in data[kind] if each["key"] == "check") for kind in ("metrics", "params", "tags")]
        expect(values, [0.5, "0.5", run_id])
    with step("search the run"):
        found = client.post("runs/search", experiment_ids=[experiment_id], filter=f"tags.check = '{run_id}'")
        expect([each["info"]["run_id"] for each in found["runs"]], [run_id])


def check_artifact(client, run_id, uri):
    folder = uri.removeprefix(PROXIED).strip("/")
    path = ARTIFACTS + quote(f"{folder}/check.txt")
    content = f"{run_id}\n".encode() * 100
    with step("write an artifact"):
        client.ask("PUT", path, content)
    with step("read the artifact"):
        if client.ask("GET", path) != content:
            raise Failed("the content is not the one that was written")
    with step("list the artifact"):
        listed = client.get("artifacts/list", run_id=run_id)
        expect([(each["path"], int(each["file_size"])) for each in listed["files"]], [("check.txt", len(content))])


def remove(client, run_id, uri, wrote):
    """Returns what went wrong."""
    failed = []
    if wrote:
        folder = uri.removeprefix(PROXIED).strip("/").removesuffix("/artifacts")
        try:
            with step(f"remove the artifact {folder}/artifacts/check.txt"):
                client.ask("DELETE", ARTIFACTS + quote(folder))
        except Failed as error:
            failed.append(str(error))
    try:
        with step(f"delete the run {run_id}"):
            client.post("runs/delete", run_id=run_id)
    except Failed as error:
        failed.append(str(error))
    return failed


def check(client, name, may_write):
    with step("ask for the version"):
        version = client.ask("GET", "/version").decode()
    with step("search experiments"):
        client.post("experiments/search", max_results=1)
    with step("search registered models"):
        client.get("registered-models/search", max_results=1)
    with step(f"find or create the experiment {EXPERIMENT}"):
        experiment_id = experiment(client)
    run_id, uri, now = create_run(client, experiment_id, name)
    writes = may_write and uri.startswith(PROXIED)
    problems = []
    try:
        check_values(client, experiment_id, run_id, now)
        if writes:
            check_artifact(client, run_id, uri)
        else:
            with step("list the artifacts of the run"):
                client.get("artifacts/list", run_id=run_id)
    except Failed as error:
        problems.append(str(error))
    problems += remove(client, run_id, uri, writes)
    if problems:
        raise Failed("; ".join(problems))
    return f"MLflow {version} works with its database and its store{'' if writes else ', from which the check only read'}."


def main():
    # PID 1 has no default for signals.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    may_write = os.environ["CHECK_ARTIFACTS"] == "write"
    try:
        say(check(Client(int(os.environ["SERVER_PORT"])), os.environ.get("HOSTNAME", EXPERIMENT), may_write))
    except Failed as error:
        say(f"This server does not serve, because its check failed. Could not {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Runs MLflow on a real PostgreSQL: our server, as its pod starts it, and with `bare` also a plain `mlflow server`.

`servers.py CONTAINER [bare]` takes the container of the Deployment as JSON, prints the ports as JSON as soon as all
answer, and exits when its standard input is closed.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "runtime" / "python"))
from support import PASSWORD, PROGRAMS, free_port, new_auth_schema, new_schema, pod_environment, postgres, until  # noqa: E402

SECRETS = {
    "MLFLOW_CRYPTO_KEK_PASSPHRASE": "a passphrase for the tests",
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "dGhpcyBpcyBhIGtleSBmb3IgdGVzdHMgMzIgYnl0ZXM=",
}


class Server:
    def __init__(self, name, folder):
        self.folder = Path(folder, name)
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir(parents=True)
        for secret, value in SECRETS.items():
            (self.secrets / secret).write_text(value)
        self.database = postgres().environment(postgres().create(name, new_schema()))
        self.port = free_port()

    def start(self, command, environment):
        log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=pod_environment(self.secrets, {**environment, **self.database}),
        )
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(self.log())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    def log(self):
        return (self.folder / "log").read_text()


def ours(container, folder):
    """Starts the server with the variables and arguments of the pod, except addresses and paths of this machine."""
    server = Server("ours", folder)
    environment = {each["name"]: each["value"] for each in container["env"]}
    if settings := container.get("authSettings"):
        # An own cluster of databases for each run, so the name is free.
        postgres().create(environment["AUTH_DATABASE"], new_auth_schema())
        environment["MLFLOW_AUTH_CONFIG_PATH"] = str(server.folder / "basic_auth.ini")
        Path(environment["MLFLOW_AUTH_CONFIG_PATH"]).write_text(settings)
    here = {"HOME": str(server.folder), "SPOOL_DIRECTORY": str(server.folder / "spool"), "TMPDIR": str(server.folder)}
    (server.folder / "metrics").mkdir()
    instead = {
        "--port": str(server.port),
        "--artifacts-destination": str(server.folder / "artifacts"),
        "--expose-prometheus": str(server.folder / "metrics"),
    }
    arguments = list(container["args"])
    for option, value in instead.items():
        arguments[arguments.index(option) + 1] = value
    program = Path(container["command"][-1]).name
    return server.start([sys.executable, str(PROGRAMS / program), *arguments], {**environment, **here})


def bare(folder):
    server = Server("bare", folder)
    arguments = [
        "--backend-store-uri", "postgresql+psycopg2://", "--artifacts-destination", str(server.folder / "artifacts"),
        "--port", str(server.port), "--workers", "1",
    ]
    login = {"PGUSER": "mlflow", "PGPASSWORD": PASSWORD, **SECRETS}
    return server.start([sys.executable, "-m", "mlflow", "server", *arguments], login)


def main(container, *others):
    with tempfile.TemporaryDirectory(prefix="mlflow-test-") as folder:
        servers = {}
        try:
            servers["ours"] = ours(container, folder)
            if "bare" in others:
                servers["bare"] = bare(folder)
            for name, server in servers.items():
                until(server.answers, f"{name} answers", 600)
            print(json.dumps({name: server.port for name, server in servers.items()}), flush=True)
            sys.stdin.read()
        finally:
            for server in servers.values():
                server.process.kill()
                server.process.wait()


main(json.loads(sys.argv[1]), *sys.argv[2:])

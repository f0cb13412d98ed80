import base64
import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
import unittest
from unittest import mock

from support import (
    OLD_AUTH_REVISION, OLD_REVISION, PROGRAMS, PodTestCase, free_port, new_auth_schema, new_schema, old_auth_schema,
    old_schema, pod_environment, postgres,
)

# Prints what `mlflow server` would start, instead of starting it.
OF_MLFLOW = """
import json, os, sys, mlflow.cli, mlflow.server
import secret_files; secret_files.load()
def exec_cmd(command, extra_env, **_):
    print("LAUNCH", json.dumps(["mlflow", command, {**os.environ, **extra_env}])); sys.exit()
mlflow.server._exec_cmd = exec_cmd
mlflow.cli.cli.main(args=["server", *sys.argv[1:]])
"""
OF_SERVE = """
import json, os, sys, serve, uvicorn
def main(args, **_):
    print("LAUNCH", json.dumps(["in process", [sys.executable, "-m", "uvicorn", *args], dict(os.environ)])); sys.exit()
def execve(_, command, environment):
    print("LAUNCH", json.dumps(["exec", command, environment])); sys.exit()
uvicorn.main = main
os.execve = execve
serve.main(sys.argv[1:])
"""
# Random at each start, or set twice, because prometheus_client has two names for the folder.
NOT_COMPARED = (
    "_MLFLOW_SERVER_BOOT_ID", "_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN", "_MLFLOW_ASSISTANT_DELEGATION_SIGNING_KEY",
    "PROMETHEUS_MULTIPROC_DIR",
)


class Serve(PodTestCase):
    def setUp(self):
        super().setUp()
        (self.folder / "metrics").mkdir()
        self.port = free_port()
        self.environment = postgres().environment(new_schema())
        self.arguments = [
            "--backend-store-uri", "postgresql+psycopg2://", "--artifacts-destination", str(self.folder / "artifacts"),
            "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
            "--expose-prometheus", str(self.folder / "metrics"),
            "--allowed-hosts", "mlflow.example.com,localhost:*,127.0.0.1:*",
            "--uvicorn-opts", "--no-access-log --timeout-graceful-shutdown 30 --timeout-keep-alive 120",
        ]

    def basic_auth(self, schema=new_auth_schema):
        auth = postgres().create(f"auth_{self._testMethodName}", schema())
        ini = self.folder / "auth.ini"
        # MLflow 3.14 reads the administrator only from this file. Later versions prefer the environment.
        ini.write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{auth}\n"
            "admin_username = admin\nadmin_password = a long password\nauth_cache_ttl_seconds = 60\n"
        )
        self.environment |= {"MLFLOW_AUTH_CONFIG_PATH": str(ini), "MLFLOW_FLASK_SERVER_SECRET_KEY": "key"}
        self.environment["AUTH_DATABASE"] = auth
        return ["--app-name", "basic-auth"]

    def launch(self, script, arguments):
        result = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=self.folder, capture_output=True, text=True,
            env={**pod_environment(self.secrets, self.environment), "PYTHONPATH": str(PROGRAMS)},
        )
        lines = [line for line in result.stdout.splitlines() if line.startswith("LAUNCH ")]
        self.assertEqual(len(lines), 1, result.stderr)
        how, command, environment = json.loads(lines[0].removeprefix("LAUNCH "))
        for name in NOT_COMPARED:
            environment.pop(name, None)
        return how, command, environment

    def assert_same_launch(self, arguments, expected_how):
        how, command, environment = self.launch(OF_SERVE, arguments)
        environment.pop("UVICORN_TIMEOUT_WORKER_HEALTHCHECK", None)
        _, plain_command, plain_environment = self.launch(OF_MLFLOW, arguments)
        self.assertEqual(how, expected_how)
        # Only the app differs: it contains MLflow's own.
        made = "--factory" in plain_command
        self.assertEqual(environment.pop("SERVED_APP"), plain_command[-1] + ("()" if made else ""))
        app = [*([] if made else ["--factory"]), "--app-dir", str(PROGRAMS), "server_app:create_app"]
        self.assertEqual(command, [*plain_command[:-1], *app])
        self.assertEqual(environment, plain_environment)

    def test_starts_what_mlflow_server_starts(self):
        self.assert_same_launch(self.arguments, "in process")

    def test_starts_it_with_workspaces_too(self):
        self.environment["MLFLOW_ENABLE_WORKSPACES"] = "1"
        self.assert_same_launch(self.arguments, "in process")

    def test_starts_an_unexpected_command_by_exec(self):
        self.assert_same_launch([*self.arguments, "--secrets-cache-ttl", "30", "--no-serve-artifacts"], "exec")

    def test_starts_several_workers_by_exec(self):
        self.assert_same_launch([*self.arguments, "--workers", "2"], "exec")

    def test_uvicorn_does_not_kill_busy_workers(self):
        _, command, environment = self.launch(OF_SERVE, [*self.arguments, "--workers", "2"])
        import uvicorn

        with mock.patch.dict(os.environ, environment, clear=True):
            read = uvicorn.main.make_context("uvicorn", command[3:], auto_envvar_prefix="UVICORN").params
        self.assertEqual((read["workers"], read["timeout_worker_healthcheck"]), (2, 120))

    def test_with_a_login_only_the_app_differs(self):
        self.assert_same_launch([*self.arguments, *self.basic_auth()], "in process")

    def serve(self, *more):
        server = self.start("serve.py", *self.arguments, *more, environment=self.environment)
        said = self.read_until(server, "Uvicorn running on")
        self.assertNotIn("loaded a second time", said)
        return server

    def get(self, path, login=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_runs_one_process_that_drains_and_exits_0(self):
        server = self.serve()
        self.assertEqual(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(), "")
        self.assertEqual(self.get("/api/2.0/mlflow/experiments/get?experiment_id=0")[0], 200)
        metrics = self.get("/metrics")[1]
        for name in ("http_request_total", 'proxy_requests_total{route="api",status="5xx"}', "spool_limit_bytes"):
            self.assertIn(f"mlflow_{name}", metrics)

        # Half an upload, then SIGTERM, then the other half.
        upload = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        upload.putrequest("PUT", "/api/2.0/mlflow-artifacts/artifacts/model.bin")
        upload.putheader("Content-Length", "20")
        upload.endheaders()
        upload.send(b"0123456789")
        # This answer comes after the half was read, because the event loop reads in order.
        self.assertEqual(self.get("/health")[0], 200)
        server.terminate()
        said = self.read_until(server, "Waiting for connections to close")
        self.assertNotIn("GET /", said)
        upload.send(b"0123456789")
        self.assertEqual(upload.getresponse().status, 200)
        upload.close()
        self.assertEqual(server.wait(20), 0)
        self.assertEqual((self.folder / "artifacts" / "model.bin").read_bytes(), b"0123456789" * 2)

    def test_with_a_login_only_metrics_need_no_password(self):
        server = self.serve(*self.basic_auth())
        experiment = "/api/2.0/mlflow/experiments/get?experiment_id=0"
        self.assertEqual(self.get(experiment)[0], 401)
        self.assertEqual(self.get(experiment, "admin:a long password")[0], 200)
        self.assertEqual(self.get(experiment, "admin:wrong")[0], 401)
        status, metrics = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertIn("mlflow_http_request_total", metrics)
        self.assertIn('mlflow_proxy_logins_total{credential="password",outcome="refused"}', metrics)
        for path in ("/", "/version", "/metrics/", "/metrics/x", "//metrics", "/x/../metrics", "/METRICS"):
            self.assertIn(self.get(path)[0], (401, 404), path)
        server.terminate()
        self.assertEqual(server.wait(20), 0)

    def test_refuses_another_schema_with_a_message(self):
        name = postgres().create("served_other", old_schema())
        environment = {**self.environment, "PGDATABASE": name}
        said = self.run_to_end("serve.py", *self.arguments, environment=environment, code=1)
        self.assertIn(f"The tracking database {name} is at schema {OLD_REVISION}, this MLflow wants", said)
        self.assertEqual(postgres().sql(name, "SELECT version_num FROM alembic_version"), [(OLD_REVISION,)])

        postgres().sql(name, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
        said = self.run_to_end("serve.py", *self.arguments, environment=environment, code=1)
        self.assertIn(f"The tracking database {name} was upgraded by a newer MLflow: its schema ffffffffffff", said)

    def test_refuses_another_schema_of_the_auth_database_with_a_message(self):
        # `mlflow server` would upgrade this database itself, without a lock and without a dump.
        arguments = [*self.arguments, *self.basic_auth(old_auth_schema)]
        auth = self.environment["AUTH_DATABASE"]
        said = self.run_to_end("serve.py", *arguments, environment=self.environment, code=1)
        self.assertIn(f"The auth database {auth} is at schema {OLD_AUTH_REVISION}, this MLflow wants", said)
        revision = "SELECT version_num FROM alembic_version_auth"
        self.assertEqual(postgres().sql(auth, revision), [(OLD_AUTH_REVISION,)])

        postgres().sql(auth, "DROP TABLE alembic_version_auth")
        said = self.run_to_end("serve.py", *arguments, environment=self.environment, code=1)
        self.assertIn(f"The auth database {auth} has no schema, this MLflow wants", said)

    def test_waits_for_a_database_and_then_checks_its_schema(self):
        # A person can have restored an older dump in the meantime.
        name = postgres().create("away", old_schema())
        postgres().sql("postgres", f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        environment = {**self.environment, "PGDATABASE": name}
        server = self.start("serve.py", *self.arguments, environment=environment)
        self.read_until(server, "Waiting for it.")
        postgres().sql("postgres", f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        self.read_until(server, f"The tracking database {name} is at schema {OLD_REVISION}, this MLflow wants")

    def test_exits_on_sigterm_while_it_starts(self):
        server = self.start("serve.py", *self.arguments, environment=self.environment)
        self.read_until(server, "Registry store URI not provided")
        server.terminate()
        self.assertEqual(server.wait(20), 0)


if __name__ == "__main__":
    unittest.main()

"""The server on SQLite files, as its pod starts it, with MLflow's own login."""

import base64
import contextlib
import http.client
import json
import sqlite3
import subprocess
import sys
import unittest

from support import PROGRAMS, PodTestCase, free_port, pod_environment, until

ADMIN = {"MLFLOW_AUTH_ADMIN_USERNAME": "admin", "MLFLOW_AUTH_ADMIN_PASSWORD": "a long password é"}


class SqliteServer(PodTestCase):
    def setUp(self):
        super().setUp()
        self.files = self.folder / "database"
        for folder in (self.files, self.folder / "metrics"):
            folder.mkdir()
        settings = self.folder / "basic_auth.ini"
        settings.write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{self.files}/mlflow_auth.db\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        self.environment = {
            "DATABASE_MODULE": "sqlite_files",
            "DATABASE_NAME": "mlflow",
            "AUTH_DATABASE": "mlflow_auth",
            "SQLITE_DIRECTORY": str(self.files),
            "MLFLOW_AUTH_CONFIG_PATH": str(settings),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "key",
            "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "19",
            "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "1",
            **ADMIN,
        }
        self.port = free_port()

    def migrate(self):
        return self.run_to_end("migrate_sqlite.py", environment=self.environment)

    def serve(self):
        with (self.folder / "log").open("a") as log:
            server = subprocess.Popen(
                [
                    sys.executable, PROGRAMS / "serve.py", "--app-name", "basic-auth",
                    "--backend-store-uri", f"sqlite:///{self.files}/mlflow.db",
                    "--artifacts-destination", f"file://{self.folder}/artifacts",
                    "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
                    "--expose-prometheus", str(self.folder / "metrics"),
                ],
                env=pod_environment(self.secrets, self.environment), cwd=self.folder, stdout=log, stderr=log,
            )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        until(lambda: server.poll() is not None or self.answers(), "a server that answers", 120)
        self.assertIsNone(server.poll(), (self.folder / "log").read_text())
        return server

    def answers(self):
        try:
            return self.ask("GET", "/health")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, login=None):
        headers = {"Content-Type": "application/json"}
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body and json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def test_keeps_runs_and_users_over_a_kill(self):
        login = tuple(ADMIN.values())
        self.migrate()
        server = self.serve()
        self.assertEqual(self.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0], 401)
        status, text = self.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1}, login)
        self.assertEqual(status, 200, text)
        run = json.loads(text)["run"]["info"]["run_id"]
        server.kill()
        server.wait()

        self.assertNotIn("creating", self.migrate())
        self.serve()
        self.assertEqual(self.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run}", login=login)[0], 200)
        self.assertEqual(self.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run}", login=("admin", "wrong"))[0], 401)

    def test_does_not_start_on_another_schema(self):
        self.migrate()
        with contextlib.closing(sqlite3.connect(self.files / "mlflow.db")) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = 'b7e4c1a90f23'")
        output = self.run_to_end("serve.py", environment=self.environment, code=1)
        self.assertIn("only the migration may change it", output)


if __name__ == "__main__":
    unittest.main()

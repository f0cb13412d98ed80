"""A tracking server for the tests, as its pod starts it, with its own PostgreSQL."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import PROGRAMS, free_port, pod_environment, postgres, template, until

NEW_SCHEMA = """
import logging; logging.disable()
import mlflow.db
mlflow.db.upgrade.main(["postgresql+psycopg2://"], standalone_mode=False)
"""


class TrackingServerTestCase(unittest.TestCase):
    """Starts one server for all tests of the class."""

    environment = {}
    arguments = []

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.database = postgres().create(cls.__name__.lower(), template("new_schema", NEW_SCHEMA))
        cls.port = free_port()
        cls.url = f"http://127.0.0.1:{cls.port}"
        for name in ("secrets", "metrics"):
            (cls.folder / name).mkdir()
        cls.prepare()
        environment = postgres().environment(cls.database, **cls.environment)
        cls.log = cls.folder / "log"
        with cls.log.open("w") as log:
            cls.server = subprocess.Popen(
                [
                    sys.executable, PROGRAMS / "serve.py",
                    "--backend-store-uri", "postgresql+psycopg2://",
                    "--artifacts-destination", str(cls.folder / "artifacts"),
                    "--host", "127.0.0.1", "--port", str(cls.port), "--workers", "1",
                    "--expose-prometheus", str(cls.folder / "metrics"),
                    "--allowed-hosts", "localhost:*,127.0.0.1:*",
                    "--uvicorn-opts", "--no-access-log --timeout-graceful-shutdown 30 --timeout-keep-alive 120",
                    # The last of repeated options takes effect.
                    *cls.arguments,
                ],
                env=pod_environment(cls.folder / "secrets", environment),
                cwd=cls.folder, stdout=log, stderr=subprocess.STDOUT,
            )
        cls.addClassCleanup(cls.server.wait)
        cls.addClassCleanup(cls.server.kill)
        until(lambda: cls.server.poll() is None and cls.answers(), f"a server that answers; it says {cls.log}", 580)

    @classmethod
    def prepare(cls):
        """Creates the files that the server needs in its folder."""

    @classmethod
    def answers(cls):
        try:
            return cls.ask("GET", "/health")[0] == 200
        except OSError:
            return False

    @classmethod
    def ask(cls, method, path, body=None, headers=None, timeout=150, connection=None):
        """Returns the status and the text of the answer."""
        own = connection or http.client.HTTPConnection("127.0.0.1", cls.port, timeout=timeout)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            own.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = own.getresponse()
            return response.status, response.read().decode()
        finally:
            if not connection:
                own.close()

    @classmethod
    def api(cls, path, body):
        status, text = cls.ask("POST", f"/api/2.0/mlflow/{path}", body)
        assert status == 200, text
        return json.loads(text)

    @classmethod
    def sql(cls, statement, *parameters):
        return postgres().sql(cls.database, statement, parameters)

"""A real PostgreSQL for the tests, and helpers that run the programs of the pod."""

import atexit
import glob
import http.server
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import psycopg2

PROGRAMS = Path(__file__).resolve().parents[3] / "runtime" / "mlflow"
PASSWORD = """/&%@:'"$\\#? é{}%40"""
OLD_REVISION = "b7e4c1a90f23"  # MLflow 3.14

OLD_SCHEMA = f"""
import logging; logging.disable()
from alembic import command
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base
engine = utils.create_sqlalchemy_engine("postgresql+psycopg2://")
Base.metadata.create_all(engine)
config = utils._get_alembic_config("")
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "{OLD_REVISION}")
"""

NEW_SCHEMA = """
import logging; logging.disable()
import mlflow.db
mlflow.db.upgrade.main(["postgresql+psycopg2://"], standalone_mode=False)
"""

OLD_AUTH_REVISION = "8606fa83a998"  # MLflow 3.6
AUTH_SCHEMA = """
from mlflow.server.auth.db import cli
cli.upgrade.main(["--url", "postgresql+psycopg2://", "--revision", "{}"], standalone_mode=False)
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Postgres:
    def __init__(self):
        installed = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.bin = Path(installed[-1] if installed else os.path.dirname(shutil.which("pg_ctl")))
        self.folder = tempfile.mkdtemp(prefix="pg-")
        self.port = free_port()
        # PostgreSQL refuses to run as root.
        self.user = {"user": "postgres" if _exists("postgres") else "nobody"} if os.getuid() == 0 else {}
        if self.user:
            shutil.chown(self.folder, self.user["user"])
        data = f"{self.folder}/data"
        self._run("initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync")
        Path(data, "pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", data, "-w", "-l", f"{self.folder}/log", "-o", options, "start")
        self.sql("postgres", "CREATE ROLE mlflow LOGIN PASSWORD %s", [PASSWORD])

    def _run(self, program, *arguments):
        subprocess.run(
            [self.bin / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self.user
        )

    def stop(self):
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def connect(self, database, user="postgres", **more):
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=user, dbname=database, password=PASSWORD, **more
        )

    def sql(self, database, statement, parameters=None, user="postgres"):
        connection = self.connect(database, user)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def create(self, database, template="template0"):
        self.sql("postgres", f'CREATE DATABASE "{database}" OWNER mlflow TEMPLATE "{template}"')
        return database

    def environment(self, database, **more):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGDATABASE": database, **more}

    def client(self, program, *arguments):
        login = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        subprocess.run([self.bin / program, *login, *arguments], check=True)


class Standby:
    """A hot standby of a server, on the same port of 127.0.0.2."""

    def __init__(self, primary):
        self.primary, self.data = primary, f"{primary.folder}/standby"
        hba = Path(primary.folder, "data", "pg_hba.conf")
        hba.write_text(f"{hba.read_text()}host replication postgres 127.0.0.1/32 trust\n")
        primary.sql("postgres", "SELECT pg_reload_conf()")
        source = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres", "--checkpoint=fast"]
        primary._run("pg_basebackup", "-D", self.data, "--write-recovery-conf", *source)
        self.start()

    def start(self):
        options = f"-p {self.primary.port} -k '' -h 127.0.0.2 -c fsync=off"
        log = f"{self.primary.folder}/standby.log"
        self.primary._run("pg_ctl", "-D", self.data, "-w", "-l", log, "-o", options, "start")

    def stop(self):
        self.primary._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def sql(self, statement):
        connection = psycopg2.connect(host="127.0.0.2", port=self.primary.port, user="postgres", dbname="postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()


def _exists(user):
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


_postgres = None


def postgres():
    """Returns one server for all tests. It stops when they end."""
    global _postgres
    if _postgres is None:
        _postgres = Postgres()
        atexit.register(_postgres.stop)
    return _postgres


def template(name, script):
    """Returns a database that tests copy. `script` fills it once."""
    if not postgres().sql("postgres", "SELECT 1 FROM pg_database WHERE datname = %s", [name]):
        postgres().create(name)
        with tempfile.TemporaryDirectory() as secrets:
            environment = pod_environment(secrets, postgres().environment(name, PGUSER="mlflow", PGPASSWORD=PASSWORD))
            subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    return name


def old_schema():
    return template("old_schema", OLD_SCHEMA)


def new_schema():
    return template("new_schema", NEW_SCHEMA)


def old_auth_schema():
    return template("old_auth_schema", AUTH_SCHEMA.format(OLD_AUTH_REVISION))


def new_auth_schema():
    return template("new_auth_schema", AUTH_SCHEMA.format("head"))


def pod_environment(secrets, more):
    for name, value in {"PGUSER": "mlflow\n", "PGPASSWORD": PASSWORD + "\n"}.items():
        file = Path(secrets, name)
        # Written only once, because another program of the test can be reading it.
        if not file.exists():
            file.write_text(value)
    return {
        "PATH": os.environ["PATH"],
        "HOME": secrets,
        "PYTHONDONTWRITEBYTECODE": "1",
        "MLFLOW_SECRETS_DIRECTORY": secrets,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS": "false",
        **more,
    }


def until(condition, what, seconds=60):
    """Waits until the condition is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.02)
    return found


def pushgateway(test):
    """(the variables of a program, {path: text} of what it has sent) of a server that takes figures until the test ends."""
    sent = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):  # noqa: N802
            sent[self.path] = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return {"PUSHGATEWAY_URL": f"http://127.0.0.1:{server.server_address[1]}", "POD_NAMESPACE": "mlflow"}, sent


class PodTestCase(unittest.TestCase):
    watchdog_seconds = 400
    interpreter = sys.executable

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()

    def start(self, program, *arguments, environment):
        process = subprocess.Popen(
            [self.interpreter, PROGRAMS / program, *arguments],
            env=pod_environment(self.secrets, environment),
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.addCleanup(process.stdout.close)
        self.end_with_test(process)
        return process

    def end_with_test(self, process):
        # A test that waits in vain must not block the other tests.
        watchdog = threading.Timer(self.watchdog_seconds, process.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def run_to_end(self, *arguments, environment, code=0):
        process = self.start(*arguments, environment=environment)
        output = process.communicate(timeout=self.watchdog_seconds + 60)[0]
        self.assertEqual(process.returncode, code, output)
        self.assertNotIn(PASSWORD, output)
        return output

    def read_until(self, process, text):
        """Returns the lines up to the one with the text. The test fails at the end of the output."""
        lines = ""
        for line in process.stdout:
            lines += line
            if text in line:
                return lines
        self.fail(f"{text!r} was not said:\n{lines}")

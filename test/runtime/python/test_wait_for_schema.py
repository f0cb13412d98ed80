import contextlib
import socket
import subprocess
import sys
import threading
import time
import unittest

from support import PASSWORD, PROGRAMS, PodTestCase, free_port, postgres

sys.path.insert(0, str(PROGRAMS))
import schema  # noqa: E402

KNOWN, HEAD = schema.revisions(schema.TRACKING)
OLD_REVISION = min(KNOWN - {HEAD})
AUTH_HEAD = schema.revisions(schema.AUTH)[1]


class SilentAtQueries:
    """A proxy that forwards logins to the database, and drops every query while it is silent."""

    def __init__(self, port):
        self.target, self.silent, self.open = port, True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.target))
                self.open += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self.copy, args=ends, daemon=True).start()

    def copy(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (self.silent and b"statement_timeout" in data):
                    target.sendall(data)
        target.close()

    def close(self):
        for each in [self.listener, *self.open]:
            each.close()


class WaitForSchema(PodTestCase):
    def test_logs_what_it_waits_for_and_exits_when_both_schemas_match(self):
        name = postgres().create("waiting")
        auth = postgres().create("waiting_auth")
        waiter = self.start("wait_for_schema.py", environment=postgres().environment(name, AUTH_DATABASE=auth))
        self.read_until(waiter, "The tracking database waiting has no schema yet")

        self.set_revision(name, "alembic_version", OLD_REVISION)
        self.read_until(waiter, f"is at schema {OLD_REVISION}, this MLflow wants {HEAD}")
        self.set_revision(name, "alembic_version", "ffffffffffff")
        self.read_until(waiter, "was upgraded by a newer MLflow: its schema ffffffffffff is unknown")
        self.set_revision(name, "alembic_version", HEAD)
        self.read_until(waiter, "The auth database waiting_auth has no schema yet")
        self.assertIsNone(waiter.poll())
        self.set_revision(auth, "alembic_version_auth", AUTH_HEAD)
        self.read_until(waiter, "The schema is the one that this MLflow wants.")
        self.assertEqual(waiter.wait(10), 0)

    def set_revision(self, database, table, revision):
        # All in one transaction, so that no intermediate state is visible.
        postgres().sql(database, f"""
            CREATE TABLE IF NOT EXISTS {table} (version_num text);
            GRANT SELECT ON {table} TO mlflow;
            DELETE FROM {table};
            INSERT INTO {table} VALUES ('{revision}')""")

    def test_reports_an_unreachable_database(self):
        environment = postgres().environment("postgres", PGPORT=str(free_port()))
        said = self.read_until(self.start("wait_for_schema.py", environment=environment), "unreachable")
        self.assertIn("Connection refused", said)

    def test_reports_a_refused_login_without_the_password(self):
        postgres().sql("postgres", "CREATE ROLE other LOGIN PASSWORD 'another'")
        login = {"MLFLOW_SECRETS_DIRECTORY": "/nonexistent", "PGUSER": "other", "PGPASSWORD": PASSWORD}
        environment = postgres().environment("postgres", **login)
        said = self.read_until(self.start("wait_for_schema.py", environment=environment), "login refused")
        self.assertNotIn(PASSWORD, said)

    def test_reads_a_rotated_password_again(self):
        name = postgres().create("rotated")
        (self.secrets / "PGPASSWORD").write_text("the password before")
        waiter = self.start("wait_for_schema.py", environment=postgres().environment(name))
        self.read_until(waiter, "login refused")
        self.rotate_password(PASSWORD)
        self.read_until(waiter, "The tracking database rotated has no schema yet")

    def rotate_password(self, password):
        # As the kubelet does: the program sees either the old or the new file.
        (self.secrets / ".new").write_text(password)
        (self.secrets / ".new").rename(self.secrets / "PGPASSWORD")

    def test_reports_a_database_that_does_not_answer_a_query(self):
        name = postgres().create("silent")
        proxy = SilentAtQueries(postgres().port)
        self.addCleanup(proxy.close)
        waiter = self.start("wait_for_schema.py", environment=postgres().environment(name, PGPORT=str(proxy.port)))
        self.read_until(waiter, "The tracking database silent: unreachable (connected, but no answer to a query in 10 s)")
        proxy.silent = False
        self.read_until(waiter, "The tracking database silent has no schema yet")

    def test_reports_a_lock_that_blocks_it(self):
        name = postgres().create("shut")
        self.set_revision(name, "alembic_version", OLD_REVISION)
        with contextlib.closing(postgres().connect(name)) as other:
            other.cursor().execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
            waiter = self.start("wait_for_schema.py", environment=postgres().environment(name))
            self.read_until(waiter, "it is overloaded, or another session holds a lock")
        self.read_until(waiter, "waiting for the migration")

    def test_exits_on_sigterm_while_a_connection_attempt_hangs(self):
        with socket.socket() as silent:  # accepts, and never answers
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            environment = postgres().environment("postgres", PGPORT=str(silent.getsockname()[1]))
            waiter = self.start("wait_for_schema.py", environment=environment)
            connection, _ = silent.accept()
            began = time.monotonic()
            waiter.terminate()
            self.assertEqual(waiter.wait(10), 143)
            self.assertLess(time.monotonic() - began, 2)
            connection.close()

    def test_does_not_import_mlflow(self):
        code = "import sys, wait_for_schema; sys.exit('mlflow' in sys.modules or 'sqlalchemy' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], cwd=PROGRAMS, check=True)

    def test_the_expected_schema_is_the_head_of_alembic(self):
        from mlflow.store.db.utils import _get_latest_schema_revision
        self.assertEqual(HEAD, _get_latest_schema_revision())


if __name__ == "__main__":
    unittest.main()

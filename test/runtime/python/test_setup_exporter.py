"""The role of the metrics exporter, on a real PostgreSQL with the pg_hba.conf of the library."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import psycopg2

from support import PASSWORD, PROGRAMS, Postgres

SCRIPT = PROGRAMS.parent / "postgres" / "setup-exporter.sh"
# As lib/database/postgres-pod.ts writes it. The first line is added, for the login of the tests.
ACCESS_RULES = """\
host all postgres 127.0.0.1/32 trust
host "mlflow" +cdk8s_mlflow all scram-sha-256
host all +cdk8s_mlflow all reject
host postgres +cdk8s_metrics 127.0.0.1/32 scram-sha-256
host all +cdk8s_metrics all reject
host all all all scram-sha-256
"""


class SetUpExporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.stop)
        Path(cls.postgres.folder, "data", "pg_hba.conf").write_text(ACCESS_RULES)
        cls.postgres.sql("postgres", "SELECT pg_reload_conf()")

    def run_script(self, code=0, **secrets):
        values = {"SUPERUSER": "postgres", "SUPERUSER_PASSWORD": "any", "ROLE": "mlflow", "ROLE_PASSWORD": PASSWORD,
                  "EXPORTER": "exporter\n", "EXPORTER_PASSWORD": PASSWORD + "\r\n", **secrets}
        with tempfile.TemporaryDirectory() as folder:
            for name, value in values.items():
                Path(folder, name).write_text(value)
            environment = {"PATH": f"{self.postgres.bin}:{os.environ['PATH']}", "DATABASES": "mlflow",
                           "MLFLOW_SECRETS_DIRECTORY": folder, "WAIT_SECONDS": "5",
                           **self.postgres.environment("mlflow")}
            done = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True)
        output = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, output)
        self.assertNotIn(PASSWORD, output)
        return output

    def test_the_role_reads_statistics_and_nothing_else(self):
        self.run_script()
        one = lambda statement: self.postgres.sql("postgres", statement, user="exporter")[0][0]
        self.assertTrue(one("SELECT pg_has_role('pg_monitor', 'MEMBER')"))
        self.assertGreater(one("SELECT pg_database_size('mlflow')"), 0)
        self.assertFalse(one("SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = user"))
        with self.assertRaisesRegex(psycopg2.OperationalError, "pg_hba.conf rejects connection"):
            self.postgres.connect("mlflow", "exporter")

    def test_another_run_sets_the_password_of_the_secret(self):
        self.run_script(EXPORTER_PASSWORD="another")
        with self.assertRaisesRegex(psycopg2.OperationalError, "password authentication failed"):
            self.postgres.connect("postgres", "exporter")
        self.run_script()
        self.postgres.connect("postgres", "exporter").close()

    def test_the_database_of_mlflow_is_set_up_too(self):
        self.run_script()
        self.postgres.sql("mlflow", "CREATE TABLE IF NOT EXISTS runs (id int)", user="mlflow")

    def test_a_role_of_another_is_refused(self):
        for name in ["mlflow", "postgres"]:
            with self.subTest(name):
                self.assertIn("give it a name of its own in its Secret", self.run_script(code=3, EXPORTER=name))


if __name__ == "__main__":
    unittest.main()

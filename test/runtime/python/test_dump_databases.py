import os
import signal
import unittest

from migrations import Dumps, Gate, MigrationTestCase
from support import old_schema, postgres, until

NEVER = "exec sleep 600"


class DumpDatabases(MigrationTestCase):
    """The sidecar of the migration, without the main container and without MLflow."""

    def setUp(self):
        super().setUp()
        self.database = old_schema()
        self.login = self.environment(self.database)
        self.request = self.file("request")

    def file(self, suffix):
        return self.work / f"{self.database}.{suffix}"

    def begun(self):
        begun = self.file("begun")
        return len(begun.read_text().splitlines()) if begun.exists() else 0

    def failure(self):
        return until(lambda: self.file("failed").exists() and self.file("failed").read_text(), "a failure in words")

    def test_dumps_each_request_once_and_completely(self):
        gate = Gate(self.folder)
        Dumps(self, self.login, gate.pg_dump)
        self.request.touch()
        gate.wait()
        self.assertFalse(self.file("dump").exists())
        gate.open.touch()
        until(lambda: not self.request.exists(), "the request is answered")
        self.assertEqual(self.file("dump").read_bytes()[:5], b"PGDMP")
        self.assertFalse(self.file("part").exists())

        # The loop continues, and sends no queries to the database.
        os.utime(self.work / "alive", (0, 0))
        until(lambda: (self.work / "alive").stat().st_mtime > 0, "another round")
        self.assertEqual(self.begun(), 1)

    def test_reports_that_it_is_alive_while_a_dump_runs(self):
        gate = Gate(self.folder)
        Dumps(self, self.login, gate.pg_dump)
        self.request.touch()
        gate.wait()
        for _ in range(2):
            os.utime(self.work / "alive", (0, 0))
            until(lambda: (self.work / "alive").stat().st_mtime > 0, "the file is touched")
        self.assertEqual(self.begun(), 1)

    def test_reports_a_failure_with_its_message(self):
        self.database = "not_there"
        Dumps(self, self.login)
        self.file("request").touch()
        self.assertIn('database "not_there" does not exist', self.failure())
        until(lambda: not self.file("request").exists(), "the request is answered")
        self.assertFalse(self.file("dump").exists())

    def test_never_prompts_for_a_password(self):
        secrets = self.folder / "empty"
        secrets.mkdir()
        (secrets / "PGUSER").write_text("mlflow")
        (secrets / "PGPASSWORD").write_text("")
        Dumps(self, {**self.login, "MLFLOW_SECRETS_DIRECTORY": str(secrets)})
        self.request.touch()
        self.assertIn("no password supplied", self.failure())

    def test_retries_a_killed_dump_a_limited_number_of_times(self):
        self.request.touch()
        for attempt in (1, 2, 3):
            dumps = Dumps(self, self.login, NEVER)
            until(lambda: self.begun() == attempt, f"attempt {attempt}")
            dumps.kill()
            self.assertTrue(self.request.exists())
        Dumps(self, self.login, NEVER)
        self.assertIn("was killed three times", self.failure())

    def test_exits_at_once_on_a_signal(self):
        # PostgreSQL's image sets SIGINT as its stop signal.
        for stop in (signal.SIGTERM, signal.SIGINT):
            for running in (False, True):
                with self.subTest(signal=stop, dumping=running):
                    dumps = Dumps(self, self.login, NEVER)
                    until((self.work / "alive").exists, "it runs")
                    if running:
                        self.request.touch()
                        until(self.begun, "a dump runs")
                    os.kill(dumps.process.pid, stop)
                    self.assertEqual(dumps.process.wait(10), 0)
                    for file in self.work.iterdir():
                        file.unlink()


if __name__ == "__main__":
    unittest.main()

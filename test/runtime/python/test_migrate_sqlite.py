"""SQLite files: created, upgraded on a copy, and left as they were by an upgrade that fails."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import OLD_AUTH_REVISION, OLD_REVISION, PROGRAMS, PodTestCase, pod_environment, until

sys.path.insert(0, str(PROGRAMS))
import schema  # noqa: E402

HEAD = schema.revisions(schema.TRACKING)[1]
AUTH_HEAD = schema.revisions(schema.AUTH)[1]

OLD_SCHEMA = f"""
import logging, sys; logging.disable()
from alembic import command
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base
engine = utils.create_sqlalchemy_engine("sqlite:///" + sys.argv[1])
Base.metadata.create_all(engine)
config = utils._get_alembic_config("")
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "{OLD_REVISION}")
"""

NEW_SCHEMA = """
import logging, sys; logging.disable()
import mlflow.db
mlflow.db.upgrade.main(["sqlite:///" + sys.argv[1]], standalone_mode=False)
"""

OLD_AUTH_SCHEMA = f"""
import sys
from mlflow.server.auth.db import cli
cli.upgrade.main(["--url", "sqlite:///" + sys.argv[1], "--revision", "{OLD_AUTH_REVISION}"], standalone_mode=False)
"""

AUTH_SCHEMA_AT_HEAD = OLD_AUTH_SCHEMA.replace(OLD_AUTH_REVISION, "head")

ROWS = """
INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'churn', 'active');
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50)
    INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status, source_type)
    SELECT 'run' || n, 'r', 1, 'active', 'FINISHED', 'LOCAL' FROM numbers;
INSERT INTO params (run_uuid, key, value) SELECT run_uuid, 'k', 'v' FROM runs;
INSERT INTO registered_models (name, creation_time) VALUES ('churn', 1);
"""
COUNTED = ("experiments", "runs", "params", "registered_models")

_templates = {}


def template(name, script):
    """The content of a file that a script creates, once for all tests."""
    if name not in _templates:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "made.db")
            subprocess.run([sys.executable, "-c", script, str(file)], env=pod_environment(folder, {}), check=True)
            _templates[name] = file.read_bytes()
    return _templates[name]


def query(file, statement):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement).fetchall()


class SqliteTestCase(PodTestCase):
    def setUp(self):
        super().setUp()
        self.files = self.folder / "database"
        self.files.mkdir()
        self.file = self.files / "mlflow.db"
        self.copies = self.files / "copies"

    def environment(self, **more):
        return {
            "DATABASE_MODULE": "sqlite_files",
            "DATABASE_NAME": "mlflow",
            "SQLITE_DIRECTORY": str(self.files),
            "SQLITE_COPIES": "3",
            **more,
        }

    def migrate(self, code=0, **more):
        return self.run_to_end("migrate_sqlite.py", environment=self.environment(**more), code=code)

    def old_database(self):
        """A database with the schema of MLflow 3.14, with rows."""
        self.file.write_bytes(template("old", OLD_SCHEMA))
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            connection.executescript(ROWS)

    def revision(self, file=None):
        return query(file or self.file, "SELECT version_num FROM alembic_version")[0][0]

    def counts(self, file=None):
        return [query(file or self.file, f"SELECT count(*) FROM {table}")[0][0] for table in COUNTED]

    def newest_table(self):
        """A table that MLflow has only since later than the old schema."""
        for name in ("old", "new"):
            (self.folder / f"{name}.db").write_bytes(template(name, {"old": OLD_SCHEMA, "new": NEW_SCHEMA}[name]))
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
        old, new = ([row[0] for row in query(self.folder / f"{name}.db", tables)] for name in ("old", "new"))
        return [name for name in new if name not in old][-1]

    def names(self):
        """What is left beside the databases."""
        return sorted(str(path.relative_to(self.files)) for path in self.files.rglob("*") if path.is_file())


class Migrate(SqliteTestCase):
    def test_creates_both_databases_and_has_nothing_to_do_the_second_time(self):
        output = self.migrate(AUTH_DATABASE="mlflow_auth")
        self.assertIn("The tracking database mlflow: creating the schema, none -> ", output)
        self.assertIn("The auth database mlflow_auth: creating the schema, none -> ", output)
        self.assertEqual(self.revision(), HEAD)
        auth = query(self.files / "mlflow_auth.db", "SELECT version_num FROM alembic_version_auth")
        self.assertEqual(auth, [(AUTH_HEAD,)])
        self.assertEqual(self.names(), [".migration.lock", "mlflow.db", "mlflow_auth.db"])

        before = self.file.read_bytes()
        again = self.migrate(AUTH_DATABASE="mlflow_auth")
        self.assertNotIn("creating", again)
        self.assertIn("has the schema that this MLflow wants", again)
        self.assertEqual(self.file.read_bytes(), before)

    def test_upgrades_from_3_14_after_a_copy_of_the_file(self):
        self.old_database()
        (self.files / "mlflow_auth.db").write_bytes(template("old auth", OLD_AUTH_SCHEMA))
        before = self.counts()

        output = self.migrate(AUTH_DATABASE="mlflow_auth")

        self.assertEqual(self.revision(), HEAD)
        self.assertEqual(self.counts(), before)
        self.assertLess(output.index("the copy is"), output.index("upgrading the schema"))
        (copy,) = self.copies.glob("mlflow-*")
        self.assertRegex(copy.name, rf"^mlflow-{OLD_REVISION}-before-mlflow-3\.[\d.]+\.db$")
        self.assertEqual(self.revision(copy), OLD_REVISION)
        self.assertEqual(self.counts(copy), before)
        if OLD_AUTH_REVISION != AUTH_HEAD:
            self.assertEqual(len(list(self.copies.glob(f"mlflow_auth-{OLD_AUTH_REVISION}-*"))), 1)
        self.assertEqual([name for name in self.names() if name.endswith((".upgrade", ".partial", "-journal"))], [])

    def test_a_database_with_the_rows_of_a_journal_loses_none(self):
        """A server that was killed leaves its last transaction to the next one that opens the file."""
        self.old_database()
        writer = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")
connection.execute("UPDATE params SET value = hex(randomblob(2000))")
os._exit(0)
"""
        subprocess.run([sys.executable, "-c", writer, self.file], check=True)
        self.assertTrue(Path(f"{self.file}-journal").exists())
        self.migrate()
        self.assertEqual(query(self.file, "SELECT DISTINCT value FROM params"), [("v",)])
        self.assertEqual(self.revision(), HEAD)

    def test_an_upgrade_that_fails_changes_nothing_and_says_how_to_go_on(self):
        self.old_database()
        # The last of the migrations that create a table does not expect it.
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            connection.executescript(f"CREATE TABLE {self.newest_table()} (mine INTEGER)")
        before = self.file.read_bytes()
        for _ in range(2):
            output = self.migrate(code=1)
            self.assertIn(f"The tracking database mlflow could not be brought to schema {HEAD}.", output)
            self.assertIn(f"Nothing was changed. It is at schema {OLD_REVISION}, as before", output)
            self.assertEqual(self.file.read_bytes(), before)
        (copy,) = self.copies.iterdir()
        self.assertIn(f"A copy of it is {copy}.", output)
        self.assertEqual(self.names(), [".migration.lock", f"copies/{copy.name}", "mlflow.db"])

    def test_an_upgrade_that_is_killed_changes_nothing_and_is_done_by_the_next_start(self):
        self.old_database()
        before = self.file.read_bytes()
        process = self.start("migrate_sqlite.py", environment=self.environment())
        self.read_until(process, "upgrading the schema")
        until((self.files / "mlflow.upgrade").exists, "the second file")
        process.kill()
        process.wait()
        self.assertEqual(self.file.read_bytes(), before)
        (self.copies / "mlflow-1-before-mlflow-3.0.0.db.partial").write_text("of one that was killed while it copied")
        self.migrate()
        self.assertEqual(self.revision(), HEAD)
        self.assertEqual([name for name in self.names() if "partial" in name or "upgrade" in name], [])

    def test_rows_that_another_process_writes_meanwhile_are_not_lost(self):
        self.old_database()
        process = self.start("migrate_sqlite.py", environment=self.environment())
        self.read_until(process, "upgrading the schema")
        with contextlib.closing(sqlite3.connect(self.file, timeout=20)) as connection, connection:
            connection.execute("INSERT INTO params (run_uuid, key, value) VALUES ('run1', 'late', 'v')")
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("was written to meanwhile", output)
        self.migrate()
        self.assertEqual(query(self.file, "SELECT run_uuid FROM params WHERE key = 'late'"), [("run1",)])
        self.assertEqual(self.revision(), HEAD)

    def test_two_at_once_upgrade_once(self):
        self.old_database()
        both = [self.start("migrate_sqlite.py", environment=self.environment()) for _ in range(2)]
        outputs = [each.communicate(timeout=300)[0] for each in both]
        self.assertEqual([each.returncode for each in both], [0, 0], outputs)
        self.assertEqual("".join(outputs).count("upgrading the schema"), 1, outputs)

    def test_a_newer_database_is_refused_with_the_copies_to_go_back_to(self):
        self.old_database()
        self.migrate()
        with contextlib.closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        output = self.migrate(code=3)
        self.assertIn("was upgraded by a newer MLflow", output)
        (copy,) = self.copies.iterdir()
        self.assertIn(f"  {copy}\n", output)
        self.assertIn(f"put a copy in the place of {self.file}", output)

    def test_the_oldest_copies_are_deleted(self):
        self.old_database()
        self.copies.mkdir()
        for number in range(4):
            old = self.copies / f"mlflow-{number}-before-mlflow-3.{number}.0.db"
            old.write_text("")
            os.utime(old, (number, number))
        other = self.copies / "mlflow_auth-1-before-mlflow-3.0.0.db"
        other.write_text("")
        self.migrate()
        kept = {file.name for file in self.copies.iterdir() if file.name.startswith("mlflow-")}
        self.assertEqual(len(kept), 3)
        self.assertTrue({f"mlflow-{number}-before-mlflow-3.{number}.0.db" for number in (2, 3)} < kept, kept)
        self.assertTrue(other.exists())

    def test_a_volume_without_space_is_left_as_it_is(self):
        self.old_database()
        script = f"""
import shutil, sys
sys.path.insert(0, {str(PROGRAMS)!r})
import migrate_sqlite
real = shutil.disk_usage
shutil.disk_usage = lambda path: real(path)._replace(free=1000)
migrate_sqlite.main()
"""
        environment = pod_environment(self.secrets, self.environment())
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("The volume has 1000 bytes left", done.stderr)
        self.assertFalse(list(self.copies.iterdir()))
        self.assertEqual(self.revision(), OLD_REVISION)

    def test_a_damaged_file_is_not_touched(self):
        self.file.write_text("no database" * 100)
        output = self.migrate(code=1)
        self.assertIn("cannot be read", output)
        self.assertEqual(self.file.read_text(), "no database" * 100)


class Copy(SqliteTestCase):
    def test_the_output_is_a_whole_database(self):
        self.old_database()
        environment = pod_environment(self.secrets, self.environment())
        program = [sys.executable, PROGRAMS / "sqlite_files.py"]
        done = subprocess.run([*program, "mlflow"], env=environment, capture_output=True, check=True)
        copy = self.folder / "copy.db"
        copy.write_bytes(done.stdout)
        self.assertEqual(self.counts(copy), self.counts())

    def test_an_unknown_name_is_refused_with_the_known_ones(self):
        self.old_database()
        environment = pod_environment(self.secrets, self.environment())
        program = [sys.executable, PROGRAMS / "sqlite_files.py"]
        done = subprocess.run([*program, "runs"], env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("expected the name of one database: mlflow", done.stderr)


if __name__ == "__main__":
    unittest.main()

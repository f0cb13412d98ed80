"""SQLite files, as MLflow fills them, copied into a real PostgreSQL."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import unittest

from support import PROGRAMS, PASSWORD, PodTestCase, new_auth_schema, new_schema, old_schema, pod_environment, postgres
from test_migrate_sqlite import AUTH_SCHEMA_AT_HEAD, NEW_SCHEMA, query, template

FILL = """
import logging, sys; logging.disable()
import mlflow
from mlflow.entities import Metric, Param, RunTag
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
for number in range(3):
    experiment = client.create_experiment(f"churn {number} é", artifact_location="mlflow-artifacts:/x", tags={"team": "a & b"})
    run = client.create_run(experiment, run_name="r").info.run_id
    metrics = [Metric("loss", step / 7, 1_700_000_000_000 + step, step) for step in range(400)]
    client.log_batch(run, metrics + [Metric("nan", float("nan"), 1, 1), Metric("inf", float("inf"), 1, 1)],
        [Param("text", "'; DROP TABLE runs; -- é %s")], [RunTag("owner", "a")])
    client.set_terminated(run)
    client.create_registered_model(f"model-{number}")
    client.create_model_version(f"model-{number}", "mlflow-artifacts:/x", run_id=run)
    client.set_registered_model_alias(f"model-{number}", "champion", "1")
mlflow.set_experiment("churn 1 é")
with mlflow.start_span("root") as span:
    span.set_inputs({"question": "é"})
mlflow.flush_trace_async_logging()
"""

SHOW = """
import json, logging, sys; logging.disable()
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiments = client.search_experiments()
ids = [each.experiment_id for each in experiments]
runs = client.search_runs(ids)
print(json.dumps({
    "experiments": sorted([each.experiment_id, each.name, each.creation_time, each.tags] for each in experiments),
    "runs": sorted([repr(each.info), repr(each.data.params), repr(sorted(each.data.metrics.items())), repr(each.data.tags)] for each in runs),
    "history": sorted([repr(each) for each in client.get_metric_history(run.info.run_id, "loss")] for run in runs),
    "models": sorted(repr(each) for each in client.search_model_versions()),
    "aliases": sorted(repr(each.aliases) for each in client.search_registered_models()),
    "traces": sorted(each.info.trace_id + each.data.spans[0].name for each in mlflow.search_traces(locations=ids, return_type="list")),
}))
"""


class CopyToPostgres(PodTestCase):
    def setUp(self):
        super().setUp()
        self.files = self.folder / "database"
        self.files.mkdir()
        self.file = self.files / "mlflow.db"
        self.file.write_bytes(template("new", NEW_SCHEMA))

    def python(self, script, *arguments, **more):
        environment = pod_environment(self.secrets, {"PGUSER": "mlflow", "PGPASSWORD": PASSWORD, **more})
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, *arguments], env=environment, cwd=self.folder,
            capture_output=True, text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def environment(self, database, **more):
        return postgres().environment(
            database, SQLITE_DIRECTORY=str(self.files), DATABASE_NAME="mlflow", **more
        )

    def copy(self, database, code=0, **more):
        return self.run_to_end("copy_to_postgres.py", environment=self.environment(database, **more), code=code)

    def test_everything_that_mlflow_shows_is_the_same_and_new_experiments_get_the_next_number(self):
        uri = f"sqlite:///{self.file}"
        self.python(FILL, uri)
        database = postgres().create("copied", new_schema())
        # The experiment Default, as a server that has started.
        self.python(SHOW, "postgresql+psycopg2://", **postgres().environment(database))

        output = self.copy(database)

        self.assertRegex(output, rf"Copied {self.file} to the database copied: \d\d\d+ rows of \d+ tables\.")
        before = json.loads(self.python(SHOW, uri))
        after = json.loads(self.python(SHOW, "postgresql+psycopg2://", **postgres().environment(database)))
        self.assertEqual(after, before)
        self.assertEqual(len(before["traces"]), 1)
        more = "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); print(mlflow.MlflowClient().create_experiment('new'))"
        highest = query(self.file, "SELECT max(experiment_id) FROM experiments")[0][0]
        made = self.python(more, "postgresql+psycopg2://", **postgres().environment(database))
        self.assertEqual(int(made.strip().split("\n")[-1]), highest + 1)

        again = self.copy(database, code=3)
        self.assertIn("has rows; expected an empty database. Nothing was changed.", again)

    def test_mlflows_own_users_are_copied_in_the_place_of_the_first_administrator(self):
        auth = self.files / "mlflow_auth.db"
        auth.write_bytes(template("new auth", AUTH_SCHEMA_AT_HEAD))
        users = """
import sys
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
store = SqlAlchemyStore()
store.init_db(sys.argv[1])
for name in sys.argv[2:]:
    store.create_user(name, name + " has a long password", is_admin=name == "admin")
print([store.authenticate_user(name, name + " has a long password") for name in ("admin", "ada")])
"""
        self.python(users, f"sqlite:///{auth}", "admin", "ada")
        database, target = postgres().create("users_runs", new_schema()), postgres().create("mlflow_auth", new_auth_schema())
        self.python(users, f"postgresql+psycopg2:///{target}", "admin", **postgres().environment(database))
        self.copy(database, AUTH_DATABASE="mlflow_auth")
        shown = self.python(users, f"postgresql+psycopg2:///{target}", **postgres().environment(database))
        self.assertEqual(shown.strip(), "[True, True]")

    def test_users_that_cannot_be_copied_leave_the_runs_uncopied_too(self):
        with contextlib.closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'a', 'active')")
        (self.files / "used_users.db").write_bytes(template("new auth", AUTH_SCHEMA_AT_HEAD))
        database, target = postgres().create("runs_alone", new_schema()), postgres().create("used_users", new_auth_schema())
        postgres().sql(target, "INSERT INTO users (username, password_hash, is_admin) VALUES ('eve', 'x', false)")
        output = self.copy(database, code=3, AUTH_DATABASE="used_users")
        self.assertIn("The table users of the database used_users has rows", output)
        self.assertIn("Nothing was changed.", output)
        self.assertEqual(postgres().sql(database, "SELECT count(*) FROM experiments WHERE experiment_id > 0"), [(0,)])

    def test_another_schema_is_refused(self):
        database = postgres().create("older", old_schema())
        output = self.copy(database, code=3)
        self.assertIn("Run the same version of MLflow on both first.", output)
        empty = postgres().create("without_schema")
        self.assertIn("and the database without_schema at none", self.copy(empty, code=3))

    def test_rows_of_another_user_are_not_replaced(self):
        database = postgres().create("used", new_schema())
        postgres().sql(database, "INSERT INTO registered_models (name, creation_time) VALUES ('churn', 1)")
        self.assertIn("The table registered_models of the database used has rows", self.copy(database, code=3))

    def test_a_row_that_postgresql_does_not_take_leaves_the_database_empty(self):
        with contextlib.closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'a', 'active')")
            connection.execute("INSERT INTO registered_models (name, description) VALUES ('churn', ?)", ["x" * 6000])
        database = postgres().create("refusing", new_schema())
        output = self.copy(database, code=1)
        self.assertIn("The table registered_models could not be copied", output)
        self.assertIn("Nothing was changed.", output)
        self.assertNotIn("xxxx", output)
        self.assertEqual(postgres().sql(database, "SELECT count(*) FROM experiments"), [(0,)])

    def test_a_missing_file_is_refused(self):
        os.unlink(self.file)
        database = postgres().create("no_file", new_schema())
        self.assertIn("mlflow.db does not exist", self.copy(database, code=3))


if __name__ == "__main__":
    unittest.main()

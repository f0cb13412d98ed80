"""The garbage collection, with MLflow's own stores, a real PostgreSQL and a folder as the artifact store."""

import contextlib
import fcntl
import json
import sqlite3
import time
import unittest
from unittest import mock
from urllib.parse import quote

from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Store
from prometheus_client.parser import text_string_to_metric_families
from test_migrate_sqlite import NEW_SCHEMA, template
from support import PASSWORD, PodTestCase, free_port, new_schema, old_schema, postgres, pushgateway

DAY = 24 * 3600 * 1000


class GarbageTestCase(PodTestCase):
    def setUp(self):
        super().setUp()
        self.database = postgres().create(f"garbage_{self._testMethodName[-40:]}", new_schema())
        url = f"postgresql+psycopg2://mlflow:{quote(PASSWORD, safe='')}@127.0.0.1:{postgres().port}/{self.database}"
        self.root = self.folder / "artifacts"
        self.store, self.registry = Store(url, "mlflow-artifacts:/"), Registry(url)
        self.addCleanup(self.store.engine.dispose)
        self.addCleanup(self.registry.engine.dispose)

    def collect(self, code=0, **more):
        environment = {"ARTIFACTS_ROOT": str(self.root), "OLDER_THAN_SECONDS": str(30 * 24 * 3600), **more}
        return self.run_to_end("collect_garbage.py", environment=postgres().environment(self.database, **environment), code=code)

    def sql(self, statement, parameters=()):
        return postgres().sql(self.database, statement, parameters)

    def run_with_file(self, experiment="0", deleted_days_ago=None):
        run = self.store.create_run(experiment, "user", int(time.time() * 1000), [], "name").info
        self.write(run.artifact_uri)
        if deleted_days_ago is not None:
            self.store.delete_run(run.run_id)
            self.age("runs", "deleted_time", "run_uuid", run.run_id, deleted_days_ago)
        return run

    def write(self, uri, name="file", content="content"):
        file = self.path(uri) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def path(self, uri):
        return self.root / uri.removeprefix("mlflow-artifacts:/").lstrip("/")

    def age(self, table, column, key, id, days):
        then = int(time.time() * 1000) - days * DAY
        self.sql(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [then, id])

    def runs(self):
        return {row[0] for row in self.sql("SELECT run_uuid FROM runs")}


class Runs(GarbageTestCase):
    def test_removes_what_was_deleted_long_ago_with_its_files_and_nothing_else(self):
        old, new, active = self.run_with_file(deleted_days_ago=31), self.run_with_file(deleted_days_ago=29), self.run_with_file()
        said = self.collect()
        self.assertIn(f"Removed the run {old.run_id}.", said)
        self.assertIn("Removed 1 × run; 1 files (7 bytes).", said)
        self.assertEqual(self.runs(), {new.run_id, active.run_id})
        self.assertFalse((self.path(old.artifact_uri) / "file").exists())
        for kept in (new, active):
            self.assertTrue((self.path(kept.artifact_uri) / "file").exists())
        self.assertIn("Removed nothing; 0 files (0 bytes).", self.collect())

    def test_removes_what_was_deleted_in_every_workspace(self):
        postgres().sql(self.database, "INSERT INTO workspaces (name) VALUES ('fraud')")
        experiment = self.store.create_experiment("of fraud")
        old, active = self.run_with_file(experiment, deleted_days_ago=31), self.run_with_file(experiment)
        postgres().sql(self.database, "UPDATE experiments SET workspace = 'fraud' WHERE experiment_id = %s", [int(experiment)])
        self.assertIn(f"Removed the run {old.run_id}.", self.collect())
        self.assertEqual(self.runs(), {active.run_id})

    def test_a_dry_run_reports_the_same_and_removes_nothing(self):
        old = self.run_with_file(deleted_days_ago=31)
        said = self.collect(DRY_RUN="yes")
        self.assertIn(f"Would remove the run {old.run_id}.", said)
        self.assertIn("Dry run: would remove 1 × run; 1 files (7 bytes).", said)
        self.assertEqual(self.runs(), {old.run_id})
        self.assertTrue((self.path(old.artifact_uri) / "file").exists())

    def test_keeps_the_run_that_a_model_version_was_made_from(self):
        used, unused, of_removed_version = (self.run_with_file(deleted_days_ago=31) for _ in range(3))
        self.registry.create_registered_model("churn")
        self.registry.create_model_version("churn", f"{used.artifact_uri}/model", used.run_id)
        removed = self.registry.create_model_version("churn", f"{of_removed_version.artifact_uri}/model", of_removed_version.run_id)
        self.registry.delete_model_version("churn", removed.version)
        said = self.collect()
        self.assertIn(f"Kept 1 that are deleted, and that the model registry uses: {used.run_id}.", said)
        self.assertEqual(self.runs(), {used.run_id})
        self.assertTrue((self.path(used.artifact_uri) / "file").exists())

    def test_keeps_the_row_of_a_run_whose_files_cannot_be_removed(self):
        strange, old = self.run_with_file(deleted_days_ago=31), self.run_with_file(deleted_days_ago=31)
        neighbour = self.write("mlflow-artifacts:/shared")
        self.sql("UPDATE runs SET artifact_uri = 'mlflow-artifacts:/shared' WHERE run_uuid = %s", [strange.run_id])
        said = self.collect(code=1)
        self.assertIn("a folder that others can use too", said)
        self.assertIn(f"1 stay that should have been removed or archived: {strange.run_id}.", said)
        self.assertEqual(self.runs(), {strange.run_id})
        self.assertTrue(neighbour.exists())
        self.assertFalse((self.path(old.artifact_uri) / "file").exists())

    def test_does_not_leave_the_artifact_store_by_dots(self):
        run = self.run_with_file(deleted_days_ago=31)
        outside = self.folder / run.run_id / "file"
        outside.parent.mkdir()
        outside.write_text("content")
        for uri in (f"mlflow-artifacts:/../{run.run_id}", f"mlflow-artifacts:/%2e%2e/{run.run_id}"):
            self.sql("UPDATE runs SET artifact_uri = %s WHERE run_uuid = %s", [uri, run.run_id])
            self.assertIn("is not in the artifact store", self.collect(code=1))
            self.assertTrue(outside.exists())
        self.assertEqual(self.runs(), {run.run_id})


class RunsInSqlite(Runs):
    """The same with the files of a platform without a PostgreSQL."""

    # Workspaces need PostgreSQL or MySQL.
    test_removes_what_was_deleted_in_every_workspace = None

    def setUp(self):
        PodTestCase.setUp(self)
        self.root = self.folder / "artifacts"
        self.database = self.folder / "mlflow.db"
        self.database.write_bytes(template("new", NEW_SCHEMA))
        url = f"sqlite:///{self.database}"
        self.store, self.registry = Store(url, "mlflow-artifacts:/"), Registry(url)
        self.addCleanup(self.store.engine.dispose)
        self.addCleanup(self.registry.engine.dispose)

    def collect(self, code=0, **more):
        environment = {
            "ARTIFACTS_ROOT": str(self.root), "OLDER_THAN_SECONDS": str(30 * 24 * 3600), "DATABASE_MODULE": "sqlite_files",
            "DATABASE_NAME": "mlflow", "SQLITE_DIRECTORY": str(self.folder), **more,
        }
        return self.run_to_end("collect_garbage.py", environment=environment, code=code)

    def sql(self, statement, parameters=()):
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            return connection.execute(statement.replace("%s", "?"), parameters).fetchall()

    def test_waits_for_a_backup_that_runs(self):
        old = self.run_with_file(deleted_days_ago=31)
        with (self.folder / ".operation.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            said = self.collect(code=1, LOCK_SECONDS="1")
        self.assertIn("A backup or a restore is running. Waiting for it.", said)
        self.assertEqual(self.runs(), {old.run_id})


class Models(GarbageTestCase):
    def model(self, deleted_days_ago=31):
        model = self.store.create_logged_model("0", "model")
        self.write(model.artifact_location, "MLmodel")
        self.store.delete_logged_model(model.model_id)
        self.age("logged_models", "last_updated_timestamp_ms", "model_id", model.model_id, deleted_days_ago)
        return model

    def test_removes_logged_models_that_no_version_was_made_from(self):
        old, new, used, used_by_id = self.model(), self.model(deleted_days_ago=29), self.model(), self.model()
        self.registry.create_registered_model("churn")
        self.registry.create_model_version("churn", used.artifact_location)
        by_id = self.registry.create_model_version("churn", used_by_id.artifact_location).version
        # As MLflow's client writes it: `models:/<id>`, and the location of that model.
        self.sql(
            "UPDATE model_versions SET source = %s WHERE version = %s", [f"models:/{used_by_id.model_id}", by_id]
        )
        said = self.collect()
        self.assertIn("Removed 1 × logged model; 1 files", said)
        self.assertEqual(
            {row[0] for row in self.sql("SELECT model_id FROM logged_models")},
            {new.model_id, used.model_id, used_by_id.model_id},
        )
        self.assertFalse((self.path(old.artifact_location) / "MLmodel").exists())
        self.assertTrue((self.path(used.artifact_location) / "MLmodel").exists())


class Experiments(GarbageTestCase):
    def deleted(self, name, days=31):
        experiment = self.store.create_experiment(name)
        run = self.run_with_file(experiment)
        self.store.delete_experiment(experiment)
        self.age("experiments", "last_update_time", "experiment_id", experiment, days)
        self.age("runs", "deleted_time", "run_uuid", run.run_id, days)
        return experiment, run

    def names(self):
        return {each.name for each in self.store.search_experiments(view_type=ViewType.ALL)} - {"Default"}

    def test_removes_them_with_their_whole_folder_and_no_folder_with_a_longer_name(self):
        old, _ = self.deleted("old")
        left = self.write(f"mlflow-artifacts:/{old}", "models/m-1/artifacts/part")
        neighbour = self.write(f"mlflow-artifacts:/{old}0")
        self.collect()
        self.assertEqual(self.names(), set())
        self.assertFalse(left.exists())
        self.assertTrue(neighbour.exists())

    def test_keeps_one_with_a_run_that_a_model_version_was_made_from(self):
        _, run = self.deleted("used")
        self.registry.create_registered_model("churn")
        self.registry.create_model_version("churn", f"{run.artifact_uri}/model", run.run_id)
        self.collect()
        self.assertEqual(self.names(), {"used"})
        self.assertEqual(self.runs(), {run.run_id})

    def test_keeps_one_that_was_deleted_recently(self):
        self.deleted("new", days=29)
        self.collect()
        self.assertEqual(self.names(), {"new"})


class Traces(GarbageTestCase):
    def trace(self, days):
        with mock.patch("mlflow.tracing.provider"):
            from mlflow.entities import TraceInfo, TraceLocation, TraceState

        id = f"tr-{days}"
        self.store.start_trace(
            TraceInfo(id, TraceLocation.from_experiment_id("0"), int(time.time() * 1000) - days * DAY, TraceState.OK)
        )
        location = self.store.get_trace_info(id).tags["mlflow.artifactLocation"]
        return id, self.write(location, "traces.json")

    def test_stay_unless_their_age_is_limited(self):
        id, _ = self.trace(400)
        self.collect()
        self.assertEqual(self.store.get_trace_info(id).trace_id, id)

    def test_are_removed_with_their_files_beyond_their_age(self):
        old, file = self.trace(91)
        new, kept = self.trace(89)
        self.assertIn("Removed 1 × trace; 1 files", self.collect(TRACES_OLDER_THAN_SECONDS=str(90 * 24 * 3600)))
        with self.assertRaises(MlflowException):
            self.store.get_trace_info(old)
        self.assertEqual(self.store.get_trace_info(new).trace_id, new)
        self.assertEqual((file.exists(), kept.exists()), (False, True))


class ArchivedTraces(GarbageTestCase):
    def span(self, days):
        """A trace with a span in the database, as the server keeps those of MLflow's client."""
        from mlflow.entities import Span, TraceInfo, TraceLocation, TraceState
        from mlflow.tracing.utils import build_otel_context
        from opentelemetry.sdk.trace import ReadableSpan

        then = int(time.time() * 1000) - days * DAY
        id = f"tr-{days:032x}"
        self.store.start_trace(TraceInfo(id, TraceLocation.from_experiment_id("0"), then, TraceState.OK))
        otel = ReadableSpan(
            name="ask", context=build_otel_context(days, 1), attributes={"mlflow.traceRequestId": json.dumps(id)},
            start_time=then * 1_000_000, end_time=then * 1_000_000 + 1000,
        )
        self.store.log_spans("0", [Span(otel)])
        return id

    def stored(self):
        return dict(self.sql("SELECT trace_id, content <> '' FROM spans"))

    def test_stay_in_the_database_unless_their_age_is_limited(self):
        id = self.span(400)
        self.collect()
        self.assertEqual(self.stored(), {id: True})

    def test_are_moved_to_the_artifact_store_and_can_still_be_read(self):
        old, new = self.span(91), self.span(89)
        root = {"ARTIFACTS_ROOT": self.root.as_uri(), "ARCHIVE_TRACES_OLDER_THAN_SECONDS": str(90 * 24 * 3600)}
        self.assertIn("Dry run: would archive 1 traces.", self.collect(DRY_RUN="yes", **root))
        self.assertEqual(self.stored(), {old: True, new: True})
        self.assertIn("Archived 1 traces", self.collect(**root))
        self.assertEqual(self.stored(), {old: False, new: True})
        self.assertTrue((self.root / "0" / "traces" / old / "artifacts" / "traces.pb").exists())
        self.assertEqual(self.read(old), ["ask"])
        self.assertIn("Archived 0 traces", self.collect(**root))

    def read(self, id):
        """As the server answers it."""
        from mlflow.server import handlers

        repository = handlers._get_trace_archive_repo(self.store.get_trace_info(id))
        return [span.name for span in repository.download_archived_trace_data().spans]

    def test_are_removed_with_their_archive_beyond_their_age(self):
        old = self.span(91)
        root = {"ARTIFACTS_ROOT": self.root.as_uri()}
        self.collect(ARCHIVE_TRACES_OLDER_THAN_SECONDS=str(30 * 24 * 3600), **root)
        self.assertIn("Removed 1 × trace; 1 files", self.collect(TRACES_OLDER_THAN_SECONDS=str(90 * 24 * 3600), **root))
        self.assertEqual(self.stored(), {})
        self.assertFalse((self.root / "0" / "traces" / old / "artifacts" / "traces.pb").exists())


class Figures(GarbageTestCase):
    def test_are_sent_to_a_pushgateway(self):
        variables, sent = pushgateway(self)
        self.run_with_file(deleted_days_ago=31)
        gateway = {**variables, "METRICS_JOB": "mlflow-garbage-collection"}
        self.collect(DRY_RUN="yes", **gateway)
        self.assertEqual(sent, {})
        self.collect(**gateway)
        [(path, text)] = sent.items()
        self.assertEqual(path, "/metrics/job/mlflow-garbage-collection/namespace/mlflow")
        families = {family.name: family for family in text_string_to_metric_families(text)}
        self.assertEqual([family.type for family in families.values()], ["gauge"] * len(families))
        removed = {sample.labels["kind"]: sample.value for sample in families["mlflow_garbage_collection_removed"].samples}
        self.assertEqual(removed, {"run": 1, "logged_model": 0, "experiment": 0, "trace": 0})
        self.assertEqual(families["mlflow_garbage_collection_freed_bytes"].samples[0].value, 7)
        self.assertEqual(families["mlflow_garbage_collection_failed"].samples[0].value, 0)

    def test_that_cannot_be_sent_do_not_fail_the_run(self):
        old = self.run_with_file(deleted_days_ago=31)
        gateway = {"PUSHGATEWAY_URL": f"http://127.0.0.1:{free_port()}", "METRICS_JOB": "a", "POD_NAMESPACE": "b"}
        self.assertIn("The figures could not be sent to http://127.0.0.1", self.collect(**gateway))
        self.assertNotIn(old.run_id, self.runs())


class Waits(GarbageTestCase):
    def test_for_a_backup_that_runs(self):
        old = self.run_with_file(deleted_days_ago=31)
        with postgres().connect(self.database).cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [0x6D6C666C6F77 + 1])
            said = self.collect(code=1, LOCK_SECONDS="1")
        self.assertIn("A backup or a restore is running. Waiting for it.", said)
        self.assertEqual(self.runs(), {old.run_id})

    def test_for_no_migration_but_refuses_an_older_schema(self):
        postgres().create("garbage_older", old_schema())
        self.database = "garbage_older"
        self.assertIn("a migration comes first. Nothing was changed.", self.collect(code=1))


if __name__ == "__main__":
    unittest.main()

import contextlib
import io
import os
import sys
import threading
import time
import unittest
from unittest import mock

from migrations import Dumps, Gate, MigrationTestCase, keepalive_seconds, processes_of_group
from support import (
    OLD_AUTH_REVISION, OLD_REVISION, PROGRAMS, free_port, old_auth_schema, old_schema, postgres, until,
)

sys.path.insert(0, str(PROGRAMS))
import dumps  # noqa: E402
import schema  # noqa: E402

HEAD = schema.revisions(schema.TRACKING)[1]
AUTH_HEAD = schema.revisions(schema.AUTH)[1]
LOCKS = """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = %s"""


class Migrate(MigrationTestCase):
    def test_three_at_once_on_an_empty_database(self):
        environment = self.environment(postgres().create("three"), AUTH_DATABASE=postgres().create("three_auth"))
        outputs = [self.end_of(job) for job in [self.start_migration(environment) for _ in range(3)]]
        self.assertEqual("".join(outputs).count("The tracking database three: creating the schema"), 1, outputs)
        self.assertEqual("".join(outputs).count("The auth database three_auth: creating the schema"), 1, outputs)
        self.assertEqual(self.revision("three"), HEAD)
        self.assertEqual(self.revision("three_auth", "alembic_version_auth"), AUTH_HEAD)
        self.assertEqual(list(self.work.iterdir()), [], "no dump was asked for")

    def test_upgrade_from_3_14_with_rows(self):
        environment = self.environment(self.old_database("old"))
        before = self.counts("old")

        output = self.migrate(environment)

        self.assertEqual(self.revision("old"), HEAD)
        self.assertEqual(self.counts("old"), before)
        self.assertLess(output.index("the dump lies at"), output.index("upgrading the schema"))
        (backup,) = self.backups.iterdir()
        self.assertRegex(backup.name, rf"^old-\d{{8}}T\d{{6}}Z-{OLD_REVISION}-before-mlflow-3\.[\d.]+\.dump$")
        self.assertEqual([file.name for file in self.work.glob("old*dump")], [], "it takes no space any more")
        postgres().create("restored")
        postgres().client("pg_restore", "-d", "restored", "--no-owner", "--exit-on-error", backup)
        self.assert_unchanged("restored")
        self.assertEqual(self.counts("restored"), before)

        # A second migration has nothing to do, so it needs no container that dumps.
        again = self.end_of(self.start_migration(environment))
        self.assertIn("has the schema that this MLflow wants", again)
        self.assertEqual(len(list(self.backups.iterdir())), 1)

    def test_no_upgrade_without_a_dump(self):
        environment = self.environment(self.old_database("undumped"))
        postgres().sql("undumped", "ALTER TABLE params OWNER TO postgres")
        output = self.migrate(environment, code=1)
        self.assertIn("The tracking database undumped could not be dumped", output)
        self.assertIn("permission denied for table params", output)
        self.assertFalse(self.backups.exists())

        empty_file = """for each; do case $each in --file=*) : >"${each#--file=}" ;; esac; done"""
        self.assertIn("is no dump", self.migrate(environment, code=1, pg_dump=empty_file))
        self.assert_unchanged("undumped")

    def test_no_upgrade_when_the_dump_cannot_be_uploaded(self):
        self.backups.write_text("a file, where a folder should be")
        environment = self.environment(self.old_database("no_upload"))
        self.assertIn("could not be uploaded", self.migrate(environment, code=1))
        self.assert_unchanged("no_upload")

    def test_an_incomplete_dump_is_refused(self):
        login = {"PGUSER": "postgres", **self.environment(self.old_database("short"))}
        Dumps(self, login)
        repository = mock.Mock()
        repository.list_artifacts.return_value = []
        with mock.patch.dict(os.environ, login), contextlib.redirect_stdout(io.StringIO()):
            database = schema.Database("tracking database", "short", schema.TRACKING)
            database.look()
            with self.assertRaisesRegex(schema.Failure, r"did not arrive whole in .*: None of \d+ bytes"):
                dumps.back_up({"version": "3", "repository": lambda _: repository}, database)

    def test_an_upgrade_removes_older_dumps_and_keeps_the_newest_of_the_last_upgrades(self):
        self.backups.mkdir()
        old = ["rotated-20250101T000000Z-1a-before-mlflow-3.1.0.dump", "rotated-20250201T000000Z-2b-before-mlflow-3.2.0.dump"]
        tried = "rotated-20250301T000000Z-3c-before-mlflow-3.3.0.dump"
        kept = [
            "rotated-20250301T010000Z-3c-before-mlflow-3.3.0.dump", "other-20240101T000000Z-1a-before-mlflow-3.1.0.dump",
            "rotated-copy.dump", "rotated_auth-20240101T000000Z-1a-before-mlflow-3.1.0.dump",
        ]
        for name in [*old, tried, *kept]:
            (self.backups / name).write_text("dump")
        output = self.migrate(self.environment(self.old_database("rotated"), DUMPS_KEPT="2"))
        left = {file.name for file in self.backups.iterdir()}
        self.assertEqual(len(left), len(kept) + 1)
        self.assertLess(set(kept), left)
        for name in [*old, tried]:
            self.assertIn(f"The tracking database rotated: removed the old dump {name}.", output)
        self.assertLess(output.index("upgrading the schema"), output.index("removed the old dump"))

    def test_an_upgrade_that_fails_removes_no_dump(self):
        self.backups.mkdir()
        (self.backups / "stays-20250101T000000Z-1a-before-mlflow-3.1.0.dump").write_text("dump")
        environment = self.environment(self.old_database("stays"), DUMPS_KEPT="1")
        new = self.table_made_after_3_14()
        postgres().sql("stays", f"CREATE TABLE {new} (x int); ALTER TABLE {new} OWNER TO mlflow")
        self.migrate(environment, code=1)
        self.assertEqual(len(list(self.backups.iterdir())), 2)

    def test_a_key_that_may_not_delete_leaves_old_dumps_and_the_migration_succeeds(self):
        names = [f"safe-2025010{day}T000000Z-{day}a-before-mlflow-3.{day}.0.dump" for day in range(1, 6)]
        repository = mock.Mock()
        repository.list_artifacts.return_value = [mock.Mock(path=name, is_dir=False) for name in names]
        repository.delete_artifacts.side_effect = PermissionError("AccessDenied")
        said = io.StringIO()
        with mock.patch.dict(os.environ, self.environment("safe")), contextlib.redirect_stdout(said):
            dumps.remove_old({"repository": lambda _: repository}, schema.Database("tracking database", "safe", schema.TRACKING))
        self.assertIn("stay, since they could not be removed: PermissionError: AccessDenied", said.getvalue())
        repository.delete_artifacts.assert_called_once_with(names[0])

    def test_a_failing_upgrade_leaves_the_old_schema_and_says_why(self):
        environment = self.environment(self.old_database("failing"))
        # A later migration fails because this table exists already.
        new = self.table_made_after_3_14()
        postgres().sql("failing", f"CREATE TABLE {new} (x int); ALTER TABLE {new} OWNER TO mlflow")

        output = self.migrate(environment, code=1)

        self.assert_unchanged("failing")
        last = output[output.index("The tracking database failing could not be brought"):]
        self.assertIn(f'Cause: DuplicateTable: relation "{new}" already exists', last)
        self.assertIn(f"It is at schema {OLD_REVISION}, as before", last)
        self.assertIn("pg_restore", last)
        self.assertIn(str(next(self.backups.iterdir()).name), last)

    def table_made_after_3_14(self):
        from mlflow.store.db.base_sql_model import Base
        import mlflow.store.db.utils  # noqa: F401
        existing = {row[0] for row in postgres().sql(old_schema(), "SELECT tablename FROM pg_tables")}
        return sorted(set(Base.metadata.tables) - existing)[0]

    def test_a_newer_schema_is_refused(self):
        name = self.old_database("newer")
        postgres().sql(name, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
        environment = self.environment(name, AUTH_DATABASE=postgres().create("newer_auth"))
        output = self.end_of(self.start_migration(environment), code=3)
        self.assertIn("was upgraded by a newer MLflow", output)
        tables = postgres().sql("newer_auth", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        self.assertEqual(tables, [])

    def test_a_dump_that_needs_too_much_space_is_refused_with_a_message(self):
        environment = self.environment(self.old_database("large"), DUMP_KIBIBYTES="20")
        output = self.migrate(environment, code=3)
        self.assertIn("The tracking database large could not be dumped", output)
        self.assertIn("The dump needs more than 1 MiB. Give the server more dumpSpace.", output)
        self.assertEqual(list(self.work.glob("large.[dp]*")), [], "it takes no space any more")
        self.assert_unchanged("large")

    def test_a_superseded_migration_changes_nothing(self):
        wanted = self.folder / "wanted-image"
        wanted.write_text("mlflow:v3.14.0-full")
        environment = self.environment(
            self.old_database("unwanted"), MIGRATION_IMAGE="mlflow:v3.17.2-full", WANTED_IMAGE_FILE=str(wanted),
            MOUNT_WAIT_SECONDS="0.1",
        )
        output = self.end_of(self.start_migration(environment), code=3)
        self.assertIn("applied last wants mlflow:v3.14.0-full, and this migration is for mlflow:v3.17.2-full", output)
        self.assert_unchanged("unwanted")

        # Also if the change is detected only after the dump.
        wanted.write_text("mlflow:v3.17.2-full")
        gate = Gate(self.folder)
        Dumps(self, environment, gate.pg_dump)
        migration = self.start_migration(environment)
        gate.wait()
        wanted.write_text("mlflow:v3.14.0-full")
        gate.open.touch()
        self.assertIn("this migration is for mlflow:v3.17.2-full", self.end_of(migration, code=3))
        self.assert_unchanged("unwanted")

    def test_waits_for_a_late_kubelet(self):
        wanted = self.folder / "wanted-image"
        wanted.write_text("mlflow:v3.14.0-full")
        environment = self.environment(
            postgres().create("behind"), MIGRATION_IMAGE="mlflow:v3.17.2-full", WANTED_IMAGE_FILE=str(wanted)
        )
        migration = self.start_migration(environment)
        self.read_until(migration, "waiting for the kubelet")
        wanted.write_text("mlflow:v3.17.2-full")
        self.end_of(migration)
        self.assertEqual(self.revision("behind"), HEAD)

    def test_waits_for_the_database_a_limited_time(self):
        environment = self.environment("none", PGPORT=str(free_port()), MIGRATION_WAIT_SECONDS="0.1")
        self.assertIn("Gave up waiting", self.end_of(self.start_migration(environment), code=1))


class WhileOthersHoldLocks(MigrationTestCase):
    def hold(self, name):
        """Begins a transaction like that of pg_dump. Returns its description in messages, and the tables that it locks."""
        connection = postgres().connect(name, application_name="a guest")
        self.addCleanup(connection.close)
        tables = [row[0] for row in postgres().sql(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        connection.cursor().execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE")
        return connection, f"pid {connection.info.backend_pid} (role postgres, program a guest)", set(tables)

    def test_it_rolls_back_and_upgrades_when_they_have_ended(self):
        name = self.old_database("guest")
        holder, who, tables = self.hold(name)
        environment = self.environment(name)
        dumps = Dumps(self, environment)
        migration = self.start_migration(environment)
        with Reader(name) as reader:
            self.read_until(migration, f"other sessions hold locks that the upgrade needs: {who}.")
            self.assert_unchanged(name)
            left = {row[0] for row in postgres().sql(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
            self.assertEqual(left, tables, "no part of the upgrade stays")
            holder.close()
            output = self.end_of(migration)
        self.assertIn("upgrading the schema", output)
        self.assertIn("has the schema that this MLflow wants", output)
        self.assertEqual(self.revision(name), HEAD)
        self.assertEqual(len(list(self.backups.iterdir())), 1)
        # The lock_timeout of the migration is 3 s, and this machine can be busy.
        self.assertLess(reader.longest, 15, "a server waits no longer than the upgrade itself")
        dumps.kill()

    def test_it_gives_up_after_a_while(self):
        name = self.old_database("staying")
        _, who, _ = self.hold(name)
        output = self.migrate(self.environment(name, MIGRATION_LOCK_SECONDS="0"), code=1)
        self.assertIn(f"Cause: TimeoutError: gave up waiting for locks of other sessions: {who}", output)
        self.assertIn(f"It is at schema {OLD_REVISION}, as before", output)
        self.assert_unchanged(name)

    def test_it_rolls_back_in_the_auth_database_too(self):
        name, auth = self.old_database("auth_guest"), postgres().create("auth_guest_users", old_auth_schema())
        _, who, _ = self.hold(auth)
        environment = self.environment(name, AUTH_DATABASE=auth, MIGRATION_LOCK_SECONDS="0")
        output = self.migrate(environment, code=1)
        self.assertIn("The auth database auth_guest_users could not be brought", output)
        self.assertIn(f"gave up waiting for locks of other sessions: {who}", output)
        self.assertEqual(self.revision(auth, "alembic_version_auth"), OLD_AUTH_REVISION)

    def test_every_connection_detects_a_lost_server(self):
        name = self.old_database("keepalive")
        holder, _, _ = self.hold(name)
        holder.cursor().execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        environment = self.environment(name)
        dumps = Dumps(self, environment)
        migration = self.start_migration(environment)

        def waiting(program):
            query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND application_name = %s AND wait_event_type = 'Lock'"
            return postgres().sql(name, query, [name, program])

        until(lambda: waiting("pg_dump"), "pg_dump waits for the lock")
        self.assert_short(keepalive_seconds(processes_of_group(dumps.process.pid)), 1)
        holder.rollback()
        self.hold(name)
        until(lambda: waiting(""), "the upgrade waits for the lock")
        # The connections of the migration's lock and of MLflow's engine.
        self.assert_short(keepalive_seconds([migration.pid]), 2)

    def assert_short(self, seconds, connections):
        self.assertGreaterEqual(len(seconds), connections)
        self.assertLessEqual(max(seconds), 20, "the kernel's default is two hours")


class Reader(threading.Thread):
    """A server that reads continuously."""

    def __init__(self, database):
        super().__init__()
        self.connection, self.stop, self.longest = postgres().connect(database, user="mlflow"), threading.Event(), 0
        self.connection.autocommit = True

    def run(self):
        with self.connection.cursor() as cursor:
            while not self.stop.wait(0.02):
                began = time.monotonic()
                cursor.execute("SELECT count(*) FROM runs, experiments, registered_models")
                self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()
        self.connection.close()


class WhileADumpIsMade(MigrationTestCase):
    def begin(self, name):
        """Starts a migration that waits for a dump, which waits for the gate."""
        environment = self.environment(self.old_database(name))
        gate = Gate(self.folder)
        dumps = Dumps(self, environment, gate.pg_dump)
        migration = self.start_migration(environment)
        gate.wait()
        return environment, gate, dumps, migration

    def test_the_lock_is_held(self):
        environment, gate, _, first = self.begin("locked")
        second = self.start_migration(environment)
        self.read_until(second, "Another migration is running. Waiting for it.")
        self.assertIsNone(first.poll())
        gate.open.touch()
        self.assertIn("upgrading the schema", self.end_of(first))
        self.assertNotIn("upgrading the schema", self.end_of(second))
        self.assertEqual(len(list(self.backups.iterdir())), 1)

    def test_its_container_may_be_killed_and_started_again(self):
        environment, _, dumps, migration = self.begin("killed")
        dumps.kill()
        Dumps(self, environment)
        self.assertIn("the dump lies at", self.end_of(migration))
        self.assertEqual(self.revision("killed"), HEAD)

    def test_a_lock_that_is_lost_stops_the_change(self):
        _, gate, _, migration = self.begin("lost")
        (holder,) = postgres().sql("lost", LOCKS, ["lost"])
        postgres().sql("lost", "SELECT pg_terminate_backend(%s)", holder)
        until(lambda: not postgres().sql("lost", LOCKS, ["lost"]), "the lock is lost")
        gate.open.touch()
        output = self.end_of(migration, code=1)
        self.assertIn("The tracking database lost was not changed: the lock was lost meanwhile", output)
        self.assert_unchanged("lost")

    def test_a_schema_that_changes_meanwhile_stops_the_change(self):
        _, gate, _, migration = self.begin("changed")
        postgres().sql("changed", "UPDATE alembic_version SET version_num = %s", [HEAD])
        gate.open.touch()
        self.assertIn(f"it went from schema {OLD_REVISION} to {HEAD} meanwhile", self.end_of(migration, code=1))
        self.assertEqual(self.revision("changed"), HEAD)

    def test_sigterm_ends_it_without_a_change(self):
        _, _, _, migration = self.begin("stopped")
        migration.terminate()
        self.end_of(migration, code=143)
        self.assert_unchanged("stopped")


if __name__ == "__main__":
    unittest.main()

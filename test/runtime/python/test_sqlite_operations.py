"""Backup, restore, drill and garbage collection of a platform with SQLite files on a volume."""

import contextlib
import fcntl
import sqlite3
import time
import unittest

from backup_pods import BackupTestCase
from test_migrate_sqlite import NEW_SCHEMA, OLD_SCHEMA, ROWS, template
from support import OLD_REVISION


class SqliteBackupTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        # The volume of the platform, which the store is on too.
        self.files = self.store / "database"
        self.files.mkdir()
        self.database = self.files / "mlflow.db"

    def pod(self, program, code=0, key=None, **more):
        return super().pod(program, None, code=code, key=key, sqlite=self.files, **more)

    def use(self, script=NEW_SCHEMA, rows=ROWS):
        name = "new" if script == NEW_SCHEMA else "old"
        self.database.write_bytes(template(name, script))
        self.execute(rows)

    def execute(self, statements):
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.executescript(statements)

    def count(self, table="runs", file=None):
        with contextlib.closing(sqlite3.connect(file or self.database)) as connection:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def back_up(self, **more):
        return self.pod("backup.py", **more)

    def restore(self, **more):
        return self.pod("restore.py", **more)

    def drill(self, **more):
        return self.pod("restore_drill.py", **more)


class Sqlite(SqliteBackupTestCase):
    def test_restores_a_lost_database_and_its_files(self):
        self.use()
        self.file("1/run1/model.pkl", "model")
        said = self.back_up()
        self.assertIn("is complete: 1 databases, 1 files (5 bytes), of which 1 were copied now", said)
        self.assertIn("is proven: 1 databases, 1 files, 1 of them read", self.drill())
        self.database.unlink()
        (self.store / "artifacts" / "1" / "run1" / "model.pkl").unlink()
        said = self.restore()
        self.assertIn("50 runs", said)
        self.assertEqual((self.count(), self.count("params")), (50, 50))
        self.assertEqual((self.store / "artifacts" / "1" / "run1" / "model.pkl").read_text(), "model")
        self.assertIn("of which 0 were copied now", self.back_up())

    def test_restores_in_place_only_if_requested_and_keeps_the_old_file(self):
        self.use()
        self.back_up()
        self.execute("DELETE FROM params; DELETE FROM runs WHERE run_uuid <> 'run1'")
        said = self.restore(code=3)
        self.assertIn("is not empty (rows: 1 in runs, 1 in registered_models, 1 in experiments)", said)
        self.assertEqual(self.count(), 1)
        said = self.restore(OVERWRITE="yes")
        self.assertEqual((self.count(), self.count("params")), (50, 50))
        [kept] = self.files.glob("before-*")
        self.assertIn(f"is in the folder {kept}", said)
        self.assertEqual(self.count(file=kept / "mlflow.db"), 1)

    def test_restores_in_the_place_of_a_damaged_file(self):
        self.use()
        self.back_up()
        self.database.write_bytes(b"damaged" * 1000)
        (self.files / "mlflow.db-journal").write_bytes(b"of the damaged file")
        self.assertIn("cannot be read", self.restore(code=1))
        self.restore(OVERWRITE="yes")
        self.assertEqual(self.count(), 50)
        [kept] = self.files.glob("before-*")
        self.assertEqual((kept / "mlflow.db").read_bytes(), b"damaged" * 1000)
        self.assertFalse((self.files / "mlflow.db-journal").exists())

    def test_an_older_schema_is_left_to_the_server_to_upgrade(self):
        self.use(OLD_SCHEMA)
        self.back_up()
        self.assertIn(f"the server upgrades the schema when it starts, {OLD_REVISION} ->", self.restore(OVERWRITE="yes"))
        self.assertEqual(self.count(), 50)

    def test_waits_for_a_migration_and_gives_up(self):
        self.use()
        with (self.files / ".migration.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            said = self.back_up(code=1, LOCK_SECONDS="1")
        self.assertIn("A migration is running. Waiting for it.", said)
        self.assertIn("Gave up waiting", said)

    def test_a_server_that_still_runs_stops_a_restore(self):
        self.use()
        self.back_up()
        with (self.files / ".server.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            said = self.restore(code=1, OVERWRITE="yes", STOP_SECONDS="1")
        self.assertIn("A server still uses the database. Nothing was changed.", said)
        self.assertEqual(list(self.files.glob("before-*")), [])

    def test_an_empty_platform_does_not_take_over_the_target_of_one_with_runs(self):
        self.use()
        self.back_up()
        self.use(rows="")
        self.assertIn("has 50 runs and 1 registered models, and this platform has none", self.back_up(code=3))

    def test_a_backup_of_sqlite_is_not_restored_into_postgresql(self):
        from long_test_backup import database

        self.use()
        self.back_up()
        said = BackupTestCase.pod(self, "restore.py", database("not_of_sqlite"), code=3)
        self.assertIn("is of SQLite, and this platform has PostgreSQL", said)

    def test_a_damaged_copy_fails_the_drill(self):
        self.use()
        self.back_up()
        file = next(self.target.glob("backups/*/tracking.db"))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        self.assertIn("is damaged: its checksum", self.drill(code=3))


if __name__ == "__main__":
    unittest.main()

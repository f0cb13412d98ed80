import sys
import unittest

from support import OLD_REVISION, PASSWORD, PROGRAMS, PodTestCase, free_port, old_schema, postgres

sys.path.insert(0, str(PROGRAMS))
import schema  # noqa: E402

HEAD = schema.revisions(schema.TRACKING)[1]
AUTH_HEAD = schema.revisions(schema.AUTH)[1]
COUNTED = ("experiments", "runs", "params", "registered_models")


class Migrate(PodTestCase):
    def setUp(self):
        super().setUp()
        self.work = self.folder / "work"
        self.backups = self.folder / "backups"
        self.work.mkdir()

    def environment(self, database, **more):
        return postgres().environment(
            database, MIGRATION_DIRECTORY=str(self.work), BACKUP_DESTINATION=self.backups.as_uri(), **more
        )

    def check(self, environment, **more):
        output = self.run_to_end("migrate.py", "check", environment=environment, **more)
        return output, (self.work / "databases").read_text().split() if not more else None

    def upgrade(self, environment, **more):
        return self.run_to_end("migrate.py", "upgrade", environment=environment, **more)

    def revision(self, database, table="alembic_version"):
        return postgres().sql(database, f"SELECT version_num FROM {table}")[0][0]

    def old_database(self, name):
        """One as MLflow 3.14 leaves it, with rows."""
        postgres().create(name, old_schema())
        postgres().sql(name, """
            INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'churn', 'active');
            INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status, source_type)
                SELECT 'run' || n, 'r', 1, 'active', 'FINISHED', 'LOCAL' FROM generate_series(1, 50) n;
            INSERT INTO params (run_uuid, key, value) SELECT run_uuid, 'k', 'v' FROM runs;
            INSERT INTO registered_models (name, creation_time) VALUES ('churn', 1)""")
        return name

    def counts(self, database):
        return [postgres().sql(database, f"SELECT count(*) FROM {table}")[0][0] for table in COUNTED]

    def test_three_at_once_on_an_empty_database_and_then_nothing_to_do(self):
        environment = self.environment(postgres().create("three"), AUTH_DATABASE=postgres().create("three_auth"))
        self.assertEqual(self.check(environment)[1], [])
        jobs = [self.start("migrate.py", "upgrade", environment=environment) for _ in range(3)]
        outputs = [job.communicate(timeout=90)[0] for job in jobs]
        self.assertEqual([job.returncode for job in jobs], [0, 0, 0], outputs)
        self.assertEqual("".join(outputs).count("The tracking database three: creating the schema"), 1, outputs)
        self.assertEqual("".join(outputs).count("The auth database three_auth: creating the schema"), 1, outputs)
        self.assertEqual(self.revision("three"), HEAD)
        self.assertEqual(self.revision("three_auth", "alembic_version_auth"), AUTH_HEAD)
        self.assertFalse(self.backups.exists())

    def test_upgrade_from_3_14_with_rows(self):
        environment = self.environment(self.old_database("old"))
        self.assertEqual(self.check(environment)[1], ["old"])
        postgres().dump("old", self.work / "old.dump")
        before = self.counts("old")

        output = self.upgrade(environment)

        self.assertEqual(self.revision("old"), HEAD)
        self.assertEqual(self.counts("old"), before)
        self.assertLess(output.index("the dump lies at"), output.index("upgrading the schema"))
        (backup,) = self.backups.iterdir()
        self.assertRegex(backup.name, rf"^old-\d{{8}}T\d{{6}}Z-{OLD_REVISION}-before-mlflow-3\.[\d.]+\.dump$")
        postgres().create("restored")
        postgres().client("pg_restore", "-d", "restored", "--no-owner", "--exit-on-error", backup)
        self.assertEqual(self.revision("restored"), OLD_REVISION)
        self.assertEqual(self.counts("restored"), before)

        self.assertIn("has the schema that this MLflow wants", self.upgrade(environment))
        self.assertEqual(len(list(self.backups.iterdir())), 1)

    def test_no_upgrade_without_a_dump_of_the_revision_found(self):
        environment = self.environment(self.old_database("undumped"))
        output = self.upgrade(environment, code=1)
        self.assertIn("there is no dump made of that", output)
        self.check(environment)
        (self.work / "undumped.dump").write_bytes(b"")
        self.assertIn("is no dump", self.upgrade(environment, code=1))
        self.assertEqual(self.revision("undumped"), OLD_REVISION)

    def test_no_upgrade_when_the_dump_cannot_be_uploaded(self):
        self.backups.write_text("a file, where a folder should be")
        environment = self.environment(self.old_database("no_upload"))
        self.check(environment)
        postgres().dump("no_upload", self.work / "no_upload.dump")
        self.assertIn("could not be uploaded", self.upgrade(environment, code=1))
        self.assertEqual(self.revision("no_upload"), OLD_REVISION)

    def test_a_failing_upgrade_leaves_the_old_schema_and_says_why(self):
        environment = self.environment(self.old_database("failing"))
        self.check(environment)
        postgres().dump("failing", self.work / "failing.dump")
        # A table that a later migration creates is in its way.
        new = self.table_made_after_3_14()
        postgres().sql("failing", f"CREATE TABLE {new} (x int)")

        output = self.upgrade(environment, code=1)

        self.assertEqual(self.revision("failing"), OLD_REVISION)
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
        for step in ("check", "upgrade"):
            output = self.run_to_end("migrate.py", step, environment=environment, code=3)
            self.assertIn("was upgraded by a newer MLflow", output)
        self.assertEqual(postgres().sql("newer_auth", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), [])

    def test_waiting_for_the_database_is_bounded(self):
        environment = self.environment("none", PGPORT=str(free_port()), MIGRATION_WAIT_SECONDS="0.1")
        self.assertIn("Gave up waiting", self.run_to_end("migrate.py", "check", environment=environment, code=1))

    def test_program_users(self):
        users = self.folder / "users"
        (users / "deployer").mkdir(parents=True)
        (users / "deployer" / "username").write_text("deployer\n")
        (users / "deployer" / "password").write_text(PASSWORD)
        (users / "..data").mkdir()
        environment = self.environment(
            postgres().create("users"),
            AUTH_DATABASE=postgres().create("users_auth"),
            PROGRAM_USERS_DIRECTORY=str(users),
        )
        def stored():
            return postgres().sql("users_auth", "SELECT username, password_hash FROM users")

        self.assertIn("Created the user deployer.", self.upgrade(environment))
        first = stored()
        self.assertNotIn("user deployer", self.upgrade(environment))
        self.assertEqual(stored(), first)
        (users / "deployer" / "password").write_text("another password")
        self.assertIn("Updated the password of the user deployer.", self.upgrade(environment))
        self.assertNotEqual(stored(), first)


if __name__ == "__main__":
    unittest.main()

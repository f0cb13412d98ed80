import os
import subprocess
import sys
from unittest import mock

import pymysql

from migrations import MigrationTestCase
from mysql_server import USER, mariadb
from support import OLD_REVISION, PASSWORD, PROGRAMS, pod_environment, until

sys.path.insert(0, str(PROGRAMS))
import mysql_database  # noqa: E402
import mysql_migration  # noqa: E402
import schema  # noqa: E402

HEAD = schema.revisions(schema.TRACKING)[1]
DUMPS = PROGRAMS.parent / "mysql" / "dump-mysql.sh"

OLD_SCHEMA = f"""
import logging, sys; logging.disable()
sys.path.insert(0, {str(PROGRAMS)!r})
import mysql_database, secret_files
secret_files.load()
mysql_database.use()
from alembic import command
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base
engine = utils.create_sqlalchemy_engine(mysql_database.uri(sys.argv[1]))
Base.metadata.create_all(engine)
config = utils._get_alembic_config("")
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "{OLD_REVISION}")
"""


class MysqlTestCase(MigrationTestCase):
    def setUp(self):
        super().setUp()
        for name, value in {"MYSQL_USER": f"{USER}\n", "MYSQL_PWD": PASSWORD + "\n"}.items():
            (self.secrets / name).write_text(value)

    def environment(self, database, **more):
        return mariadb().environment(
            database, WORK_DIRECTORY=str(self.work), BACKUP_DESTINATION=self.backups.as_uri(), **more
        )

    def start_dumps(self, environment, program=None):
        """Runs dump-mysql.sh as its container does. A `mariadb-dump` of the test can replace the real one."""
        path = os.environ["PATH"]
        if program:
            programs = self.folder / "programs"
            programs.mkdir()
            (programs / "mariadb-dump").write_text(f"#!/bin/sh\n{program}\n")
            (programs / "mariadb-dump").chmod(0o755)
            path = f"{programs}:{path}"
        process = subprocess.Popen(
            ["sh", DUMPS], env=pod_environment(self.secrets, {**environment, "PATH": path}), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.end_with_test(process)

    def old_database(self, name):
        """Creates a database with the schema of MLflow 3.14, with rows."""
        mariadb().create(name)
        environment = pod_environment(self.secrets, self.environment(name))
        subprocess.run([sys.executable, "-c", OLD_SCHEMA, name], env=environment, check=True)
        mariadb().sql("INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'churn é', 'active')", database=name)
        mariadb().sql("""INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status, source_type)
            SELECT concat('run', seq), 'r', 1, 'active', 'FINISHED', 'LOCAL' FROM seq_1_to_50""", database=name)
        return name

    def revision(self, database, table="alembic_version"):
        return mariadb().sql(f"SELECT version_num FROM {table}", database=database)[0][0]

    def rows(self, database):
        return mariadb().sql("SELECT name, (SELECT count(*) FROM runs) FROM experiments", database=database)


class MigrateMysql(MysqlTestCase):
    def test_two_at_once_on_an_empty_database(self):
        environment = self.environment(mariadb().create("two"))
        outputs = [self.end_of(job) for job in [self.start_migration(environment) for _ in range(2)]]
        self.assertEqual("".join(outputs).count("The tracking database two: creating the schema"), 1, outputs)
        self.assertEqual(self.revision("two"), HEAD)
        self.assertEqual(list(self.work.iterdir()), [], "no dump was requested")

    def test_upgrade_from_3_14_with_rows_and_a_restore(self):
        environment = self.environment(self.old_database("old"))
        before = self.rows("old")
        self.start_dumps(environment)

        output = self.end_of(self.start_migration(environment))

        self.assertEqual((self.revision("old"), self.rows("old")), (HEAD, before))
        self.assertLess(output.index("the dump lies at"), output.index("upgrading the schema"))
        (backup,) = self.backups.iterdir()
        self.assertRegex(backup.name, rf"^old-\d{{8}}T\d{{6}}Z-{OLD_REVISION}-before-mlflow-3\.[\d.]+\.sql\.gz$")
        mariadb().create("restored")
        subprocess.run(
            ["sh", "-c", 'gunzip <"$0" | mariadb --no-defaults --socket="$1" --user=root restored', backup, mariadb().socket],
            check=True,
        )
        self.assertEqual((self.revision("restored"), self.rows("restored")), (OLD_REVISION, before))

        # A second migration has nothing to do, so it needs no container that dumps.
        again = self.end_of(self.start_migration(environment))
        self.assertIn("has the schema that this MLflow wants", again)

    def test_a_second_migration_waits_for_the_dump_of_the_first(self):
        environment = self.environment(self.old_database("locked"))
        begun, gate = self.folder / "begun", self.folder / "gate"
        self.start_dumps(
            environment, f"touch '{begun}'; until [ -e '{gate}' ]; do sleep 0.05; done; exec /usr/bin/mariadb-dump \"$@\""
        )
        first = self.start_migration(environment)
        until(begun.exists, "the dump begins", 90)
        second = self.start_migration(environment)
        self.read_until(second, "Another migration is running. Waiting for it.")
        self.assertIsNone(first.poll())
        gate.touch()
        self.assertIn("upgrading the schema", self.end_of(first))
        self.assertNotIn("upgrading the schema", self.end_of(second))

    def test_no_upgrade_without_a_whole_dump(self):
        environment = self.environment(self.old_database("undumped"))
        # An incomplete dump that gzip would take for a whole one.
        self.start_dumps(environment, "echo '-- half'; echo 'the server has gone away' >&2; exit 2")
        output = self.end_of(self.start_migration(environment), code=1)
        self.assertIn("The tracking database undumped could not be dumped: the server has gone away", output)
        self.assertFalse(self.backups.exists())
        self.assertEqual(self.revision("undumped"), OLD_REVISION)

    def test_a_dump_that_needs_too_much_space_is_refused_with_a_message(self):
        environment = self.environment(self.old_database("large"), DUMP_KIBIBYTES="20")
        self.start_dumps(environment, "head -c 1000000 /dev/urandom")
        output = self.end_of(self.start_migration(environment), code=3)
        self.assertIn("The dump needs more than 1 MiB. Give the server more dumpSpace.", output)
        self.assertEqual(self.revision("large"), OLD_REVISION)

    def test_a_failing_upgrade_tells_how_to_restore(self):
        environment = self.environment(self.old_database("failing"))
        # A later migration fails because this table exists already.
        mariadb().sql(f"CREATE TABLE {self.table_created_after_3_14()} (x int)", database="failing")
        self.start_dumps(environment)
        output = self.end_of(self.start_migration(environment), code=1)
        last = output[output.index("The tracking database failing could not be brought"):]
        self.assertIn("already exists", last)
        self.assertIn("gunzip <FILE | mariadb", last)
        self.assertIn(next(self.backups.iterdir()).name, last)

    def table_created_after_3_14(self):
        from mlflow.store.db.base_sql_model import Base
        import mlflow.store.db.utils  # noqa: F401
        existing = {row[0] for row in mariadb().sql("SHOW TABLES", database="failing")}
        return sorted(set(Base.metadata.tables) - existing)[0]

    def test_a_wrong_password_is_told_without_it(self):
        (self.secrets / "MYSQL_PWD").write_text("wrong-password")
        environment = self.environment(mariadb().create("login"), MIGRATION_WAIT_SECONDS="0.1")
        output = self.end_of(self.start_migration(environment), code=1)
        self.assertIn("login refused (Access denied for user", output)
        self.assertNotIn("wrong-password", output)


class Connections(MysqlTestCase):
    def setUp(self):
        super().setUp()
        self.name = mariadb().create(f"connections_{id(self)}")
        self.enterContext(mock.patch.dict(os.environ, pod_environment(str(self.secrets), self.environment(self.name))))

    def cipher(self):
        connection = mysql_database.connect(self.name)
        self.addCleanup(connection.close)
        return mysql_database.ask(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[0][1]

    def test_a_certificate_of_another_authority_is_refused(self):
        self.assertNotEqual(self.cipher(), "")
        os.environ["MYSQL_SSL_CA"] = "/etc/ssl/certs/ca-certificates.crt"
        with self.assertRaisesRegex(pymysql.err.OperationalError, "CERTIFICATE_VERIFY_FAILED"):
            self.cipher()
        os.environ["MYSQL_SSL_MODE"] = "REQUIRED"
        self.assertNotEqual(self.cipher(), "")
        os.environ["MYSQL_SSL_MODE"] = "DISABLED"
        self.assertEqual(self.cipher(), "")

    def test_a_certificate_for_another_host_is_refused(self):
        os.environ["MYSQL_HOST"] = "localhost"
        with self.assertRaisesRegex(pymysql.err.OperationalError, "Hostname mismatch"):
            self.cipher()

    def test_a_client_presents_its_certificate(self):
        mariadb().sql("CREATE USER IF NOT EXISTS strict@'%%' IDENTIFIED BY %s REQUIRE X509", PASSWORD)
        mariadb().sql("GRANT ALL ON *.* TO strict@'%%'")
        (self.secrets / "MYSQL_USER").write_text("strict")
        with self.assertRaisesRegex(pymysql.err.OperationalError, "Access denied"):
            self.cipher()
        folder = mariadb().folder
        os.environ |= {"MYSQL_SSL_CERT": f"{folder}/client.crt", "MYSQL_SSL_KEY": f"{folder}/client.key"}
        self.assertNotEqual(self.cipher(), "")

    def test_a_new_password_is_used_by_the_next_connection(self):
        mariadb().sql("CREATE USER IF NOT EXISTS rotated@'%%' IDENTIFIED BY 'first'")
        mariadb().sql("GRANT ALL ON *.* TO rotated@'%%'")
        for name, value in {"MYSQL_USER": "rotated", "MYSQL_PWD": "first"}.items():
            (self.secrets / name).write_text(value)
        self.cipher()
        mariadb().sql("ALTER USER rotated@'%%' IDENTIFIED BY 'second'")
        (self.secrets / "MYSQL_PWD").write_text("second")
        self.cipher()

    def test_the_lock_is_of_one_database_and_ends_with_its_session(self):
        other = mariadb().create(f"{self.name}_2")
        with mysql_migration.Lock() as lock:
            self.assertTrue(lock.is_held())
            with mock.patch.dict(os.environ, DATABASE_NAME=other), mysql_migration.Lock() as second:
                self.assertTrue(second.is_held())
            mariadb().sql(f"KILL {lock.ask('SELECT CONNECTION_ID()')}")
            self.assertFalse(lock.is_held())

    def test_what_is_wrong_with_a_server_is_told(self):
        os.environ["DATABASE_NAME"] = "absent"
        with self.assertRaisesRegex(schema.Unreachable, "login refused .*absent"):
            schema.inspect("absent", schema.TRACKING)
        os.environ["MYSQL_TCP_PORT"] = "1"
        with self.assertRaisesRegex(schema.Unreachable, "unreachable .*refused"):
            schema.inspect(self.name, schema.TRACKING)


if __name__ == "__main__":
    import unittest

    unittest.main()

"""Helpers for tests of the migration: old databases, and the two containers of its pod."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from support import OLD_REVISION, PASSWORD, PROGRAMS, PodTestCase, old_schema, pod_environment, postgres, until

DUMPS = PROGRAMS.parent / "postgres" / "dump-databases.sh"
COUNTED = ("experiments", "runs", "params", "registered_models")


class Dumps:
    """Runs dump-databases.sh as its container does. A `pg_dump` of the test can replace the real one."""

    def __init__(self, case, environment, pg_dump=None):
        path = f"{postgres().bin}:{os.environ['PATH']}"
        if pg_dump:
            programs = case.folder / "programs"
            programs.mkdir(exist_ok=True)
            (programs / "pg_dump").write_text(f"#!/bin/sh\n{pg_dump}\n")
            (programs / "pg_dump").chmod(0o755)
            path = f"{programs}:{path}"
        self.process = subprocess.Popen(
            ["sh", DUMPS], env=pod_environment(case.secrets, {**environment, "PATH": path}),
            # A separate process group, because the processes of a container end together.
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        case.end_with_test(self.process)
        case.addCleanup(self.kill)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Gate:
    """A pg_dump that reports its start, and waits until the test lets it continue."""

    def __init__(self, folder):
        self.begun, self.open = Path(folder, "begun"), Path(folder, "open")
        self.pg_dump = (
            f"touch '{self.begun}'; until [ -e '{self.open}' ]; do sleep 0.05; done;"
            f" exec '{postgres().bin}/pg_dump' \"$@\""
        )

    def wait(self):
        until(self.begun.exists, "pg_dump begins")


class MigrationTestCase(PodTestCase):
    def setUp(self):
        super().setUp()
        self.work = self.folder / "work"
        self.backups = self.folder / "backups"
        self.work.mkdir()

    def environment(self, database, **more):
        return postgres().environment(
            database, WORK_DIRECTORY=str(self.work), BACKUP_DESTINATION=self.backups.as_uri(), **more
        )

    def start_migration(self, environment):
        return self.start("migrate.py", environment=environment)

    def end_of(self, process, code=0):
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, code, output)
        self.assertNotIn(PASSWORD, output)
        return output

    def migrate(self, environment, code=0, pg_dump=None):
        """Runs both containers until the main one exits."""
        dumps = Dumps(self, environment, pg_dump)
        try:
            return self.run_to_end("migrate.py", environment=environment, code=code)
        finally:
            dumps.kill()

    def revision(self, database, table="alembic_version"):
        return postgres().sql(database, f"SELECT version_num FROM {table}")[0][0]

    def assert_unchanged(self, database):
        self.assertEqual(self.revision(database), OLD_REVISION)

    def old_database(self, name):
        """Creates a database with the schema of MLflow 3.14, with rows."""
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


def processes_of_group(group):
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        # Any process of the machine may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            stat = file.read_text()
            if int(stat.split(") ")[-1].split()[2]) == group:
                found.append(int(stat.split()[0]))
    return found


def keepalive_seconds(pids):
    """The seconds until the kernel sends a keepalive probe on each TCP connection of these processes."""
    sockets = set()
    for pid in pids:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(os.readlink(file))
            except FileNotFoundError:
                pass
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        kind, ticks = columns[5].split(":")
        if f"socket:[{columns[9]}]" in sockets and columns[3] == "01":
            # Kind 2 is the keepalive timer. The others are timers of sent data.
            found.append(int(ticks, 16) / os.sysconf("SC_CLK_TCK") if kind == "02" else 0)
    return found

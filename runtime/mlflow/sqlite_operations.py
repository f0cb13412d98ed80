"""What a backup, a restore and a garbage collection do with SQLite files instead of a PostgreSQL.

Their pods mount the volume of the server, on its node. Files of locks are on it too, so that these Jobs, the migration in the
server's pod and the server itself wait for each other: `.operation.lock`, `.migration.lock` and `.server.lock`.
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
import time
from pathlib import Path

import backups
import schema
import sqlite_files
from schema import UNCHANGED, Failure, Refusal, say

OPERATION, MIGRATION = "operation", "migration"


def in_use():
    """True if the databases are SQLite files."""
    return bool(os.environ.get("SQLITE_DIRECTORY"))


class Lock:
    """Held until this process ends, also if it is killed."""

    def __init__(self, key, other):
        self.key, self.other = key, other

    def __enter__(self):
        deadline = time.monotonic() + float(os.environ.get("LOCK_SECONDS", "3600"))
        said = False
        file = sqlite_files.lock_file(self.key)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.file = file.open("w")
        except OSError as error:
            raise Failure(f"The folder of the databases: {schema.cause(error)}. {UNCHANGED}") from None
        while not flocked(self.file):
            if time.monotonic() > deadline:
                raise Failure(f"{self.other} is still running. Gave up waiting for it. {UNCHANGED}")
            if not said:
                say(f"{self.other} is running. Waiting for it.")
                said = True
            time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.file.close()

    def is_held(self):
        return True

    def check(self, unchanged=""):
        """A lock of a file is not lost."""


def flocked(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def wait_for_server(unchanged):
    """Until the server that was stopped has answered its last requests and ended."""
    deadline = time.monotonic() + float(os.environ.get("STOP_SECONDS", "600"))
    with sqlite_files.lock_file("server").open("w") as file:
        while not flocked(file):
            if time.monotonic() > deadline:
                raise Failure(f"A server still uses the database. {unchanged}")
            time.sleep(0.5)


def query(database, statement):
    """Rows of a table, of none if it does not exist."""
    file = sqlite_files.file_of(database.name)
    if not file.exists():
        return []
    with failing(f"{database} cannot be read"), sqlite_files.connect(file) as connection:
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


@contextlib.contextmanager
def failing(what):
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"{what}: {schema.cause(error)}.") from None


def dump(database, file):
    """A consistent copy, and what the manifest says of it. Rows are counted in the copy."""
    source = sqlite_files.file_of(database.name)
    refuse_too_large(source)
    with failing(f"{database} could not be copied"):
        sqlite_files.copy(source, file)
    rows, revision = counted(file, database.kind[1])
    if revision is None:
        raise Failure(f"{database} has no schema of MLflow yet: nothing to back up.")
    return {"engine": "sqlite", "revision": revision, "rows": rows, "server": sqlite3.sqlite_version}


def refuse_too_large(source):
    """Kubernetes evicts a pod whose volume is full, and no log says why."""
    limit = int(os.environ.get("DUMP_KIBIBYTES") or 1 << 40)
    if source.exists() and source.stat().st_size > limit * 1024:
        raise Refusal(f"The copy needs more than {(limit + 1023) // 1024} MiB. Give the backup more dumpSpace.")


def counted(file, version_table):
    """({table: rows}, revision)"""
    with failing(f"{file.name} is damaged"), sqlite_files.connect(file) as connection:
        sqlite_files.check(connection, file.name)
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY 1"
        )
        tables = [name for (name,) in names]
        rows = {}
        for name in tables:
            quoted = name.replace('"', '""')
            [(rows[name],)] = connection.execute(f'SELECT count(*) FROM "{quoted}"')
        versions = f"SELECT version_num FROM {version_table} ORDER BY 1"
        found = [row[0] for row in connection.execute(versions)] if version_table in tables else []
    return rows, "+".join(found) or None


def file_of(database):
    return sqlite_files.file_of(database.name)


def refuse_without_space(databases, dumps):
    folder = sqlite_files.file_of("").parent
    needed = sum(dump.stat().st_size for dump in dumps) + 16 * 1024 * 1024
    free = shutil.disk_usage(folder).free
    if free < needed:
        names = " and ".join(database.name for database in databases)
        raise Refusal(
            f"The volume has {backups.size(free)} left, and a second file of {names} needs {backups.size(needed)}. {UNCHANGED}"
            " Enlarge the volume, or delete what earlier restores kept."
        )


def swap(database, dump, before):
    """Puts the file in the place of the present one at once. Returns where that one is kept."""
    target = sqlite_files.file_of(database.name)
    kept = target.parent / f"before-{before}"
    partial = target.with_name(f"{target.name}.partial")
    with failing(f"{database} could not be restored, and is as it was"):
        kept.mkdir(exist_ok=True)
        shutil.copyfile(dump, partial)
        sqlite_files.sync(partial)
        if target.exists():
            settle(target)
            os.link(target, kept / target.name)
        # The journal of a damaged file must not be applied to the restored one.
        for suffix in ("-journal", "-wal", "-shm"):
            beside = target.with_name(target.name + suffix)
            if beside.exists():
                os.replace(beside, kept / beside.name)
        sqlite_files.sync(kept)
        os.replace(partial, target)
        sqlite_files.sync(target.parent)
    dump.unlink()
    return kept


def settle(file):
    """Rolls back what a killed server left, as far as the file can be read."""
    with contextlib.suppress(sqlite3.Error), sqlite_files.connect(file) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


class Cursor:
    """Takes the placeholders of psycopg2."""

    def __init__(self, connection):
        self.connection = connection

    def execute(self, statement, parameters=()):
        self.found = self.connection.execute(statement.replace("%s", "?"), parameters)

    def fetchall(self):
        return self.found.fetchall()


@contextlib.contextmanager
def read(database):
    """One state of the database for all queries."""
    with failing(f"{database} cannot be read"), sqlite_files.connect(Path(sqlite_files.file_of(database.name))) as connection:
        connection.execute("BEGIN")
        yield Cursor(connection)

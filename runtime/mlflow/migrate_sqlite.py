"""Brings MLflow's SQLite files to the schema of this image's MLflow: the first init container of the server's pod.

An upgrade of SQLite is not one transaction. So it changes a second file; when all of them have the new schema, their content
replaces that of the databases, each in one transaction. A failure, or a kill at any time, leaves the databases as they were.

Before that, a copy of each database that has tables goes to SQLITE_DIRECTORY/copies, of which the newest SQLITE_COPIES
stay.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from pathlib import Path

import schema
import secret_files
import sqlite_files
from schema import UNCHANGED, Failure, say

# Beside the databases, for SQLite's journals.
SPARE_BYTES = 64 * 1024 * 1024
# A copy, the upgraded file, and the journal with which it replaces the content of the database.
TIMES_THE_SIZE = 3


def folder():
    return Path(os.environ["SQLITE_DIRECTORY"])


def copies():
    return folder() / "copies"


@contextlib.contextmanager
def lock():
    """One migration at a time, also if two pods have the volume on one node."""
    with open(sqlite_files.lock_file("migration"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another migration, a backup or a restore is running. Waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def migrate():
    with failing("The folder of the databases"):
        copies().mkdir(parents=True, exist_ok=True)
    databases = [schema.Database(*each) for each in schema.databases()]
    with lock():
        # Of a migration that was killed.
        for file in [*folder().glob("*.partial*"), *copies().glob("*.partial*")]:
            file.unlink()
        for database in databases:
            look(database)
        old = [database for database in databases if database.state != schema.CURRENT]
        if old:
            refuse_without_space(old)
            upgrade(old)
            prune()
    for database in databases:
        say(f"{database} has the schema that this MLflow wants: {database.head}.")


def look(database):
    try:
        database.look()
    except schema.Newer as error:
        raise schema.Newer(f"{error}\n{how_to_go_back(database)}") from None


def how_to_go_back(database):
    found = [file for file in newest_first() if file.name.startswith(f"{database.name}-")]
    listed = "\n".join(f"  {file}" for file in found) or "  none"
    return (
        f"Copies of {database.name} from before upgrades:\n{listed}\n"
        f"To go back, stop the server and put a copy in the place of {sqlite_files.file_of(database.name)}."
    )


def refuse_without_space(databases):
    sizes = [file.stat().st_size for each in databases if (file := sqlite_files.file_of(each.name)).exists()]
    needed, free = sum(sizes) * TIMES_THE_SIZE + SPARE_BYTES, shutil.disk_usage(folder()).free
    if free < needed:
        raise Failure(
            f"The volume has {free} bytes left, and an upgrade with its copies needs {needed}. {UNCHANGED}"
            f" Enlarge the volume, or delete old files in {copies()}."
        )


def upgrade(databases):
    mlflow = import_mlflow()
    made = {database: keep_copy(database, mlflow["version"]) for database in databases if database.has_tables}
    new = {database: folder() / f"{database.name}.upgrade" for database in databases}
    with contextlib.ExitStack() as open_files:
        for file in new.values():
            open_files.callback(remove, file)
        seen = {}
        for database, file in new.items():
            remove(file)
            if sqlite_files.file_of(database.name).exists():
                watched = open_files.enter_context(sqlite_files.connect(sqlite_files.file_of(database.name)))
                seen[database] = watched, version(watched)
                with failing(f"{database} could not be copied to {file}"):
                    sqlite_files.copy(sqlite_files.file_of(database.name), file)
            upgrade_file(mlflow, database, file, made.get(database))
        for database, (watched, before) in seen.items():
            if version(watched) != before:
                raise Failure(f"{database} was written to meanwhile, as by a server that is ending. {UNCHANGED}")
        for database, file in new.items():
            replace(database, file)


def import_mlflow():
    import warnings

    warnings.simplefilter("ignore")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow.db

    modules = {"version": mlflow.__version__, schema.TRACKING: lambda uri: [mlflow.db.upgrade, [uri]]}
    if os.environ.get("AUTH_DATABASE"):
        from mlflow.server.auth.db import cli

        modules[schema.AUTH] = lambda uri: [cli.upgrade, ["--url", uri]]
    return modules


def keep_copy(database, mlflow_version):
    """The same name for each try, so that tries that fail do not fill the volume."""
    at = f"at schema {database.revision}" if database.revision else "without a known schema"
    say(f"{database} is {at}, this MLflow wants {database.head}: it needs a copy first.")
    target = copies() / f"{database.name}-{database.revision or 'unversioned'}-before-mlflow-{mlflow_version}.db"
    with failing(f"{database} could not be copied to {target}"):
        sqlite_files.copy(sqlite_files.file_of(database.name), target)
    say(f"{database}: the copy is {target} ({target.stat().st_size} bytes).")
    return target


@contextlib.contextmanager
def failing(what):
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"{what}: {schema.cause(error)}. {UNCHANGED}") from None


def version(connection):
    """Changes when another connection has written."""
    return connection.execute("PRAGMA data_version").fetchone()[0]


def upgrade_file(mlflow, database, file, copy):
    say(f"{database}: {'upgrading' if database.has_tables else 'creating'} the schema, {database.revision or 'none'} -> {database.head}.")
    try:
        command, arguments = mlflow[database.kind](f"sqlite:///{file}")
        command.main(arguments, standalone_mode=False)
        found = sqlite_files.inspect_file(file, database.kind[1])[1]
        if found != database.head:
            raise RuntimeError(f"it is at {found} after the upgrade")
        with sqlite_files.connect(file) as connection:
            sqlite_files.check(connection, file)
    except Exception as error:
        # Frames only: the message of a database error can hold rows.
        traceback.print_tb(error.__traceback__)
        lines = [f"{database} could not be brought to schema {database.head}.", f"Cause: {schema.cause(error)}"]
        if copy:
            lines.append(
                f"{UNCHANGED} It is at schema {database.revision or 'none'}, as before: apply the YAML with the previous image of MLflow"
                f" to use it again. A copy of it is {copy}."
            )
        raise Failure("\n".join(lines)) from None


def replace(database, file):
    """In one transaction of SQLite, also for a connection that is still open."""
    target = sqlite_files.file_of(database.name)
    try:
        with sqlite_files.connect(file) as made, sqlite_files.connect(target, "rwc") as connection:
            made.backup(connection)
        sqlite_files.sync(folder())
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"{database} could not be replaced by the upgraded file: {schema.cause(error)}.") from None


def remove(file):
    for suffix in ("", "-journal", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def newest_first():
    return sorted(copies().glob("*.db"), key=lambda file: file.stat().st_mtime, reverse=True)


def prune():
    """The newest of each database stay."""
    for name in {database[1] for database in schema.databases()}:
        of_one = [file for file in newest_first() if file.name.startswith(f"{name}-")]
        for file in of_one[int(os.environ.get("SQLITE_COPIES") or 3) :]:
            file.unlink()
            say(f"Deleted the old copy {file}.")


def main():
    # PID 1 has no default for it. The databases are as they were, or have the new schema.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        migrate()
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

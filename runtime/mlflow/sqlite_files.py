"""MLflow's databases as SQLite files in the folder SQLITE_DIRECTORY, which is on the volume of the server's pod.

As a program: `python sqlite_files.py mlflow > mlflow.db` writes a consistent copy of the database mlflow to its output,
also while the server writes to it.
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import schema

BUSY_SECONDS = 20  # As MLflow waits for the lock of another connection.


def file_of(database):
    return Path(os.environ["SQLITE_DIRECTORY"], f"{database}.db")


def lock_file(name):
    return Path(os.environ["SQLITE_DIRECTORY"], f".{name}.lock")


def hold_as_server():
    """Until this process ends, also if it becomes another program. A restore waits for that."""
    descriptor = os.open(lock_file("server"), os.O_RDWR | os.O_CREAT, 0o660)
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def connect(file, mode="rw"):
    """Not read-only: only a connection that may write can roll back what a killed server left."""
    return contextlib.closing(
        sqlite3.connect(f"file:{quote(str(file))}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    )


def inspect(database, version_table):
    """(has tables, revision or None) of a database."""
    return inspect_file(file_of(database), version_table)


def inspect_file(file, version_table):
    if not file.exists():
        return False, None
    try:
        with connect(file) as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            versions = f"SELECT version_num FROM {version_table} ORDER BY 1"
            found = [row[0] for row in connection.execute(versions)] if version_table in tables else []
    except sqlite3.Error as error:
        raise schema.Unreachable(f"the file {file} cannot be read ({error})") from None
    return any(not table.startswith(("alembic_", "sqlite_")) for table in tables), "+".join(found) or None


def copy(source, target):
    """A whole and consistent copy, in the place of what `target` was. It appears on the disk at once or not at all."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with connect(source) as connection, connect(partial, "rwc") as made:
            connection.backup(made)
            check(made, partial)
        sync(partial)
        os.replace(partial, target)
        sync(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def check(connection, file):
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"{file} is damaged: {found}")


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(arguments):
    if len(arguments) != 1 or not file_of(arguments[0]).is_file():
        known = ", ".join(sorted(file.stem for file in file_of("").parent.glob("*.db")))
        sys.exit(f"sqlite_files.py: the arguments are {arguments}; expected the name of one database: {known}")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "copy.db")
        copy(file_of(arguments[0]), made)
        with made.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The migration Job's program: `check` before pg_dump, `upgrade` after it.

check    writes what to dump: DIRECTORY/databases, one name a line, none for an empty or current database
         (and DIRECTORY/<database>.revision, which tells `upgrade` what the dump was made of)
pg_dump  (another image) writes DIRECTORY/<database>.dump for each of them
upgrade  uploads the dumps, then creates or upgrades the schemas, under a lock of the database

Only MLflow's commands (`mlflow db upgrade`, `python -m mlflow.server.auth db upgrade`) change schemas.
"""

import argparse
import contextlib
import os
import re
import signal
import sys
import time
import traceback
from pathlib import Path

import schema
import secret_files

LOCK = 0x6D6C666C6F77  # "mlflow"
REFUSED = 3  # Trying again cannot help.


class Failure(Exception):
    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


class Database:
    def __init__(self, what, name, kind):
        self.what, self.name, self.kind = what, name, kind
        self.known, self.head = schema.revisions(kind)

    def __str__(self):
        return f"The {self.what} {self.name}"

    def look(self):
        self.has_tables, self.revision = schema.inspect(self.name, self.kind)
        self.state = schema.compare(self.revision, self.known, self.head)
        if self.state == schema.NEWER:
            raise Failure(schema.newer_in_words(self.what, self.name, self.revision, self.head), REFUSED)

    def wait_and_look(self, deadline):
        said = None
        while True:
            try:
                return self.look()
            except schema.Unreachable as error:
                if time.monotonic() > deadline:
                    raise Failure(f"{self}: {error}. Gave up waiting for it.") from None
                if str(error) != said:
                    said = str(error)
                    say(f"{self}: {error}. Waiting for it.")
            time.sleep(0.5)

    @property
    def needs_dump(self):
        return self.has_tables and self.state != schema.CURRENT


def say(line):
    print(line, flush=True)


def look_at_all():
    found = [Database(*each) for each in schema.databases()]
    if len({database.name for database in found}) != len(found):
        raise Failure("AUTH_DATABASE must differ from PGDATABASE: the two schemas need a database each.", REFUSED)
    deadline = time.monotonic() + float(os.environ.get("MIGRATION_WAIT_SECONDS", "600"))
    for database in found:
        database.wait_and_look(deadline)
    return found


def directory():
    return Path(os.environ.get("MIGRATION_DIRECTORY", "/work"))


def check():
    found = look_at_all()
    for pattern in ("*.dump", "*.revision"):
        for left_over in directory().glob(pattern):
            left_over.unlink()
    to_dump = [database for database in found if database.needs_dump]
    for database in to_dump:
        if not re.fullmatch(r"\w[\w.-]*", database.name):
            raise Failure(f"{database}: this name does not make a file name.", REFUSED)
        (directory() / f"{database.name}.revision").write_text(str(database.revision))
        say(f"{database} is at schema {database.revision}, this MLflow wants {database.head}: it needs a dump.")
    (directory() / "databases").write_text("".join(f"{database.name}\n" for database in to_dump))
    if not to_dump:
        say("Nothing to dump.")


def upgrade():
    # Slow, so it comes first: the database may be starting meanwhile.
    modules = import_mlflow()
    found = look_at_all()
    with lock():
        # What counts is what is found under the lock.
        for database in found:
            database.look()
        dumps = {database: dump_of(database) for database in found if database.needs_dump}
        backups = {database: upload(modules, database, dump) for database, dump in dumps.items()}
        for database in found:
            if database.state == schema.CURRENT:
                say(f"{database} has the schema that this MLflow wants: {database.head}.")
            else:
                change(modules, database, backups.get(database))
        create_program_users(modules)


def import_mlflow():
    import warnings

    warnings.simplefilter("ignore")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow.db
    import mlflow.store.db.utils  # noqa: F401  what mlflow.db imports only when it runs
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    modules = {"version": mlflow.__version__, "repository": get_artifact_repository, "tracking": mlflow.db.upgrade}
    if os.environ.get("AUTH_DATABASE"):
        from mlflow.server.auth.db import cli
        from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

        modules |= {"auth": cli.upgrade, "users": SqlAlchemyStore}
    return modules


@contextlib.contextmanager
def lock():
    """One migration at a time. Held by a connection of its own, for as long as that lives."""
    try:
        connection = schema.connect(os.environ["PGDATABASE"], keepalives_idle=30)
    except schema.psycopg2.Error as error:
        raise Failure(f"The tracking database: {schema.in_words(error)}") from None
    with contextlib.closing(connection), connection.cursor() as cursor:
        said = False
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
            if cursor.fetchone()[0]:
                break
            if not said:
                say("Another migration is running. Waiting for it.")
                said = True
            time.sleep(0.5)
        yield


def dump_of(database):
    dump = directory() / f"{database.name}.dump"
    note = directory() / f"{database.name}.revision"
    made_at = note.read_text() if note.exists() else "nothing"
    # Revisions only go up, so what was read before the dump and is found again after it is the dump's.
    if made_at != str(database.revision) or not dump.exists():
        raise Failure(
            f"{database} is at schema {database.revision}, but there is no dump made of that"
            f" (check saw {made_at}, {dump} {'exists' if dump.exists() else 'is missing'})."
            " Nothing was changed. Run check, pg_dump and upgrade again."
        )
    with dump.open("rb") as file:
        if file.read(5) != b"PGDMP":
            raise Failure(f"{dump} is no dump in pg_dump's custom format. Nothing was changed.")
    return dump


def upload(modules, database, dump):
    """Where the dump lies then."""
    destination = os.environ.get("BACKUP_DESTINATION")
    if not destination:
        raise Failure("BACKUP_DESTINATION is not set, so the dump has nowhere to go. Nothing was changed.", REFUSED)
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = f"{database.name}-{now}-{database.revision}-before-mlflow-{modules['version']}.dump"
    # A repository names what it uploads after the file; the dump belongs to another user, who wrote it.
    link = directory() / name
    link.symlink_to(dump)
    try:
        repository = modules["repository"](destination)
        repository.log_artifact(str(link))
        size = {info.path: info.file_size for info in repository.list_artifacts()}.get(name)
    except Exception as error:
        raise Failure(
            f"The dump could not be uploaded to {destination}: {cause(error)}. Nothing was changed."
        ) from None
    finally:
        link.unlink()
    if size != dump.stat().st_size:
        raise Failure(
            f"The dump did not arrive whole in {destination}: {size} of {dump.stat().st_size} bytes."
            " Nothing was changed."
        )
    say(f"{database}: the dump lies at {destination.rstrip('/')}/{name} ({size} bytes).")
    return f"{destination.rstrip('/')}/{name}"


def uri(database_name):
    from urllib.parse import quote

    return f"postgresql+psycopg2:///{quote(database_name, safe='')}"


def change(modules, database, backup):
    doing = "upgrading" if database.has_tables else "creating"
    say(f"{database}: {doing} the schema, {database.revision or 'none'} -> {database.head}.")
    try:
        if database.kind == schema.AUTH:
            modules["auth"].main(["--url", uri(database.name)], standalone_mode=False)
        else:
            modules["tracking"].main([uri(database.name)], standalone_mode=False)
        database.look()
        if database.state != schema.CURRENT:
            raise Failure(f"it is at {database.revision} after the upgrade")
    except Exception as error:
        # Frames alone: the message of a database error can hold rows.
        traceback.print_tb(error.__traceback__)
        raise Failure(after_failure(database, backup, error)) from None
    say(f"{database} has the schema that this MLflow wants: {database.head}.")


def after_failure(database, backup, error):
    lines = [f"{database} could not be brought to schema {database.head}.", f"Cause: {cause(error)}"]
    try:
        now = schema.inspect(database.name, database.kind)[1]
        as_before = now == database.revision
        lines.append(f"It is at schema {now}{', as before: servers that use it can go on' if as_before else ''}.")
    except schema.Unreachable as unreachable:
        lines.append(f"Its schema is not known now: {unreachable}.")
    if backup:
        lines.append(f"The dump made before lies at {backup}. To restore it into an empty database:")
        lines.append("  pg_restore --host=HOST --username=OWNER --dbname=DATABASE --no-owner --exit-on-error FILE")
    return "\n".join(lines)


def cause(error):
    """One line, without the statement and its parameters."""
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {str(original).strip().splitlines()[0] if str(original).strip() else ''}"


def create_program_users(modules):
    users = os.environ.get("PROGRAM_USERS_DIRECTORY")
    if not users or "users" not in modules:
        return
    store = modules["users"]()
    store.init_db(uri(os.environ["AUTH_DATABASE"]))
    for folder in sorted(Path(users).iterdir()):
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        username, password = (
            (folder / name).read_text("utf-8").removesuffix("\n") for name in ("username", "password")
        )
        try:
            if not store.has_user(username):
                store.create_user(username, password)
                say(f"Created the user {username}.")
            elif not store.authenticate_user(username, password):
                if store.get_user(username).is_admin:
                    raise Failure(f"The program in {folder} has the name of an admin, {username}.", REFUSED)
                store.update_user(username, password=password)
                say(f"Updated the password of the user {username}.")
        except Failure:
            raise
        except Exception as error:
            raise Failure(f"The user of the program in {folder} could not be written: {cause(error)}") from None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["check", "upgrade"])
    step = parser.parse_args().step
    # PID 1 has no default for it. What was begun is rolled back by the database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        {"check": check, "upgrade": upgrade}[step]()
    except (Failure, schema.Unreachable) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(getattr(failure, "code", 1))


if __name__ == "__main__":
    main()

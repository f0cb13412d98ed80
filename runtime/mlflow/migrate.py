"""The migration Job's program: brings the databases to the schema of this image's MLflow, under a lock.

What exists and is older is dumped before: see dumps.py.

Only MLflow's commands (`mlflow db upgrade`, `python -m mlflow.server.auth db upgrade`) change schemas. Each upgrade of a
PostgreSQL is one transaction: cut short, it changes nothing. What another server does in its own way is in the module
MIGRATION_MODULE.
"""

import gc
import importlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from urllib.parse import quote, urlencode

import mounted
import psycopg2
import schema
import secret_files
import table_locks
from dumps import back_up, remove_old
from schema import UNCHANGED, Failure, Refusal, say

LOCK = 0x6D6C666C6F77  # "mlflow"
BLIP = 60  # Seconds: so long a database that did answer may be away before that is a failure.

AS_BEFORE = ", as before: servers that use it can go on"
RESTORE = "  pg_restore --host=HOST --username=OWNER --dbname=DATABASE --no-owner --exit-on-error FILE"
limit = table_locks.limit


def own():
    """What depends on the kind of server: the names in this program are those of PostgreSQL."""
    return importlib.import_module(os.environ.get("MIGRATION_MODULE", __name__))


class Lock:
    """One migration at a time. Held by a connection of its own, for as long as that lives."""

    def __enter__(self):
        said = False
        try:
            self.connection = schema.connect(os.environ["PGDATABASE"])
            # It is idle while a dump is made, and some databases end what is idle.
            self.rows("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
            while not self.ask("SELECT pg_try_advisory_lock(%s)", LOCK):
                if not said:
                    say("Another migration is running. Waiting for it.")
                    said = True
                time.sleep(0.5)
        except psycopg2.Error as error:
            raise Failure(f"The tracking database: {schema.in_words(error)}") from None
        except schema.Unreachable as error:
            raise Failure(f"The tracking database: {error}") from None
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, query, *parameters):
        with schema.bounded_wait(self.connection):
            return self.rows(query, *parameters)[0][0]

    def rows(self, query, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def is_held(self):
        mine = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid())"
        try:
            return self.ask(mine)
        except (psycopg2.Error, schema.Unreachable):
            return False


def images():
    """The one whose schema was asked for last, and this Job's own."""
    mine, file = os.environ.get("MIGRATION_IMAGE"), os.environ.get("WANTED_IMAGE_FILE")
    return Path(file).read_text() if file else mine, mine


def is_wanted():
    wanted, mine = images()
    return wanted == mine


def refuse_if_unwanted():
    """A Job that goes on trying does not end when other YAML is applied, e.g. that of the MLflow before."""
    wanted, mine = images()
    if wanted != mine:
        raise Refusal(f"What was applied last wants {wanted}, and this migration is for {mine}. {UNCHANGED}")


def migrate():
    mounted.wait_for(is_wanted)
    refuse_if_unwanted()
    # Slow, so it comes first: the database may be starting meanwhile.
    mlflow = import_mlflow()
    found = [schema.Database(*each) for each in schema.databases()]
    if len({database.name for database in found}) != len(found):
        raise Refusal("AUTH_DATABASE must differ from the tracking database: the two schemas need a database each.")
    for database in found:
        database.wait(float(os.environ.get("MIGRATION_WAIT_SECONDS", "600")))
    with own().Lock() as lock:
        # What counts is what is found under the lock.
        for database in found:
            database.wait(BLIP)
        backups = {database: back_up(mlflow, database) for database in found if database.needs_dump}
        for database in found:
            if database.state == schema.CURRENT:
                say(f"{database} has the schema that this MLflow wants: {database.head}.")
            else:
                change(mlflow, lock, database, backups.get(database))
        if "users" in mlflow:
            create_admin(mlflow)
        for database in backups:
            remove_old(mlflow, database)


def import_mlflow():
    import warnings

    warnings.simplefilter("ignore")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow.db
    import mlflow.store.db.utils  # noqa: F401  what mlflow.db imports only when it runs
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    own().limit()
    modules = {"version": mlflow.__version__, "repository": get_artifact_repository, "tracking": mlflow.db.upgrade}
    if os.environ.get("AUTH_DATABASE"):
        import mlflow.server.auth
        from mlflow.server.auth.db import cli

        modules |= {"auth": cli.upgrade, "users": mlflow.server.auth}
    return modules


def uri(database_name):
    return f"postgresql+psycopg2:///{quote(database_name, safe='')}?{urlencode(schema.KEEPALIVE)}"


def change(mlflow, lock, database, backup):
    before = database.revision
    database.look()
    # Revisions only go up, so what was read before the dump and is found again after it is the dump's.
    if database.revision != before:
        raise Failure(f"{database} was not changed: it went from schema {before} to {database.revision} meanwhile.")
    check(lock, database)
    try:
        own().upgrade(mlflow, lock, database, run_upgrade)
        database.wait(BLIP)
        if database.state != schema.CURRENT:
            raise RuntimeError(f"it is at {database.revision} after the upgrade")
    except Failure:
        raise
    except Exception as error:
        # Frames alone: the message of a database error can hold rows.
        traceback.print_tb(error.__traceback__)
        raise Failure(after_failure(database, before, backup, error)) from None
    say(f"{database} has the schema that this MLflow wants: {database.head}.")


def check(lock, database):
    refuse_if_unwanted()
    if not lock.is_held():
        raise Failure(f"{database} was not changed: the lock was lost meanwhile, as by a restart of the database.")


def upgrade(mlflow, lock, database, run):
    """Tries again while other sessions hold locks that it needs; each try blocks servers for a few seconds only."""
    give_up = time.monotonic() + float(os.environ.get("MIGRATION_LOCK_SECONDS", "1800"))
    doing = "upgrading" if database.has_tables else "creating"
    while True:
        say(f"{database}: {doing} the schema, {database.revision or 'none'} -> {database.head}.")
        holders = table_locks.Holders(lock.rows)
        try:
            with holders:
                run(mlflow, database)
            return
        except Exception as error:
            if not table_locks.is_refused(error):
                raise
            if time.monotonic() > give_up:
                raise TimeoutError(f"gave up waiting for locks of other sessions: {holders}") from None
        say(f"{database}: nothing was changed, since other sessions hold locks that the upgrade needs: {holders}.")
        say("It tries again when they have ended. To end one by hand: SELECT pg_terminate_backend(PID);")
        # MLflow's engine still holds connections, to which the next one would add.
        gc.collect()
        holders.wait()
        check(lock, database)


def run_upgrade(mlflow, database):
    if database.kind == schema.AUTH:
        mlflow["auth"].main(["--url", own().uri(database.name)], standalone_mode=False)
    else:
        mlflow["tracking"].main([own().uri(database.name)], standalone_mode=False)


def after_failure(database, before, backup, error):
    lines = [f"{database} could not be brought to schema {database.head}.", f"Cause: {schema.cause(error)}"]
    try:
        now = schema.inspect(database.name, database.kind)[1]
        as_before = now == before
        lines.append(f"It is at schema {now}{own().AS_BEFORE if as_before else ''}.")
    except schema.Unreachable as unreachable:
        lines.append(f"Its schema is not known now: {unreachable}.")
    if backup:
        lines.append(f"The dump made before lies at {backup}. To restore it into an empty database:")
        lines.append(own().RESTORE)
    return "\n".join(lines)


def create_admin(mlflow):
    users = mlflow["users"]
    try:
        users.store.init_db(own().uri(os.environ["AUTH_DATABASE"]))
        # Before the servers, which would all try it at once. Service users are service_users.py's.
        admin = os.environ.get("MLFLOW_AUTH_ADMIN_USERNAME")
        if admin and not users.store.has_user(admin):
            users.create_admin_user(admin, os.environ.get("MLFLOW_AUTH_ADMIN_PASSWORD"))
            say(f"Created the admin {admin}.")
    except Failure:
        raise
    except Exception as error:
        raise Failure(f"The user of the admin could not be written: {schema.cause(error)}") from None


def main():
    # PID 1 has no default for it. What was begun is rolled back by the database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        migrate()
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

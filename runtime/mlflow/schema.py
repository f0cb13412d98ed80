"""What a database's schema is, and what this image's MLflow wants: read-only, without importing MLflow."""

import contextlib
import importlib
import importlib.util
import os
import re
import socket
import threading
import time

import psycopg2
import secret_files
from psycopg2 import errorcodes

TRACKING = ("store/db_migrations/versions", "alembic_version")
AUTH = ("server/auth/db/migrations/versions", "alembic_version_auth")

NO_SCHEMA, OLDER, CURRENT, NEWER = "no schema", "older", "current", "newer"

OUR_NAME = "cdk8s-mlflow"  # Of sessions, in pg_stat_activity.

RETRY_IS_USELESS = 3  # Exit code that fails the migration Job for good.
UNCHANGED = "Nothing was changed."

# Ends a connection whose other end is gone, as after the loss of a node. The kernel's own default is two hours.
KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 20000}
STATEMENT_SECONDS = 5  # The database itself ends a query then, e.g. one that waits for a lock.
ANSWER_SECONDS = 10


class Failure(Exception):
    """The migration cannot go on; the message is fit for a log."""

    code = 1


class Refusal(Failure):
    code = RETRY_IS_USELESS


class Unreachable(Exception):
    """The database cannot be asked (yet); the message is fit for a log."""

    code = 1


class Newer(Exception):
    """Only another MLflow can use the database; the message says what to do."""

    code = RETRY_IS_USELESS


def say(line):
    print(line, flush=True)


class Database:
    """One database, as it was when it was looked at last."""

    def __init__(self, what, name, kind):
        self.what, self.name, self.kind = what, name, kind
        self.known, self.head = revisions(kind)

    def __str__(self):
        return f"The {self.what} {self.name}"

    def wait(self, seconds):
        """Looks as soon as the database answers."""
        deadline = time.monotonic() + seconds
        said = None
        while True:
            try:
                return self.look()
            except Unreachable as error:
                if time.monotonic() > deadline:
                    raise Unreachable(f"{error}. Gave up waiting for it.") from None
                if str(error) != said:
                    said = str(error)
                    say(f"{error}. Waiting for it.")
            time.sleep(0.5)

    def look(self):
        try:
            self.has_tables, self.revision = inspect(self.name, self.kind)
        except Unreachable as error:
            raise Unreachable(f"{self}: {error}") from None
        self.state = compare(self.revision, self.known, self.head)
        if self.state == NEWER:
            raise Newer(newer_in_words(self.what, self.name, self.revision, self.head))

    @property
    def needs_dump(self):
        return self.has_tables and self.state != CURRENT


def databases():
    """(what it is called, its name, its kind) of each database in use."""
    tracking = ("tracking database", os.environ.get("DATABASE_NAME") or os.environ.get("PGDATABASE", ""), TRACKING)
    auth = os.environ.get("AUTH_DATABASE")
    return [tracking, ("auth database", auth, AUTH)] if auth else [tracking]


def revisions(kind):
    """All revisions that this MLflow knows and the newest of them, read from its migration scripts."""
    package = importlib.util.find_spec("mlflow").submodule_search_locations[0]
    folder = os.path.join(package, kind[0])
    known, parents = set(), set()
    for name in os.listdir(folder):
        if not name.endswith(".py"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        known.update(_assigned(text, "revision"))
        parents.update(_assigned(text, "down_revision"))
    heads = known - parents
    if len(heads) != 1:
        raise SystemExit(f"MLflow's migration scripts in {folder} have {len(heads)} newest revisions, not one.")
    return known, heads.pop()


def _assigned(text, variable):
    """The strings of `variable = "x"`, `variable: str = "x"` or `variable = ("x", "y")`."""
    match = re.search(rf"^{variable}\b[^=\n]*=\s*(\([^)]*\)|[^#\n]*)", text, re.MULTILINE)
    return re.findall(r"""["']([^"']+)["']""", match[1]) if match else []


def other():
    """The module of a database that is no PostgreSQL, or None."""
    name = os.environ.get("DATABASE_MODULE")
    return importlib.import_module(name) if name else None


def replica():
    """libpq's URI of the read replica, or None."""
    uri = os.environ.get("MLFLOW_READ_REPLICA_BACKEND_STORE_URI")
    return uri.replace("postgresql+psycopg2:", "postgresql:", 1) if uri else None


def connect(database, address=None):
    # A password that was rotated arrives in the files while the program runs.
    secret_files.load()
    # PGHOST, PGUSER, PGPASSWORD, … come from the environment.
    connection = psycopg2.connect(address, dbname=database, connect_timeout=5, application_name=OUR_NAME, **KEEPALIVE)
    connection.autocommit = True
    return connection


@contextlib.contextmanager
def bounded_wait(connection):
    """Ends the connection if an answer takes too long: libpq limits the time of connecting, and of nothing else."""
    silent = threading.Event()

    def hang_up():
        silent.set()
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

    # libpq's own socket, by a descriptor of our own.
    end = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer(ANSWER_SECONDS, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg2.Error:
        if silent.is_set():
            raise Unreachable(f"unreachable (connected, but no answer to a query in {ANSWER_SECONDS} s)") from None
        raise
    finally:
        timer.cancel()
        end.close()


def inspect(database, kind, address=None):
    """(has tables, revision or None) of a database, or of its copy at an address."""
    if module := other():
        return module.inspect(database, kind[1])
    try:
        connection = connect(database, address)
        try:
            with bounded_wait(connection), connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema()"
                    r" AND tablename NOT LIKE 'alembic\_%')"
                )
                has_tables = cursor.fetchone()[0]
                try:
                    cursor.execute(f"SELECT version_num FROM {kind[1]}")
                    found = sorted(row[0] for row in cursor)
                except psycopg2.Error as error:
                    if error.pgcode != errorcodes.UNDEFINED_TABLE:
                        raise
                    found = []
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise Unreachable(in_words(error)) from None
    return has_tables, "+".join(found) or None


def in_words(error):
    """One line of a libpq error, which never holds the password."""
    line = str(error).strip().split("\n")[0] or type(error).__name__
    if error.pgcode == errorcodes.QUERY_CANCELED:
        return f"no answer in {STATEMENT_SECONDS} s ({line}): it is overloaded, or another session holds a lock"
    refused = error.pgcode == errorcodes.INSUFFICIENT_PRIVILEGE or re.search(
        "authentication failed|pg_hba.conf|no password supplied|permission denied|valid client certificate"
        "|role .* (does not exist|is not permitted)",
        line,
    )
    return f"login refused ({line})" if refused else f"unreachable ({line})"


def cause(error):
    """One line of any error, without the statement and its parameters, which can hold rows."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines() or [""]
    return f"{type(original).__name__}: {lines[0]}"


def compare(revision, known, head):
    if revision is None:
        return NO_SCHEMA
    if revision == head:
        return CURRENT
    return OLDER if revision in known else NEWER


def newer_in_words(what, database, revision, head):
    return (
        f"The {what} {database} was upgraded by a newer MLflow: its schema {revision} is unknown to this one,"
        f" which wants {head}. Run that newer MLflow, or restore the dump made before the upgrade."
    )

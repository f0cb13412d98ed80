"""What migrate.py does in another way if the database is on a MySQL or MariaDB server.

Such a server commits each change of a table at once: an upgrade that fails can leave a part of its next step, and only the
dump brings back what was there before.
"""

import hashlib
import os
import time

import mysql_database
import pymysql
import schema
from schema import Failure, say

uri = mysql_database.uri

# Of the waits for other sessions. Longer than PostgreSQL's, as what was given up could not be rolled back.
LOCK_SECONDS = 300
LONGEST_IDLE_SECONDS = 31536000

AS_BEFORE = ", the last step that is whole; of the next one a part can be there"
RESTORE = "  gunzip <FILE | mariadb --host=HOST --user=USER --password DATABASE"


def limit():
    """For every connection that MLflow's commands make from now on."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    mysql_database.use()

    @event.listens_for(Engine, "connect")
    def set_lock_timeout(connection, _):
        mysql_database.ask(connection, f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}")


class Lock:
    """One migration at a time. Held by a session of its own, for as long as that lives; other databases have other locks."""

    def __enter__(self):
        database = os.environ["DATABASE_NAME"]
        # A lock is the whole server's, and its name has 64 characters at most.
        self.name = f"cdk8s-mlflow.{hashlib.sha256(database.encode()).hexdigest()[:32]}"
        said = False
        try:
            self.connection = mysql_database.connect(database, read_timeout=schema.ANSWER_SECONDS)
            # It is idle while a dump is made.
            mysql_database.ask(self.connection, f"SET SESSION wait_timeout = {LONGEST_IDLE_SECONDS}")
            while self.ask("SELECT GET_LOCK(%s, 0)", self.name) != 1:
                if not said:
                    say("Another migration is running. Waiting for it.")
                    said = True
                time.sleep(0.5)
        except (pymysql.err.Error, OSError) as error:
            raise Failure(f"The tracking database: {mysql_database.in_words(error)}") from None
        return self

    def __exit__(self, *_):
        try:
            self.connection.close()
        except pymysql.err.Error:
            pass  # It was lost, and with it the lock.

    def ask(self, query, *parameters):
        return mysql_database.ask(self.connection, query, *parameters)[0][0]

    def is_held(self):
        try:
            return self.ask("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", self.name) == 1
        except (pymysql.err.Error, OSError):
            return False


def upgrade(mlflow, _lock, database, run):
    doing = "upgrading" if database.has_tables else "creating"
    say(f"{database}: {doing} the schema, {database.revision or 'none'} -> {database.head}.")
    run(mlflow, database)

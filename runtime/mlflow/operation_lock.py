"""Locks of the database, each held by a connection of its own for as long as that lives.

MIGRATION is the one of migrate.py: a dump and a migration wait for each other. OPERATION is held by a backup and a restore
for as long as they run, so that there is one of them at a time.
"""

import os
import time

import psycopg2
import schema
import sqlite_operations
from migrate import LOCK as MIGRATION
from schema import Failure, say

OPERATION = MIGRATION + 1


def hold(key, other):
    """The lock of the PostgreSQL, or that of the volume with the SQLite files."""
    if sqlite_operations.in_use():
        return sqlite_operations.Lock({OPERATION: sqlite_operations.OPERATION, MIGRATION: sqlite_operations.MIGRATION}[key], other)
    return Lock(key, other)


class Lock:
    def __init__(self, key, other):
        self.key, self.other = key, other

    def __enter__(self):
        deadline = time.monotonic() + float(os.environ.get("LOCK_SECONDS", "3600"))
        said = False
        try:
            self.connection = schema.connect(os.environ["PGDATABASE"])
            # It is idle meanwhile, and some databases end what is idle.
            self.rows("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
            while not self.rows("SELECT pg_try_advisory_lock(%s)", self.key)[0][0]:
                if time.monotonic() > deadline:
                    raise Failure(f"{self.other} is still running. Gave up waiting for it. {schema.UNCHANGED}")
                if not said:
                    say(f"{self.other} is running. Waiting for it.")
                    said = True
                time.sleep(0.5)
        except psycopg2.Error as error:
            raise Failure(f"The tracking database: {schema.in_words(error)}") from None
        return self

    def __exit__(self, *_):
        self.connection.close()

    def rows(self, query, *parameters):
        with schema.bounded_wait(self.connection), self.connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def is_held(self):
        mine = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid())"
        try:
            return self.rows(mine)[0][0]
        except (psycopg2.Error, schema.Unreachable):
            return False

    def check(self, unchanged=""):
        if not self.is_held():
            raise Failure(f"The lock was lost meanwhile, as by a restart of the database. {unchanged}".rstrip())

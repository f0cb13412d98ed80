"""The upgrade's locks on tables: never waited for without limit, since servers queue behind the upgrade that waits.

@see https://www.postgresql.org/docs/current/explicit-locking.html
"""

import contextlib
import threading
import time

import psycopg2
from psycopg2 import errorcodes

SECONDS = 3  # lock_timeout: so long a statement of the upgrade waits, and the servers behind it.
PAUSE, LONGEST_PAUSE = 5, 60  # Seconds between two tries, in which the servers catch up.

REFUSED = (errorcodes.LOCK_NOT_AVAILABLE, errorcodes.DEADLOCK_DETECTED)

# Neither their statements nor anything else that can hold rows.
HOLDERS = """SELECT DISTINCT holder.pid, holder.usename, left(holder.application_name, 40)
    FROM pg_locks AS waiting, unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
    JOIN pg_stat_activity AS holder ON holder.pid = blocking.pid
    WHERE NOT waiting.granted AND waiting.pid = ANY(%s)"""
STILL_THERE = "SELECT FROM pg_locks WHERE locktype = 'relation' AND granted AND pid = ANY(%s) LIMIT 1"

_backends = []  # Process ids of the upgrade's own sessions.


def limit():
    """For every connection that MLflow's commands make from now on."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    # Not by PGOPTIONS, which PgBouncer refuses.
    @event.listens_for(Engine, "connect")
    def set_lock_timeout(connection, _):
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{SECONDS}s'")
            cursor.execute("SELECT pg_backend_pid()")
            _backends.append(cursor.fetchone()[0])
        connection.commit()


def is_refused(error):
    return getattr(getattr(error, "orig", None) or error, "pgcode", None) in REFUSED


class Holders:
    """Who holds the locks that the upgrade waits for: asked while it waits, since it cannot be known afterwards."""

    def __init__(self, rows):
        self.rows, self.found = rows, []

    def __enter__(self):
        self.done = threading.Event()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def __exit__(self, *_):
        self.done.set()
        self.watcher.join()

    def watch(self):
        # The upgrade does not depend on it.
        with contextlib.suppress(psycopg2.Error):
            while not self.done.wait(0.2):
                self.found = self.rows(HOLDERS, _backends) or self.found

    def wait(self):
        """Until they have ended, so that the next try is not in vain."""
        time.sleep(PAUSE)
        end = time.monotonic() + LONGEST_PAUSE - PAUSE
        with contextlib.suppress(psycopg2.Error):
            while time.monotonic() < end and self.rows(STILL_THERE, [pid for pid, *_ in self.found]):
                time.sleep(0.5)

    def __str__(self):
        who = [f"pid {pid} (role {role}, program {program or 'unknown'})" for pid, role, program in self.found]
        return ", ".join(who) or "unknown ones"

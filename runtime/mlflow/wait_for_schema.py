"""Waits, read-only, until the databases have the schema that this image's MLflow wants.

A server that starts earlier would migrate by itself, without a lock and without a dump.
"""

import os
import signal
import threading
import time

import schema
import secret_files


def state(what, database, kind, known, head, address=None):
    """What is still waited for, or None."""
    try:
        _, revision = schema.inspect(database, kind, address)
    except schema.Unreachable as error:
        return f"The {what} {database}: {error}"
    match schema.compare(revision, known, head):
        case schema.CURRENT:
            return None
        case schema.NO_SCHEMA:
            return f"The {what} {database} has no schema yet; the migration makes it."
        case schema.OLDER:
            at = f"The {what} {database} is at schema {revision}"
            return f"{at}, this MLflow wants {head}: waiting for the migration."
        case _:
            return schema.newer_in_words(what, database, revision, head)


def wait(wanted, done):
    said = None
    while True:
        pending = next(filter(None, (state(*each) for each in wanted)), None)
        if pending is None:
            print("The schema is the one that this MLflow wants.", flush=True)
            done.append(True)
            return
        if pending != said:
            print(pending, flush=True)
            said = pending
        time.sleep(0.5)


def main():
    # For MLflow's own settings; each connection reads the login again.
    secret_files.load()

    # A connection attempt can block for seconds, and PID 1 has no default for signals:
    # work in a thread, so that this one can end the process at once.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    wanted = [(*database, *schema.revisions(database[2])) for database in schema.databases()]
    # MLflow compares its schema too, and fails if it is away or still behind.
    if address := schema.replica():
        _, name, kind = schema.databases()[0]
        wanted.append(("read replica of the tracking database", name, kind, *schema.revisions(kind), address))
    done = []
    thread = threading.Thread(target=wait, args=(wanted, done), daemon=True)
    thread.start()
    thread.join()
    raise SystemExit(0 if done else 1)


if __name__ == "__main__":
    main()

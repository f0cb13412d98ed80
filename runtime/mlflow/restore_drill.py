"""The drill's program: restores the newest backup into a PostgreSQL that lives in this pod only, and compares it with its
manifest; reads a sample of its files. That it ended well says that the backup is proven.
"""

import os
import random
import signal
import sys
import time

import backups
import restore
import schema
import secret_files
import sidecars
import sqlite_operations
from backups import TARGET, Backups
from schema import Failure, say


def drill():
    # That of SQLite files has no PostgreSQL.
    has_postgres = "PGHOST" in os.environ
    if has_postgres:
        wait_for_postgres()
    known = Backups()
    stamp = known.choose(None)
    manifest = known.manifests[stamp]
    for part in manifest["databases"]:
        dump = known.fetch(stamp, part["file"], part["bytes"], part["sha256"])
        database = schema.Database(f"{part['kind']} database", part["kind"], kind_of(part))
        if (part.get("engine") == "sqlite") == has_postgres:
            raise Failure(f"The backup {stamp} is of another kind of database than this platform's. Expected a backup made since.")
        if has_postgres:
            create(part["kind"])
            sidecars.postgres(f"{database} of the backup {stamp} cannot be restored", "restore", database.name, str(dump), "before_")
            restore.check_rows(database, part)
        else:
            restore.check_rows(database, part, sqlite_operations.counted(dump, database.kind[1]))
        dump.unlink()
        say(f"{database}: {sum(part['rows'].values())} rows, at schema {part['revision']}, as the manifest says.")
    entries = known.listing(stamp)
    lost = backups.lost(entries.values())
    if lost:
        raise Failure(f"The target has lost {len(lost)} files of the backup {stamp}: {backups.listed(lost)}.")
    sample = read_sample(stamp, entries)
    say(f"The backup {stamp} is proven: {len(manifest['databases'])} databases, {len(entries)} files, {sample} of them read.")


def create(database):
    connection = schema.connect("postgres")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
    connection.close()


def kind_of(part):
    return next(kind for kind, name in restore.KINDS.items() if name == part["kind"])


def read_sample(stamp, entries):
    wanted = random.sample(sorted(entries), min(len(entries), int(os.environ.get("SAMPLE", "100"))))
    for folder in sorted({entries[path]["in"] for path in wanted}):
        paths = [path for path in wanted if entries[path]["in"] == folder]
        read = sidecars.checksums(f"{TARGET}artifacts/{folder}", paths)
        wrong = sorted(path for path in paths if read.get(path) != entries[path]["sha256"])
        if wrong:
            raise Failure(f"{len(wrong)} files of the backup {stamp} are damaged: {backups.listed(wrong)}.")
    return len(wanted)


def wait_for_postgres():
    deadline = time.monotonic() + 120
    while True:
        try:
            schema.connect("postgres").close()
            return
        except Exception as error:
            if time.monotonic() > deadline:
                raise Failure(f"The PostgreSQL of this pod did not start: {error}") from None
            time.sleep(0.2)


def main():
    # PID 1 has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        drill()
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

"""The restore's program: puts a backup in the place of what is there, and keeps that beside.

  BACKUP=<stamp>      the one to restore; without it, the newest
  ONLY=database       leaves the artifact store as it is
  OVERWRITE=yes       also if something is there; without it, only into what is empty
  ACCEPT_LOSS=yes     also if files of the backup are lost; without it, nothing is changed then

What was in a database is then in its schema before_<time>, files that were replaced in the store's folder before-<time>. A
SQLite file is then in the folder before-<time> beside it.
"""

import contextlib
import os
import signal
import sys
import time
import traceback

import backup
import backups
import migrate
import psycopg2
import schema
import secret_files
import sidecars
import sqlite_operations
from backups import SOURCE, TARGET, Backups
from deployment_scale import Scale
from operation_lock import MIGRATION, OPERATION, hold
from schema import UNCHANGED, Failure, Refusal, say

KINDS = {schema.TRACKING: "tracking", schema.AUTH: "auth"}
WORDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def restore():
    overwrite, accept_loss, only = backups.flag("OVERWRITE"), backups.flag("ACCEPT_LOSS"), os.environ.get("ONLY", "")
    if only not in ("", "database"):
        raise Refusal(f"ONLY is '{only}'; expected database, or nothing for all.")
    found = [schema.Database(*each) for each in schema.databases()]
    for database in found:
        wait(database)
    with hold(OPERATION, "A backup or another restore") as operation, hold(MIGRATION, "A migration") as migration:
        known = Backups()
        stamp = known.choose(os.environ.get("BACKUP"))
        manifest = known.manifests[stamp]
        say(f"Restoring the backup {stamp}, made by MLflow {manifest['mlflow']}.")
        plan = [(database, part_of(manifest, database)) for database in found]
        dumps = [known.fetch(stamp, part["file"], part["bytes"], part["sha256"]) for _, part in plan]
        files = Files(known, stamp, accept_loss) if only != "database" else None
        if not overwrite:
            refuse_if_used(found, files)
        if sqlite_operations.in_use():
            sqlite_operations.refuse_without_space(found, dumps)
        before = backups.now()
        # Slow, so it comes before the servers are stopped. A server upgrades its SQLite files itself when it starts.
        older = not sqlite_operations.in_use() and any(part["revision"] != database.head for database, part in plan)
        mlflow = migrate.import_mlflow() if older else None
        servers = Servers(os.environ.get("SERVER_DEPLOYMENT"))
        with servers.stopped(found), told(changes := []):
            if files:
                # A row needs its file. Files that are replaced come last: rows that are there now need the old ones.
                files.copy(files.absent)
            for (database, part), dump in zip(plan, dumps):
                unchanged = f"{database} was not changed."
                servers.check(found, unchanged)
                for lock in (operation, migration):
                    lock.check(unchanged)
                swap(database, part, dump, before.lower(), changes)
            if files and files.replaced:
                changes.append(f"files that are replaced are kept in the store's folder before-{before}")
                files.keep(before)
                files.copy(files.replaced)
            for database, part in plan:
                if not sqlite_operations.in_use():
                    upgrade(mlflow, migration, database)
                elif part["revision"] != database.head:
                    say(f"{database}: the server upgrades the schema when it starts, {part['revision']} -> {database.head}.")
        summary(stamp, manifest, plan, files, before)


def refuse_if_people(database):
    """Users beside those that the platform creates: SERVICE_USERS is their names, with spaces; without it, they are not known."""
    if "SERVICE_USERS" not in os.environ:
        return
    users = users_of(database)
    own = {os.environ.get("MLFLOW_AUTH_ADMIN_USERNAME"), *os.environ["SERVICE_USERS"].split()}
    people = [user for user in users if user not in own]
    if people:
        raise Refusal(
            f"{database} is not empty (users: {backups.listed(people)}). {UNCHANGED} To replace it all the same: OVERWRITE=yes"
        )


def users_of(database):
    if sqlite_operations.in_use():
        return [row[0] for row in sqlite_operations.query(database, "SELECT username FROM users ORDER BY 1")]
    connection = schema.connect(database.name)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.users') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return []
            cursor.execute("SELECT username FROM users ORDER BY 1")
            return [row[0] for row in cursor.fetchall()]
    except psycopg2.Error as error:
        raise Failure(f"{database}: {schema.in_words(error)}") from None
    finally:
        connection.close()


@contextlib.contextmanager
def told(changes):
    """A failure also says what had been changed before it."""
    try:
        yield
    except (Failure, schema.Unreachable) as failure:
        if not changes:
            raise
        raise Failure(f"{failure}\nUntil then: {'; '.join(changes)}.") from None


def wait(database):
    """Also a database that a newer MLflow has changed can be put back, and a file that is damaged."""
    with contextlib.suppress(schema.Newer):
        if not sqlite_operations.in_use():
            return database.wait(backup.PATIENCE)
        with contextlib.suppress(schema.Unreachable):
            database.look()


def part_of(manifest, database):
    kind = KINDS[database.kind]
    part = next((each for each in manifest["databases"] if each["kind"] == kind), None)
    if part is None:
        raise Refusal(f"The backup {manifest['stamp']} has no {kind} database: it was made with another login. {UNCHANGED}")
    engine = "sqlite" if sqlite_operations.in_use() else "postgresql"
    if part.get("engine", "postgresql") != engine:
        raise Refusal(
            f"The backup {manifest['stamp']} is of {WORDS[part.get('engine', 'postgresql')]}, and this platform has"
            f" {WORDS[engine]}. {UNCHANGED} Restore it into a platform with {WORDS[part.get('engine', 'postgresql')]};"
            " copy_to_postgres.py then copies SQLite files into a PostgreSQL."
        )
    if schema.compare(part["revision"], database.known, database.head) == schema.NEWER:
        newer = schema.newer_in_words("backup's database", part["name"], part["revision"], database.head)
        raise Refusal(f"{newer} {UNCHANGED}")
    return part


def refuse_if_used(databases, files):
    for database in databases:
        if database.kind == schema.AUTH:
            refuse_if_people(database)
            continue
        rows = backup.used_rows(database)
        if rows:
            told = ", ".join(f"{count} in {table}" for table, count in rows.items())
            raise Refusal(f"{database} is not empty (rows: {told}). {UNCHANGED} To replace it all the same: OVERWRITE=yes")
    if files and files.replaced:
        raise Refusal(
            f"The artifact store has {len(files.replaced)} files that differ from the backup's"
            f" ({backups.listed(files.replaced)}). {UNCHANGED} To replace them all the same: OVERWRITE=yes"
        )


class Files:
    """Those of the artifact store: what has to be copied, and what that replaces."""

    def __init__(self, known, stamp, accept_loss):
        entries = known.listing(stamp)
        lost = backups.lost(entries.values())
        if lost and not accept_loss:
            raise Refusal(
                f"The target has lost {len(lost)} files of this backup: {backups.listed(lost)}. {UNCHANGED}"
                " To restore the others: ACCEPT_LOSS=yes"
            )
        self.lost = lost
        for path in lost:
            del entries[path]
        self.entries = entries
        present = backups.artifacts_now()
        wanted = {
            path: entry for path, entry in self.entries.items() if present.get(path) != (entry["bytes"], entry["modified"])
        }
        # A file that was copied before has another time of change, and may be the same.
        alike = [path for path, entry in wanted.items() if path in present and present[path][0] == entry["bytes"]]
        for path, checksum in sidecars.checksums(SOURCE, alike).items():
            if checksum == wanted[path]["sha256"]:
                del wanted[path]
        self.wanted = wanted
        self.replaced = sorted(path for path in wanted if path in present)
        self.absent = sorted(path for path in wanted if path not in present)

    def keep(self, before):
        sidecars.copy("Files could not be kept", SOURCE, f"{SOURCE}before-{before}", self.replaced)

    def copy(self, paths):
        say(f"Copying {len(paths)} of {len(self.entries)} files.")
        for folder in sorted({self.wanted[path]["in"] for path in paths}):
            listed = sidecars.file_of(path for path in paths if self.wanted[path]["in"] == folder)
            sidecars.rclone(
                "Files could not be restored", "copy", f"{TARGET}artifacts/{folder}", SOURCE,
                "--no-traverse", "--ignore-times", "--files-from-raw", str(listed),
            )
            listed.unlink()
        found = sidecars.checksums(SOURCE, paths)
        wrong = [path for path in paths if found.get(path) != self.wanted[path]["sha256"]]
        if wrong:
            raise Failure(f"{len(wrong)} files in the artifact store are not those of the backup: {backups.listed(wrong)}.")


class Servers:
    """None of them runs meanwhile; as many as before run afterwards, however it ends."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.scale = Scale(deployment) if deployment else None

    @contextlib.contextmanager
    def stopped(self, databases):
        replicas = self.scale.get() if self.scale else None
        if replicas is None:
            self.scale = None
            wait_for_sessions(databases, UNCHANGED)
            yield
            return
        # A restore that was killed may have left none.
        after = max(replicas, int(os.environ.get("SERVER_REPLICAS", "1")))
        say(f"Stopping {self.deployment}, which has {replicas} pods.")
        try:
            self.scale.set(0)
            wait_for_sessions(databases, UNCHANGED)
            yield
        finally:
            self.start(after, sys.exc_info()[1])

    def start(self, replicas, before):
        try:
            self.scale.set(replicas, patience=float(os.environ.get("START_SECONDS", "600")))
        except Failure as failure:
            causes = f"{before}\n{failure}" if isinstance(before, Failure) else str(failure)
            by_hand = f"kubectl scale deployment/{self.deployment} --replicas={replicas}"
            raise Failure(f"{causes}\nIt may have no pods. Start them by hand: {by_hand}") from None
        say(f"Started {self.deployment} with {replicas} pods.")

    def check(self, databases, unchanged):
        """What was so when they were stopped may be otherwise hours later, e.g. by an autoscaler."""
        replicas = self.scale.get() if self.scale else 0
        if replicas:
            raise Failure(f"{self.deployment} has {replicas} pods again: another program scaled it. {unchanged}")
        wait_for_sessions(databases, unchanged)


def wait_for_sessions(databases, unchanged):
    """A server that is told to end answers its last requests first."""
    if sqlite_operations.in_use():
        return sqlite_operations.wait_for_server(unchanged)
    deadline = time.monotonic() + float(os.environ.get("STOP_SECONDS", "600"))
    while True:
        left = [f"{name or 'unnamed'} (process {pid})" for database in databases for pid, name in sessions(database)]
        if not left:
            return
        if time.monotonic() > deadline:
            raise Failure(f"Sessions of other programs use the database: {backups.listed(left)}. {unchanged}")
        time.sleep(0.5)


def sessions(database):
    """All but those of our own Jobs, which change nothing while this restore holds the locks."""
    connection = schema.connect(database.name)
    try:
        with schema.bounded_wait(connection), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid, application_name FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = current_user AND backend_type = 'client backend' AND application_name <> %s",
                [schema.OUR_NAME],
            )
            return cursor.fetchall()
    except psycopg2.Error as error:
        raise Failure(f"{database}: {schema.in_words(error)}") from None
    finally:
        connection.close()


def swap(database, part, dump, before, changes):
    if sqlite_operations.in_use():
        kept = sqlite_operations.swap(database, dump, before)
        changes.append(f"what was in {str(database).replace('The', 'the', 1)} is in the folder {kept}")
        check_rows(database, part, sqlite_operations.counted(sqlite_operations.file_of(database), database.kind[1]))
        say(f"{database} is restored; what was in it is in the folder {kept}.")
        return
    sidecars.postgres(
        f"{database} could not be restored, and is as it was", "restore", database.name, str(dump), f"before_{before}"
    )
    dump.unlink()
    changes.append(f"what was in {str(database).replace('The', 'the', 1)} is in its schema before_{before}")
    check_rows(database, part)
    say(f"{database} is restored; what was in it is in its schema before_{before}.")


def check_rows(database, part, found=None):
    counted, revision = found or counted_in_postgres(database)
    tables = sorted(set(counted) | set(part["rows"]))
    other = [
        f"{table} has {counted.get(table)}, not {part['rows'].get(table)}"
        for table in tables if counted.get(table) != part["rows"].get(table)
    ]
    if other or revision != part["revision"]:
        other += [f"its schema is {revision}, not {part['revision']}"] if revision != part["revision"] else []
        raise Failure(f"{database} is not what the manifest says: {backups.listed(other)}.")


def counted_in_postgres(database):
    connection = schema.connect(database.name)
    try:
        with connection.cursor() as cursor:
            return backup.count_rows(cursor), backup.revision_of(cursor, database)
    finally:
        connection.close()


def upgrade(mlflow, lock, database):
    database.look()
    if database.state == schema.CURRENT:
        return
    say(f"{database}: upgrading the schema, {database.revision} -> {database.head}.")
    lock.check()
    try:
        migrate.run_upgrade(mlflow, database)
    except Exception as error:
        # Frames alone: the message of a database error can hold rows.
        traceback.print_tb(error.__traceback__)
        raise Failure(f"{database} could not be brought to schema {database.head}: {schema.cause(error)}") from None
    database.wait(backup.PATIENCE)
    if database.state != schema.CURRENT:
        raise Failure(f"{database} is at schema {database.revision} after the upgrade, not at {database.head}.")


def summary(stamp, manifest, plan, files, before):
    rows = {database: sum(part["rows"].values()) for database, part in plan}
    say(f"Restored the backup {stamp} of MLflow {manifest['mlflow']}:")
    for database, part in plan:
        runs = f", {part['rows']['runs']} runs" if "runs" in part["rows"] else ""
        revision = part["revision"] if sqlite_operations.in_use() else database.revision
        say(f"  {database}: {rows[database]} rows{runs}, schema {revision}")
    if files is None:
        say("  The artifact store was left as it is.")
        return
    bytes = backups.size(sum(entry["bytes"] for entry in files.entries.values()))
    say(f"  The artifact store: {len(files.entries)} files ({bytes}), {len(files.wanted)} of them copied")
    if files.replaced:
        say(f"  {len(files.replaced)} files that were replaced are in its folder before-{before}")
    if files.lost:
        say(f"  Lost: {len(files.lost)} files: {backups.listed(files.lost)}")


def main():
    # PID 1 has no default for it; what was stopped is started again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        restore()
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

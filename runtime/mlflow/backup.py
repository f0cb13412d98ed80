"""The backup's program: the databases first, then the files of the artifact store that the target does not have yet.

A row without its file does harm, a file without its row none. See backups.py for what it writes.

  PUSHGATEWAY_URL     where the sizes of the artifacts are sent: push_figures.py
  WORKSPACES          names of the platform's workspaces: artifact_sizes.py
  ALLOW_EMPTY=yes     also if the platform is empty, and the newest backup at the target is not
"""

import importlib.metadata
import json
import os
import signal
import sys
import time

import artifact_sizes
import backups
import psycopg2
import push_figures
import retention
import schema
import secret_files
import sidecars
import sqlite_operations
from backups import SOURCE, TARGET, Backups
from operation_lock import MIGRATION, OPERATION, hold
from schema import UNCHANGED, Failure, Refusal, say

PATIENCE = 600  # Seconds, for a database that is starting.
TOO_LONG = "a dump and its upload took too long, and a migration may wait for them"
COMPLETE_ALL_THE_SAME = "The backup is complete, and older ones beyond the retention stay"
MAY_NOT_DELETE = "If the key of the target may not delete, set retention to { keepAll: true }."
ROUNDS = 3  # So often files are read again that were changed while they were copied.
# A fresh platform has rows in other tables, e.g. the experiment Default.
WORK_OF_PEOPLE = {
    "runs": "true", "registered_models": "true", "logged_models": "true", "trace_info": "true",
    "experiments": "experiment_id <> 0",
}


def back_up():
    found = [schema.Database(*each) for each in schema.databases()]
    for database in found:
        database.wait(PATIENCE)
    with hold(OPERATION, "Another backup or a restore") as lock:
        known = Backups()
        refuse_to_take_over(known, found[0])
        stamp = backups.now()
        begun = time.time()
        with hold(MIGRATION, "A migration"), Bounded(f"Backing up the databases: {TOO_LONG}") as bounded:
            databases = [dump(database, stamp, bounded) for database in found]
        entries, artifacts = copy_artifacts(known, stamp)
        lock.check()
        file, listing = backups.write_listing(entries)
        backups.put(stamp, file)
        manifest = {
            "format": 1,
            "stamp": stamp,
            "seconds": round(time.time() - begun),
            "mlflow": importlib.metadata.version("mlflow"),
            "image": os.environ.get("MLFLOW_IMAGE"),
            "databases": databases,
            "artifacts": {**artifacts, **listing},
        }
        write_manifest(stamp, manifest)
        known.manifests[stamp] = manifest
        say(
            f"The backup {stamp} is complete: {len(databases)} databases, {artifacts['objects']} files"
            f" ({backups.size(artifacts['bytes'])}), of which {artifacts['copied']} were copied now"
            f" ({backups.size(artifacts['copied_bytes'])})."
        )
        sizes = artifact_sizes.by_workspace(entries)
        artifact_sizes.report(sizes)
        push_figures.push(artifact_sizes.figures(sizes))
        remove_failed(lock, known, stamp)
        remove_old(lock, known)


def refuse_to_take_over(known, database):
    """A platform that was installed anew has nothing yet, and its backups would supersede those of the one before."""
    if backups.flag("ALLOW_EMPTY") or not known.newest:
        return
    [rows] = [part["rows"] for part in known.manifests[known.newest]["databases"] if part["kind"] == "tracking"]
    runs, models = rows.get("runs", 0), rows.get("registered_models", 0)
    if (runs or models) and not used_rows(database):
        raise Refusal(
            f"The newest backup at the target, {known.newest}, has {runs} runs and {models} registered models, and this"
            f" platform has none. Is it another platform, or has it lost its data? {UNCHANGED} Expected a restore of that"
            " backup first, or a target or a folder of it of its own. To back up what is empty all the same: ALLOW_EMPTY=yes"
        )


def used_rows(database):
    if sqlite_operations.in_use():
        counts = {
            table: sqlite_operations.query(database, f"SELECT count(*) FROM {table} WHERE {condition}")
            for table, condition in WORK_OF_PEOPLE.items()
        }
        return {table: found[0][0] for table, found in counts.items() if found and found[0][0]}
    connection = schema.connect(database.name)
    found = {}
    try:
        with connection.cursor() as cursor:
            for table, condition in WORK_OF_PEOPLE.items():
                cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{table}"])
                if cursor.fetchone()[0]:
                    cursor.execute(f"SELECT count(*) FROM public.{table} WHERE {condition}")
                    found[table] = cursor.fetchone()[0]
    except psycopg2.Error as error:
        raise Failure(f"{database}: {schema.in_words(error)}") from None
    finally:
        connection.close()
    return {table: count for table, count in found.items() if count}


def dump(database, stamp, bounded):
    """What the manifest says of it."""
    suffix = "db" if sqlite_operations.in_use() else "dump"
    kind = "tracking" if database.kind == schema.TRACKING else "auth"
    file = sidecars.work() / f"{kind}.{suffix}"
    begun = time.monotonic()
    said = sqlite_operations.dump(database, file) if sqlite_operations.in_use() else dump_of_postgres(database, file, bounded)
    dumped = {
        "kind": kind,
        "name": database.name,
        "file": file.name,
        "bytes": file.stat().st_size,
        "sha256": backups.sha256_of(file),
        **said,
    }
    backups.put(stamp, file)
    file.unlink()
    say(f"{database}: {backups.size(dumped['bytes'])} in {time.monotonic() - begun:.0f} s, at schema {said['revision']}.")
    return dumped


def dump_of_postgres(database, file, bounded):
    """Rows are counted in the very state that is dumped."""
    connection = schema.connect(database.name)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
            # A query does not end by a signal.
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{bounded.seconds_left() * 1000:.0f}"])
            cursor.execute("SET lock_timeout = '60s'")
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
            snapshot, server = cursor.fetchone()
            # What was looked at before may have been changed by a migration since.
            revision = revision_of(cursor, database)
            rows = count_rows(cursor)
            sidecars.postgres(f"{database} could not be dumped", "dump", database.name, str(file), snapshot)
    except psycopg2.errors.QueryCanceled:
        raise Failure(f"{database}: {TOO_LONG}.") from None
    except psycopg2.errors.LockNotAvailable:
        raise Failure(f"{database}: another session holds a lock on a table for more than a minute.") from None
    except psycopg2.Error as error:
        raise Failure(f"{database}: {schema.in_words(error)}") from None
    finally:
        connection.close()
    return {"revision": revision, "rows": rows, "server": server}


class Bounded:
    """Ends what takes too long: a migration that waits for it may not wait for ever."""

    def __init__(self, what):
        self.what = what

    def __enter__(self):
        seconds = float(os.environ.get("DUMP_SECONDS", "21600"))
        self.deadline = time.monotonic() + seconds
        signal.signal(signal.SIGALRM, self.end)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        return self

    def seconds_left(self):
        return max(1, self.deadline - time.monotonic())

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)

    def end(self, *_):
        raise Failure(f"{self.what}.")


def revision_of(cursor, database):
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{database.kind[1]}"])
    if not cursor.fetchone()[0]:
        raise Failure(f"{database} has no schema of MLflow yet: nothing to back up.")
    cursor.execute(f"SELECT version_num FROM public.{database.kind[1]} ORDER BY 1")
    return "+".join(row[0] for row in cursor.fetchall())


def count_rows(cursor):
    """{table: rows} of the schema public."""
    cursor.execute("SELECT tablename, quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    counted = {}
    for table, quoted in cursor.fetchall():
        cursor.execute(f"SELECT count(*) FROM public.{quoted}")
        counted[table] = cursor.fetchone()[0]
    return counted


def copy_artifacts(known, stamp):
    """({path: entry} of all files, what the manifest says of them)."""
    before = known.listing(known.newest) if known.newest else {}
    folder = unfinished_folder(known, before) or stamp
    lost = backups.lost(before.values()) if before else []
    if lost:
        say(f"The target has lost {len(lost)} files of the newest backup: {backups.listed(lost)}. They are copied again.")
        for path in lost:
            del before[path]
    entries, copied, known_already = {}, {}, {}
    wanted = backups.artifacts_now()
    for path, (bytes, modified) in wanted.items():
        entry = before.get(path)
        if entry and (entry["bytes"], entry["modified"]) == (bytes, modified):
            entries[path] = entry
    left = sorted(path for path in wanted if path not in entries)
    for _ in range(ROUNDS):
        if not left:
            break
        checksums = sidecars.checksums(SOURCE, left)
        # On S3 everything that was restored has another time of change, and is the same.
        same = {path for path in left if path in before and is_content_of(before[path], wanted[path][0], checksums.get(path))}
        new = [path for path in left if path not in same]
        if new:
            say(f"Copying {len(new)} files ({backups.size(sum(wanted[path][0] for path in new))}).")
            sidecars.copy("Files could not be copied to the target", SOURCE, f"{TARGET}artifacts/{folder}", new)
        after = backups.artifacts_now()
        for path in left:
            if after.get(path) == wanted[path] and path in checksums:
                bytes, modified = wanted[path]
                if path in same:
                    known_already[path] = {**before[path], "modified": modified}
                else:
                    copied[path] = {
                        "path": path, "bytes": bytes, "modified": modified, "sha256": checksums[path], "in": folder,
                    }
        # Those that were removed meanwhile have no row any more either; those that were changed are read again.
        left = [path for path in left if path not in copied and path not in known_already and path in after]
        wanted |= {path: after[path] for path in left}
    if left:
        raise Failure(f"{len(left)} files could not be read, or change all the time: {backups.listed(left)}.")
    missing = backups.lost(copied.values()) if copied else []
    if missing:
        raise Failure(f"{len(missing)} files did not arrive whole at the target: {backups.listed(missing)}.")
    entries |= known_already | copied
    total = {
        "objects": len(entries),
        "bytes": sum(entry["bytes"] for entry in entries.values()),
        "copied": len(copied),
        "copied_bytes": sum(entry["bytes"] for entry in copied.values()),
    }
    return entries, total


def is_content_of(entry, bytes, checksum):
    return (entry["bytes"], entry["sha256"]) == (bytes, checksum)


def unfinished_folder(known, before):
    """The one of a backup that was cut short since the last complete one: what arrived there is not copied again."""
    used = {entry["in"] for entry in before.values()}
    left = [folder for folder in folders_of("artifacts") if folder not in used]
    return max((folder for folder in left if folder > (known.newest or "")), default=None)


def folders_of(folder):
    """Those of the target that are named after the time of a backup."""
    out = sidecars.rclone("The target cannot be listed", "lsf", f"{TARGET}{folder}", "--dirs-only", absent=False)
    names = [line.rstrip("/") for line in out.read_text("utf-8").splitlines()] if out else []
    return [name for name in names if backups.STAMP.fullmatch(name)]


def write_manifest(stamp, manifest):
    file = sidecars.work() / "manifest.json"
    file.write_text(json.dumps(manifest, indent=2, ensure_ascii=False), "utf-8")
    backups.put(stamp, file)


def remove_failed(lock, known, stamp):
    """What backups before this one left that did not become complete. Their files are used by later ones."""
    if os.environ.get("KEEP_ALL") == "yes":
        return
    failed = sorted(each for each in folders_of("backups") if each < stamp and each not in known.manifests)
    for each in failed:
        lock.check()
        try:
            sidecars.rclone(f"The backup {each}, which is not complete, could not be removed", "purge", f"{TARGET}backups/{each}")
        except Failure as failure:
            raise Refusal(f"{COMPLETE_ALL_THE_SAME}: {failure}\n{MAY_NOT_DELETE}") from None
    if failed:
        say(f"Removed what {len(failed)} backups left that failed ({backups.listed(failed)}).")


def remove_old(lock, known):
    """Those beyond the retention, and then all files that no backup refers to."""
    if os.environ.get("KEEP_ALL") == "yes":
        return
    numbers = [int(os.environ.get(name, standard)) for name, standard in (("DAILY", 7), ("WEEKLY", 4), ("MONTHLY", 12))]
    kept = retention.kept(known.manifests, *numbers)
    old = sorted(set(known.manifests) - kept)
    if not old:
        return
    lock.check()
    try:
        # All listings are read before anything is removed: one that is damaged stops it.
        used = set()
        for stamp in kept:
            used |= {f"{entry['in']}/{entry['path']}" for entry in known.listing(stamp).values()}
        for stamp in old:
            sidecars.rclone(f"The backup {stamp} could not be removed", "purge", f"{TARGET}backups/{stamp}")
        unused = sorted(set(backups.stored_files()) - used)
        if unused:
            listed = sidecars.file_of(unused)
            arguments = ["delete", f"{TARGET}artifacts", "--files-from-raw", str(listed)]
            sidecars.rclone("Files of old backups could not be removed", *arguments)
    except Failure as failure:
        # It is complete, so that another try would only make one more.
        raise Refusal(
            f"{COMPLETE_ALL_THE_SAME}: {failure}\n{MAY_NOT_DELETE}"
        ) from None
    say(f"Removed {len(old)} old backups ({backups.listed(old)}) and {len(unused)} files that only they had.")


def main():
    # PID 1 has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        back_up()
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

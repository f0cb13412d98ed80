"""Copies the artifacts of a server to another store, while the server goes on, and proves each by its SHA-256.

  source:  the store of the server, and target: the other one, as run-rclone.sh opens them: the folder `artifacts` of each
  WRITES_PAUSED   yes if the server refuses uploads: then nothing may change meanwhile
  PGDATABASE      where the server keeps what refers to artifacts, with PGHOST, PGUSER, PGPASSWORD as libpq reads them

Nothing is removed, and nothing is written to the source. What was proven is noted at the target in RECORD after each batch:
a later run, also one after a failure, reads only what is new or was changed since, in either store.
"""

import calendar
import gzip
import json
import os
import re
import signal
import sys
import time
from typing import NamedTuple

import backups
import psycopg2
import schema
import secret_files
import sidecars
from schema import Failure, Refusal, say

FOLDER = "artifacts"
SOURCE, TARGET = f"source:{FOLDER}", f"target:{FOLDER}"
# Beside the folder, so that no client of the server sees it.
RECORD = "cdk8s-mlflow-moved.jsonl.gz"
ROUNDS = 3  # So often files are copied again that were changed meanwhile.
BATCH_FILES, BATCH_BYTES = 1000, 8 * 1024**3
RECORD_SECONDS = 60  # The record is written at most so often, because it holds a line for each file.

# (table, column, condition): locations by which clients find artifacts. With a name of this server they are found in any store.
LOCATIONS = [
    ("experiments", "artifact_location", "true"),
    ("runs", "artifact_uri", "true"),
    ("logged_models", "artifact_location", "true"),
    ("model_versions", "source", "true"),
    ("model_versions", "storage_location", "true"),
    ("trace_tags", "value", "key IN ('mlflow.artifactLocation', 'mlflow.trace.archiveLocation')"),
    ("workspaces", "default_artifact_root", "true"),
]
# Of a scheme and a host at most: a folder could be anything.
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//[^/]*)?")
OF_THE_SERVER = {"mlflow-artifacts", "models", "runs"}


class Entry(NamedTuple):
    """A file that is the same in both stores, as each listed it then."""

    bytes: int
    modified: str
    copied: str  # The time of change at the target.
    sha256: str


def move():
    begun = time.monotonic()
    paused = os.environ.get("WRITES_PAUSED") == "yes"
    fixed = fixed_locations()
    source = sidecars.files(SOURCE)
    if source is None:
        raise Refusal(
            f"The store of the server has no folder {FOLDER!r}: nothing to move. Is it the store that the server uses,"
            " and has it an artifact?"
        )
    record = Record()
    copied = Copied()
    total = sum(bytes for bytes, _ in source.values())
    say(f"The store of the server has {len(source)} files ({backups.size(total)}).")
    changed, listed = [], {}
    for _ in range(ROUNDS):
        copy_all(source, record, copied)
        # What was removed meanwhile is not missed.
        listed = source
        source = sidecars.files(SOURCE) or {}
        changed = sorted(path for path in source if not record.is_of(path, source[path]))
        if not changed or not paused:
            break
    broken = [path for path in changed if source[path] == listed.get(path)]
    if broken:
        raise Failure(f"{len(broken)} files cannot be read, or did not arrive whole at the destination: {backups.listed(broken)}.")
    arrived = sidecars.files(TARGET) or {}
    lost = sorted(path for path in source.keys() & record.entries.keys() if not record.is_at(path, arrived.get(path)))
    if lost:
        raise Failure(f"{len(lost)} files at the destination were removed or changed meanwhile: {backups.listed(lost)}.")
    more = sorted(arrived.keys() - source.keys())
    say(
        f"Copied {copied.files} files ({backups.size(copied.bytes)}) in {time.monotonic() - begun:.0f} s, and proved"
        f" {copied.proven} by their SHA-256, which was read from both stores. {copied.known} were proven before."
    )
    if more:
        say(
            f"The destination has {len(more)} files that the store of the server does not have: {backups.listed(more)}."
            " They were deleted since an earlier run, or are others. They stay."
        )
    tell(fixed)
    if changed and paused:
        raise Failure(
            f"{len(changed)} files were changed while the server refuses uploads: {backups.listed(changed)}. Expected"
            " no other client of the store, and no upload that began before. Do not change the store of the server yet."
        )
    if changed:
        say(f"{len(changed)} files were written meanwhile. Set pauseArtifactWrites, and run this Job again.")
    elif paused:
        say(
            f"Complete: all {len(source)} files are at the destination with the same content, and none was changed meanwhile."
            " The store of the server can be changed now."
        )
    else:
        say("All files are at the destination. Set pauseArtifactWrites, and run this Job again, for those that are written now.")


def copy_all(source, record, copied):
    target = sidecars.files(TARGET) or {}
    left = []
    for path in sorted(source):
        if record.is_of(path, source[path]) and record.is_at(path, target.get(path)):
            copied.known += copied.first
        else:
            left.append(path)
    for batch in batches(left, source):
        copy_batch(batch, source, target, record, copied)
        record.write()
    record.write(now=True)
    copied.first = False


def batches(paths, source):
    batch, bytes = [], 0
    for path in paths:
        batch.append(path)
        bytes += source[path][0]
        if len(batch) >= BATCH_FILES or bytes >= BATCH_BYTES:
            yield batch
            batch, bytes = [], 0
    if batch:
        yield batch


def copy_batch(batch, source, target, record, copied):
    # Of an earlier run that was ended before it noted them, or of a move in the other direction.
    there = [path for path in batch if path in target and target[path][0] == source[path][0]]
    equal = note(there, source, target, record, copied)
    left = [path for path in batch if path not in equal]
    refuse_newer([path for path in left if path in target and path not in copied.here], source, target, record)
    if not left:
        return
    for path in left:
        record.entries.pop(path, None)
    listed = sidecars.file_of(left)
    names = ["--files-from-raw", str(listed)]
    # By default rclone skips files of the same size and time, and these are known to differ.
    sidecars.rclone(
        "Files could not be copied to the destination", "copy", SOURCE, TARGET, "--no-traverse", "--ignore-times", *names
    )
    copied.files += len(left)
    copied.here.update(left)
    copied.bytes += sum(source[path][0] for path in left)
    arrived = sidecars.files(TARGET, *names) or {}
    listed.unlink()
    note([path for path in left if path in arrived], source, arrived, record, copied)


def note(paths, source, target, record, copied):
    """Those whose content is the same in both stores."""
    mine, others = sidecars.checksums(SOURCE, paths), sidecars.checksums(TARGET, paths)
    equal = {path for path in paths if path in mine and mine[path] == others.get(path)}
    for path in equal:
        record.entries[path] = Entry(*source[path], whole_second(target[path][1]), mine[path])
    copied.proven += len(equal)
    return equal


def refuse_newer(paths, source, target, record):
    """After the server was changed to the other store, this Job would overwrite what it has written there since."""
    newer = [
        path for path in paths
        if not record.is_at(path, target[path]) and moment(target[path][1]) > moment(source[path][1])
    ]
    if newer:
        raise Refusal(
            f"{len(newer)} files at the destination have other content than in the store of the server, and are newer:"
            f" {backups.listed(newer)}. Does a server write to the destination already? They were not overwritten."
        )


def whole_second(text):
    """A store tells less of the time of one object than in a list."""
    return re.sub(r"\.\d+", "", text)


def moment(text):
    """A time as rclone writes it, as one that can be compared: fractions of a second have as many digits as they need."""
    whole, fraction, zone = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text).groups()
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        seconds -= (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60)
    return seconds, (fraction or "").ljust(9, "0")


class Copied:
    """For the report."""

    def __init__(self):
        self.files = self.bytes = self.proven = self.known = 0
        self.here = set()
        self.first = True


class Record:
    """What was proven, {path: Entry}, kept at the target."""

    def __init__(self):
        self.file = sidecars.work() / RECORD
        self.entries = {}
        self.written = 0.0
        self.known = None
        sidecars.rclone(
            "The destination cannot be read", "copy", "target:", str(sidecars.work()), "--include", f"/{RECORD}",
            # Nothing is done yet: what is away now is told at once, and the Job tries again.
            "--retries=1", "--low-level-retries=2", "--contimeout=10s", absent=True,
        )
        if self.file.exists():
            self.read()

    def read(self):
        try:
            with gzip.open(self.file, "rt", encoding="utf-8") as lines:
                for line in lines:
                    path, *entry = json.loads(line)
                    self.entries[path] = Entry(*entry)
        except (OSError, EOFError, ValueError, TypeError) as error:
            # It only saves time.
            say(f"{RECORD} of the destination cannot be read ({error}): all files are read again.")
            self.entries = {}

    def is_of(self, path, listed):
        """Whether the file in the source is still the one that was proven."""
        entry = self.entries.get(path)
        return entry is not None and (entry.bytes, entry.modified) == listed

    def is_at(self, path, listed):
        entry = self.entries.get(path)
        return entry is not None and listed is not None and (entry.bytes, entry.copied) == (listed[0], whole_second(listed[1]))

    def write(self, now=False):
        if not now and time.monotonic() - self.written < RECORD_SECONDS:
            return
        with self.file.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
            for path in sorted(self.entries):
                packed.write(json.dumps([path, *self.entries[path]], ensure_ascii=False).encode() + b"\n")
        checksum = backups.sha256_of(self.file)
        if checksum != self.known:
            sidecars.rclone(f"{RECORD} cannot be written to the destination", "copyto", str(self.file), f"target:{RECORD}")
        self.known = checksum
        self.written = time.monotonic()


def fixed_locations():
    """{(table, address): rows} of all that name a store themselves, and not this server."""
    name = os.environ["PGDATABASE"]
    found = {}
    try:
        connection = schema.connect(name)
        try:
            with connection.cursor() as cursor:
                for table, column, condition in LOCATIONS:
                    count_addresses(cursor, table, column, condition, found)
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise Failure(f"The database {name} cannot be read: {schema.in_words(error)}") from None
    return found


def count_addresses(cursor, table, column, condition, found):
    cursor.execute(
        "SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND table_name = %s AND column_name = %s)",
        [table, column],
    )
    if not cursor.fetchone()[0]:
        return  # Of another version of MLflow.
    address = f"substring({column} from '^[A-Za-z][A-Za-z0-9+.-]*:(?://[^/]*)?')"
    cursor.execute(f"SELECT {address}, count(*) FROM {table} WHERE {condition} AND {column} IS NOT NULL GROUP BY 1 ORDER BY 1")
    for prefix, rows in cursor.fetchall():
        match = ADDRESS.fullmatch(prefix or "")
        # A prompt has a source without a scheme; `mlflow-artifacts://host/…` names a server, not a store.
        if match and match[1].lower() not in OF_THE_SERVER:
            found[table, prefix] = found.get((table, prefix), 0) + rows


def tell(fixed):
    for (table, address), rows in fixed.items():
        say(
            f"Not moved: {rows} rows of the table {table} refer to {address} by its own address. Clients go on reading"
            " there, with a key of their own: keep that store."
        )


def main():
    # PID 1 has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        move()
    except (Failure, schema.Unreachable) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

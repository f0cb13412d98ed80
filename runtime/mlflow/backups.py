"""What lies at the target of backups, the remote `target:` of run-rclone.sh.

  backups/<stamp>/manifest.json       what the backup is; written last: without it, it is none
  backups/<stamp>/<kind>.dump         a database, as pg_dump writes it
  backups/<stamp>/artifacts.jsonl.gz  one line for each file of the artifact store, and the folder that holds it
  artifacts/<stamp>/<path>            files that were new or other than before at that time; later backups refer to them
"""

import gzip
import hashlib
import json
import os
import re
import time

import sidecars
from schema import Failure, Refusal

TARGET, SOURCE = "target:", "source:"
# Of the store everything is copied but dumps of migrations, which MLflow's key cannot read, and what a restore kept.
NOT_ARTIFACTS = ("--exclude", "/backups/**", "--exclude", "/before-*/**", "--exclude", "/lost+found/**")
STAMP = re.compile(r"\d{8}T\d{6}Z")


def now():
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def artifacts_now():
    """{path: (bytes, time of change)} of the artifact store."""
    # The databases are copied on their own.
    more = ("--exclude", "/database/**") if os.environ.get("SQLITE_DIRECTORY") else ()
    found = sidecars.files(SOURCE, *NOT_ARTIFACTS, *more)
    if found is None:
        raise Failure("The artifact store's folder does not exist: its bucket was removed, or its volume is not mounted.")
    return found


def stored_files(folder=""):
    """As artifacts_now(), of the target's folder of artifacts, which the first backup creates."""
    return sidecars.files(f"{TARGET}artifacts{folder}") or {}


class Backups:
    """All that are complete: {stamp: manifest}."""

    def __init__(self):
        folder = sidecars.work() / "manifests"
        sidecars.rclone(
            "The target of backups cannot be read", "copy", f"{TARGET}backups", str(folder),
            # Nothing is done yet: what is away now is told at once, and the Job tries again.
            "--include", "/*/manifest.json", "--retries=1", "--low-level-retries=2", "--contimeout=10s", "--timeout=60s",
            absent=True,
        )
        self.manifests = {}
        for file in sorted(folder.glob("*/manifest.json")):
            stamp = file.parent.name
            if STAMP.fullmatch(stamp):
                self.manifests[stamp] = read_json(file, f"The manifest of the backup {stamp}")
        if not self.manifests:
            self.refuse_other_key()

    def refuse_other_key(self):
        """Names that the key does not decrypt are not listed at all."""
        def names(remote):
            out = sidecars.rclone("The target cannot be listed", "lsf", remote, "--max-depth", "1", absent=False)
            found = out.read_text("utf-8").splitlines() if out else []
            # A folder of the file system's own, which no key encrypts.
            return [name for name in found if name != "lost+found/"]

        if names("plain:") and not names(TARGET):
            raise Refusal(
                "The target holds files, and none that this key decrypts. Expected the key with which the first backup was"
                " made (encryption), or a folder of its own for backups with another key."
            )

    @property
    def newest(self):
        return max(self.manifests, default=None)

    def choose(self, stamp):
        if not self.manifests:
            raise Refusal("The target holds no complete backup.")
        if stamp and stamp not in self.manifests:
            raise Refusal(f"BACKUP is '{stamp}'; expected one of {', '.join(sorted(self.manifests))}, or none for the newest.")
        return stamp or self.newest

    def fetch(self, stamp, name, bytes, sha256):
        """A file of a backup, in the work folder, whole."""
        file = sidecars.work() / name
        remote = f"{TARGET}backups/{stamp}/{name}"
        file.unlink(missing_ok=True)
        sidecars.rclone(f"{name} of the backup {stamp} cannot be read", "copyto", remote, str(file))
        found = file.stat().st_size if file.exists() else 0
        if found != bytes:
            raise Refusal(f"{name} of the backup {stamp} is damaged: it has {found} bytes, not {bytes}.")
        if sha256_of(file) != sha256:
            raise Refusal(f"{name} of the backup {stamp} is damaged: its checksum is not the one of the manifest.")
        return file

    def listing(self, stamp):
        """{path: entry} of the artifacts of a backup."""
        artifacts = self.manifests[stamp]["artifacts"]
        file = self.fetch(stamp, artifacts["file"], artifacts["file_bytes"], artifacts["file_sha256"])
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines]
        file.unlink()
        return {entry["path"]: entry for entry in entries}


def lost(entries):
    """Paths of those whose file at the target is not there, or has another size."""
    folders = {entry["in"] for entry in entries}
    # One folder is listed by itself; of many, all at once.
    below = f"/{folders.pop()}" if len(folders) == 1 else ""
    stored = {f"{below}/{path}": bytes for path, (bytes, _) in stored_files(below).items()}
    return sorted(entry["path"] for entry in entries if stored.get(f"/{entry['in']}/{entry['path']}") != entry["bytes"])


def write_listing(entries):
    """The file, and what the manifest says of it."""
    file = sidecars.work() / "artifacts.jsonl.gz"
    # Without a name and a time in it: the same listing is the same file.
    with file.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        for path in sorted(entries):
            packed.write(json.dumps(entries[path], ensure_ascii=False).encode() + b"\n")
    return file, {"file": file.name, "file_bytes": file.stat().st_size, "file_sha256": sha256_of(file)}


def put(stamp, file):
    sidecars.rclone(f"{file.name} cannot be written to the target", "copyto", str(file), f"{TARGET}backups/{stamp}/{file.name}")


def sha256_of(file):
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_json(file, what):
    try:
        return json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise Failure(f"{what} is damaged: {error}") from None


def listed(names, most=5):
    """For a message."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def size(bytes):
    unit = "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if bytes < 1024:
            break
        bytes, unit = bytes / 1024, larger
    return f"{bytes} bytes" if unit == "bytes" else f"{bytes:.1f} {unit}"


def flag(name):
    """A variable that a person sets, or not."""
    value = os.environ.get(name, "")
    if value not in ("", "yes", "no"):
        raise Refusal(f"{name} is '{value}'; expected yes, or no.")
    return value == "yes"

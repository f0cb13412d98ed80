"""Asks the containers beside this one for what only their images have: rclone, and PostgreSQL's own client.

A request is the file WORK_DIRECTORY/<number>.<program>, with one argument a line: see run-rclone.sh and run-postgres.sh.
"""

import itertools
import json
import os
import time
from pathlib import Path

from schema import Failure

NOT_FOUND = 3  # By which rclone says that a folder does not exist.

_numbers = itertools.count(1)


def work():
    return Path(os.environ.get("WORK_DIRECTORY", "/work"))


def ask(program, arguments):
    """(how it ended, the file of what it wrote, its errors in words). No limit of time: the Job has a deadline."""
    base = work() / str(next(_numbers))
    if any("\n" in argument for argument in arguments):
        raise Failure(f"{program}: an argument has a line end: {arguments!r}")
    request = base.with_suffix(".request")
    request.write_text("".join(f"{argument}\n" for argument in arguments), "utf-8")
    request.rename(base.with_suffix(f".{program}"))
    code = base.with_suffix(".code")
    while not code.exists():
        time.sleep(0.05)
    lines = base.with_suffix(".errors").read_text("utf-8", "replace").strip().splitlines()
    return int(code.read_text()), base.with_suffix(".out"), "\n".join(lines[-5:])


def postgres(what, *arguments):
    code, _, errors = ask("postgres", arguments)
    if code != 0:
        raise Failure(f"{what}: {errors or f'ended with {code}'}")


def rclone(what, *arguments, absent=None):
    """The file with what it wrote; `absent` if what it reads does not exist, and that is no failure."""
    code, out, errors = ask("rclone", arguments)
    if code == NOT_FOUND and absent is not None:
        return absent
    if code != 0:
        raise Failure(f"{what}: {errors or f'rclone ended with {code}'}")
    return out


def files(remote, *options):
    """{path: (bytes, time of change)} of all files below; None if the folder does not exist."""
    flags = ["--recursive", "--files-only", "--fast-list", "--no-mimetype", "--use-server-modtime"]
    out = rclone(f"{remote} cannot be listed", "lsjson", remote, *flags, *options, absent=False)
    if not out:
        return None
    found = {}
    with out.open(encoding="utf-8") as lines:
        # A line each: a million at once would need gigabytes.
        for line in lines:
            if line.startswith("{"):
                file = json.loads(line.strip().rstrip(","))
                found[file["Path"]] = (file["Size"], file["ModTime"])
    out.unlink()
    return found


def checksums(remote, paths):
    """{path: SHA-256} of what is read; those that cannot be read are absent."""
    if not paths:
        return {}
    listed = file_of(paths)
    arguments = ["hashsum", "sha256", remote, "--download", "--files-from-raw", str(listed)]
    _, out, _ = ask("rclone", arguments)
    listed.unlink()
    found = {}
    with out.open(encoding="utf-8") as lines:
        for line in lines:
            checksum, _, path = line.rstrip("\n").partition("  ")
            if len(checksum) == 64:
                found[path] = checksum
    out.unlink()
    return found


def file_of(lines):
    """A file in which rclone finds names, one a line."""
    file = work() / f"names-{next(_numbers)}"
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return file


def copy(what, source, target, paths):
    listed = file_of(paths)
    rclone(what, "copy", source, target, "--no-traverse", "--files-from-raw", str(listed))
    listed.unlink()

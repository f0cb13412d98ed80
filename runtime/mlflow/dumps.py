"""A database's dump in the artifact store, before a migration changes anything.

dump-databases.sh or dump-mysql.sh makes it, in a container beside this one: asked by the file
WORK_DIRECTORY/<database>.request, it writes <database>.dump, whole, or <database>.failed, the cause in words.
"""

import os
import re
import time
from pathlib import Path

import schema
from schema import UNCHANGED, Failure, Refusal, say

# What a dump begins with, what that is, and how its file is called: of pg_dump, and of a program for MySQL.
KINDS = {
    None: (b"PGDMP", "dump in pg_dump's custom format", "dump"),
    "mysql_database": (b"\x1f\x8b", "dump that gzip compressed", "sql.gz"),
}


def back_up(mlflow, database):
    """Where the dump lies then."""
    destination = os.environ.get("BACKUP_DESTINATION")
    if not destination:
        raise Refusal(f"BACKUP_DESTINATION is not set, so a dump has nowhere to go. {UNCHANGED}")
    at = f"at schema {database.revision}" if database.revision else "without a known schema"
    say(f"{database} is {at}, this MLflow wants {database.head}: it needs a dump first.")
    dump = dump_of(database)
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = f"{database.name}-{now}-{database.revision or 'unversioned'}-before-mlflow-{mlflow['version']}.{dump_format()[2]}"
    # A repository names what it uploads after the file.
    file = dump.rename(dump.with_name(name))
    written = file.stat().st_size
    try:
        repository = mlflow["repository"](destination)
        repository.log_artifact(str(file))
        arrived = {info.path: info.file_size for info in repository.list_artifacts()}.get(name)
    except Exception as error:
        raise Failure(f"The dump could not be uploaded to {destination}: {schema.cause(error)}. {UNCHANGED}") from None
    finally:
        file.unlink()
    if arrived != written:
        raise Failure(f"The dump did not arrive whole in {destination}: {arrived} of {written} bytes. {UNCHANGED}")
    say(f"{database}: the dump lies at {destination.rstrip('/')}/{name} ({written} bytes).")
    return f"{destination.rstrip('/')}/{name}"


def remove_old(mlflow, database):
    """Keeps the newest dump of each of the last upgrades. The upgrade is complete, so that a failure is only logged."""
    keep = max(int(os.environ.get("DUMPS_KEPT") or 3), 1)
    destination = os.environ["BACKUP_DESTINATION"]
    # Names as back_up() makes them: of another database, or made by a person, stays what it is.
    ours = re.compile(
        re.escape(database.name)
        + r"-(\d{8}T\d{6}Z)-((?:[0-9a-f+]+|unversioned)-before-mlflow-[^/]+)\."
        + re.escape(dump_format()[2])
    )
    try:
        repository = mlflow["repository"](destination)
        names = [info.path for info in repository.list_artifacts() if not info.is_dir]
        found = sorted((match for name in names if (match := ours.fullmatch(name))), key=lambda match: match[1], reverse=True)
        upgrades = list(dict.fromkeys(match[2] for match in found))[:keep]
        old = [match for match in found if match[2] not in upgrades]
        # Of an upgrade that was tried several times.
        old += [match for each in upgrades for match in [match for match in found if match[2] == each][1:]]
        for match in sorted(old, key=lambda match: match[1]):
            repository.delete_artifacts(match[0])
            say(f"{database}: removed the old dump {match[0]}.")
    except Exception as error:
        say(f"{database}: old dumps in {destination} stay, since they could not be removed: {schema.cause(error)}")


def dump_format():
    return KINDS[os.environ.get("DATABASE_MODULE")]


def dump_of(database):
    if not re.fullmatch(r"\w[\w.-]*", database.name):
        raise Refusal(f"{database}: this name does not make a file name.")
    work = Path(os.environ.get("WORK_DIRECTORY", "/work"))
    request, dump, failed = (work / f"{database.name}.{suffix}" for suffix in ("request", "dump", "failed"))
    for left_over in (dump, failed):
        left_over.unlink(missing_ok=True)
    request.touch()
    # No limit: how long a dump takes only the Job's deadline can say.
    while not dump.exists():
        if failed.exists():
            why = failed.read_text().strip()
            # A dump may have taken hours, and another one would not be smaller.
            error = Refusal if "dumpSpace" in why else Failure
            raise error(f"{database} could not be dumped: {why}\n{UNCHANGED}")
        time.sleep(0.2)
    # A dump that was answered must not be made again, while the schema changes.
    request.unlink(missing_ok=True)
    start, what, _ = dump_format()
    with dump.open("rb") as file:
        if file.read(len(start)) != start:
            raise Failure(f"{dump} is no {what}. {UNCHANGED}")
    return dump

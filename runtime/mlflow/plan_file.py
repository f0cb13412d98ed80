"""A plan that a Job of the library writes into a database of MLflow: its file, and the schema that it waits for."""

import os
import time

import mounted
import schema
from schema import Failure, say

PATIENCE = 600  # Seconds, for the migration and for the Secret, which the kubelet brings up to date every minute or so.


def wait_for(missing, patience):
    """Until it returns nothing; what it returns is said, once."""
    deadline, said = time.monotonic() + float(patience), None
    while what := missing():
        if time.monotonic() > deadline:
            raise Failure(f"{what} Gave up waiting.")
        if what != said:
            say(what)
            said = what
        time.sleep(0.5)


def wait_for_own(file, whose):
    """An older plan lacks what this Job is there for."""
    revision = os.environ.get("MOUNTED_REVISION")

    def is_mine():
        mounted_revision = file.with_name("revision")
        return revision is None or (mounted_revision.is_file() and mounted_revision.read_text() == revision)

    mounted.wait_for(is_mine)
    if not is_mine():
        raise Failure(f"The mounted plan of the {whose} is not that of this Job. If another was applied, delete this Job.")


def without_schema(database):
    database.wait(PATIENCE)
    if database.state != schema.CURRENT:
        return f"{database} has not the schema that this MLflow wants: waiting for the migration."

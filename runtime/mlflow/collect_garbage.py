"""Removes for good what people deleted in MLflow some time ago: runs, logged models and experiments, with their artifacts.

As `mlflow gc`, with three differences: it keeps what the model registry still uses, it reaches the artifact store directly
and so needs no login of the server, and it says what it would remove (DRY_RUN=yes).

  OLDER_THAN_SECONDS          since the deletion
  TRACES_OLDER_THAN_SECONDS   also traces, deleted or not, since their start; without it, none
  ARCHIVE_TRACES_OLDER_THAN_SECONDS  moves the spans of traces that ended from the database into the artifact store, as MLflow's
                              own archival does; without it, none
  PUSHGATEWAY_URL             where the figures are sent, as METRICS_JOB of POD_NAMESPACE; without it, they are only logged
  ARTIFACTS_ROOT              what `mlflow-artifacts:/` stands for, e.g. s3://bucket/artifacts
"""

import contextlib
import os
import re
import signal
import sys
import time
from urllib.parse import quote, unquote, urlsplit

import backups
import psycopg2
import push_figures
import schema
import secret_files
import sqlite_operations
from operation_lock import OPERATION, hold
from required import required
from schema import Failure, say

PATIENCE = 600  # Seconds, for a database that is starting.
TRACES_AT_ONCE = 100
ARCHIVED_AT_ONCE = 500
LOCATION = "mlflow.artifactLocation"


class Unremovable(Exception):
    """Artifacts that stay, and so does their row; the message is fit for a log."""


class Garbage:
    """What is old enough and unused, as the rows say."""

    def __init__(self, cursor, before):
        used = used_by_the_registry(cursor)
        deleted = "lifecycle_stage = 'deleted'"
        cursor.execute(
            f"SELECT run_uuid, artifact_uri FROM runs WHERE {deleted} AND deleted_time <= %s ORDER BY 1", [before]
        )
        runs = cursor.fetchall()
        cursor.execute(
            f"SELECT model_id, artifact_location FROM logged_models"
            f" WHERE {deleted} AND last_updated_timestamp_ms <= %s ORDER BY 1",
            [before],
        )
        models = cursor.fetchall()
        cursor.execute(
            f"SELECT experiment_id, artifact_location FROM experiments WHERE {deleted} AND last_update_time <= %s ORDER BY 1", [before]
        )
        experiments = cursor.fetchall()
        # An experiment takes all that is in it along, of which the rest may be newer, or used.
        self.runs = [each for each in runs if each[0] not in used]
        self.models = [each for each in models if each[0] not in used]
        self.kept = [each[0] for each in (*runs, *models) if each[0] in used]
        going = {each[0] for each in (*self.runs, *self.models)}
        self.experiments = [
            (str(experiment), location) for experiment, location in experiments if not stays_in(cursor, experiment, going)
        ]


def used_by_the_registry(cursor):
    """Ids of the runs and the logged models that a model version was made from: their artifacts are the version's."""
    cursor.execute("SELECT run_id, source, storage_location FROM model_versions WHERE current_stage <> 'Deleted_Internal'")
    used = set()
    for run, *locations in cursor.fetchall():
        used.add(run)
        for location in locations:
            used.update(re.split(r"[/:]+", location or ""))
    cursor.execute("SELECT model_id, source_run_id FROM logged_models")
    # A version of a logged model: the page of its run is what people look at.
    used |= {run for model, run in cursor.fetchall() if model in used and run}
    return used - {None, ""}


def stays_in(cursor, experiment, going):
    cursor.execute(
        "SELECT run_uuid FROM runs WHERE experiment_id = %s UNION ALL SELECT model_id FROM logged_models WHERE experiment_id = %s",
        [experiment, experiment],
    )
    return any(row[0] not in going for row in cursor.fetchall())


def old_traces(cursor, before):
    """(id, experiment, where its files are), the oldest first."""
    cursor.execute(
        "SELECT info.request_id, info.experiment_id, tag.value FROM trace_info info"
        " LEFT JOIN trace_tags tag ON tag.request_id = info.request_id AND tag.key = %s"
        " WHERE info.timestamp_ms <= %s ORDER BY info.timestamp_ms, info.request_id",
        [LOCATION, before],
    )
    return cursor.fetchall()


class Artifacts:
    """The artifact store, as the server reaches it."""

    def __init__(self):
        self.root = os.environ["ARTIFACTS_ROOT"].rstrip("/")
        self.files = self.bytes = 0

    def repository(self, uri):
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        parts = urlsplit(uri)
        if parts.scheme == "mlflow-artifacts":
            if any(part in (".", "..") for part in unquote(parts.path).split("/")):
                raise Unremovable(f"{uri} is not in the artifact store")
            uri = f"{self.root}/{parts.path.lstrip('/')}"
        return get_artifact_repository(uri)

    def remove(self, uri, id, dry_run):
        """All below a folder that is its own: its path has the id. Rows without files do no harm."""
        if not uri:
            return
        if id not in re.split(r"[/:]+", uri):
            raise Unremovable(f"its artifacts are in {uri}, a folder that others can use too")
        try:
            repository = self.repository(uri)
            found = list(walk(repository))
            if not dry_run:
                # File by file: some stores take a folder for all folders whose names begin with its own.
                for path in {each.path.split("/")[0] for each in found}:
                    repository.delete_artifacts(path)
        except Unremovable:
            raise
        except Exception as error:
            raise Unremovable(f"its artifacts in {uri} could not be removed: {schema.cause(error)}") from None
        self.files += len(found)
        self.bytes += sum(each.file_size or 0 for each in found)


def walk(repository, folder=None):
    for each in repository.list_artifacts(folder):
        if each.is_dir:
            yield from walk(repository, each.path)
        else:
            yield each


class Collection:
    def __init__(self, store, artifacts, lock, dry_run):
        self.store, self.artifacts, self.lock, self.dry_run = store, artifacts, lock, dry_run
        self.removed, self.failed, self.archived = {}, [], 0

    def take(self, what, id, uri, remove_row):
        """The artifacts first: what is left after a failure is found again by its row."""
        from mlflow.exceptions import MlflowException

        try:
            self.artifacts.remove(uri, id, self.dry_run)
            if not self.dry_run:
                self.lock.check("What was removed until then is named above.")
                remove_row(id)
        except Unremovable as error:
            self.failed.append(id)
            say(f"{what} {id} stays: {error}.")
            return
        except MlflowException as error:
            # Restored by a person meanwhile, or removed by another program.
            self.failed.append(id)
            say(f"{what} {id} stays: {schema.cause(error)}.")
            return
        self.removed[what] = self.removed.get(what, 0) + 1
        say(f"{'Would remove' if self.dry_run else 'Removed'} the {what.lower()} {id}.")

    def traces(self, found):
        removable = []
        for id, experiment, uri in found:
            try:
                self.artifacts.remove(uri, id, self.dry_run)
                removable.append((id, str(experiment)))
            except Unremovable as error:
                self.failed.append(id)
                say(f"Trace {id} stays: {error}.")
            if len(removable) >= TRACES_AT_ONCE:
                self.rows_of_traces(removable)
                removable = []
        self.rows_of_traces(removable)

    def rows_of_traces(self, traces):
        if not traces:
            return
        if not self.dry_run:
            self.lock.check("What was removed until then is named above.")
            for experiment in {experiment for _, experiment in traces}:
                ids = [id for id, other in traces if other == experiment]
                self.store.delete_traces(experiment, trace_ids=ids)
        self.removed["Trace"] = self.removed.get("Trace", 0) + len(traces)


def collect():
    database = next(schema.Database(*each) for each in schema.databases() if each[2] == schema.TRACKING)
    database.wait(PATIENCE)
    if database.state != schema.CURRENT:
        raise Failure(f"{database} has not the schema that this MLflow wants: a migration comes first. {schema.UNCHANGED}")
    dry_run = backups.flag("DRY_RUN")
    with hold(OPERATION, "A backup or a restore") as lock:
        now = time.time()
        traces_after = os.environ.get("TRACES_OLDER_THAN_SECONDS")
        with read(database) as cursor:
            garbage = Garbage(cursor, int((now - float(os.environ["OLDER_THAN_SECONDS"])) * 1000))
            traces = old_traces(cursor, int((now - float(traces_after)) * 1000)) if traces_after else []
        if garbage.kept:
            say(f"Kept {len(garbage.kept)} that are deleted, and that the model registry uses: {backups.listed(garbage.kept)}.")
        collection = Collection(open_store(database), Artifacts(), lock, dry_run)
        take_all(collection, garbage, traces)
        archive_after = os.environ.get("ARCHIVE_TRACES_OLDER_THAN_SECONDS")
        if archive_after:
            archive_traces(collection, float(archive_after))
    if not dry_run:
        push_figures.push(metrics(collection))
    summary(collection)


def take_all(collection, garbage, traces):
    store = collection.store
    delete_run, delete_model, delete_experiment = (
        required(type(store), f"_hard_delete_{what}") for what in ("run", "logged_model", "experiment")
    )
    for id, uri in garbage.runs:
        collection.take("Run", id, uri, lambda id: delete_run(store, id))
    for id, uri in garbage.models:
        collection.take("Logged model", id, uri, lambda id: delete_model(store, id))
    if collection.failed and garbage.experiments:
        say("Experiments stay this time: what could not be removed can be in them.")
    else:
        for id, uri in garbage.experiments:
            # Its folder, if it is its own, also has what traces and failed uploads left.
            own = uri if uri and re.split(r"[/:]+", uri)[-1] == id else None
            collection.take("Experiment", id, own, lambda id: delete_experiment(store, id))
    collection.traces(traces)


def archive_traces(collection, seconds):
    """By MLflow's own archival, which the server runs only in its jobs: the server reads archived traces in any case."""
    store = collection.store
    retention = f"{max(int(seconds // 60), 1)}m"

    def left():
        plan = required(type(store), "_plan_trace_archival")
        with store.ManagedSessionMaker() as session:
            _, candidates = plan(
                store, session=session, now_millis=int(time.time() * 1000), broader_retention_millis=int(seconds * 1000),
                long_retention_allowlist=set(), max_traces_per_pass=None,
            )
        return [candidate.trace_id for candidate in candidates]

    found = left()
    if collection.dry_run:
        say(f"Dry run: would archive {len(found)} traces.")
        return
    archive = required(type(store), "archive_traces")
    archived = 0
    while True:
        collection.lock.check("What was removed until then is named above.")
        done = archive(
            store, resolved_trace_archival_location=collection.artifacts.root, broader_retention=retention,
            max_traces_per_pass=ARCHIVED_AT_ONCE,
        )
        archived += done
        if not done:
            break
    collection.archived = archived
    say(f"Archived {archived} traces: their spans are in the artifact store.")
    remaining = sorted(set(found) & set(left()))
    if remaining:
        collection.failed += remaining
        say(f"{len(remaining)} traces could not be archived: {backups.listed(remaining)}. The next run tries them again.")


def labels_of(what):
    return '{kind="' + what.lower().replace(" ", "_") + '"}'


def metrics(collection):
    """The families of metrics."""
    kinds = {what: collection.removed.get(what, 0) for what in ("Run", "Logged model", "Experiment", "Trace")}
    families = {
        "removed": {labels_of(what): count for what, count in kinds.items()},
        "freed_files": {"": collection.artifacts.files},
        "freed_bytes": {"": collection.artifacts.bytes},
        "archived_traces": {"": collection.archived},
        "failed": {"": len(collection.failed)},
    }
    return {f"mlflow_garbage_collection_{name}": samples for name, samples in families.items()}


def summary(collection):
    removed = ", ".join(f"{count} × {what.lower()}" for what, count in collection.removed.items()) or "nothing"
    artifacts = collection.artifacts
    say(
        f"{'Dry run: would remove' if collection.dry_run else 'Removed'} {removed};"
        f" {artifacts.files} files ({backups.size(artifacts.bytes)})."
    )
    if collection.failed:
        raise Failure(
            f"{len(collection.failed)} stay that should have been removed or archived: {backups.listed(collection.failed)}."
        )


@contextlib.contextmanager
def read(database):
    if sqlite_operations.in_use():
        with sqlite_operations.read(database) as cursor:
            yield cursor
        return
    connection = schema.connect(database.name)
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor
    except psycopg2.Error as error:
        raise Failure(f"{database}: {schema.in_words(error)}") from None
    finally:
        connection.close()


def open_store(database):
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    class AllWorkspaces(SqlAlchemyStore):
        def _initialize_store_state(self):
            """Nothing: the plain store sees the rows of all workspaces, and its start refuses a database that has several."""

    uri = f"postgresql+psycopg2:///{quote(database.name, safe='')}"
    if sqlite_operations.in_use():
        uri = f"sqlite:///{sqlite_operations.file_of(database)}"
    return AllWorkspaces(uri, os.environ["ARTIFACTS_ROOT"])


def main():
    # PID 1 has no default for it. A row is removed after its artifacts, so that the next one goes on from there.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        collect()
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

"""Where artifacts lie is the platform's choice, where they pass through the server.

MLflow lets every client that creates an experiment name the folder or the bucket of its artifacts, and writes there with the
server's own key: into its own volumes, beside the backups, into another team's bucket. Checked where MLflow stores the
location, because several routes, in JSON of several spellings, lead there.
"""

import functools
import inspect
import os
import re

from required import in_full, missing, required, required_module

# `mlflow-artifacts:` without a host, and names that nothing resolves or decodes into others.
PROXIED = re.compile(r"mlflow-artifacts:(/[^/\x00-\x20\x7f%?#\\]+)*/?")
DOTS = re.compile(r"/\.\.?(/|$)")

# MLflow sets them on a trace by itself, and reads and deletes what they lead to.
TRACE_TAGS = {"mlflow.artifactLocation", "mlflow.trace.archiveLocation"}


def is_proxied(location):
    return bool(PROXIED.fullmatch(location)) and not DOTS.search(location)


def refused(name, location):
    from mlflow.exceptions import MlflowException

    return MlflowException.invalid_parameter_value(
        f"{name} is {location!r}; expected none, or a folder of the server's own store, e.g. 'mlflow-artifacts:/team-a'. "
        "This server passes artifacts through, and writes nowhere else."
    )


def location_of_experiment(location):
    if location and not is_proxied(location):
        raise refused("artifact_location", location)
    return location


def locations_of_workspace(workspace):
    for name in ("default_artifact_root", "trace_archival_location"):
        location = getattr(workspace, name, None)
        if location and not is_proxied(location):
            raise refused(name, location)
    return workspace


def tag_of_trace(key):
    from mlflow.exceptions import MlflowException

    if key in TRACE_TAGS:
        raise MlflowException.invalid_parameter_value(f"Tag '{key}' is immutable and cannot be set on a trace.")
    return key


def tags_of_trace(tags):
    """Without those of MLflow's own, which a client sends back when it copies a trace."""
    return {key: value for key, value in tags.items() if key not in TRACE_TAGS}


def trace_with_tags(trace):
    trace.tags = tags_of_trace(trace.tags)
    return trace


def guarded(method, parameter, check):
    signature = inspect.signature(method)
    if parameter not in signature.parameters:
        raise missing(f"parameter {parameter!r} in {in_full(method)}")

    @functools.wraps(method)
    def instead(*args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        if parameter in given:
            given[parameter] = check(given[parameter])
        return method(**given)

    instead.checks_locations = True
    return instead


def restrict():
    """Mends MLflow's stores in this process; call it once MLflow's settings are in the environment."""
    if os.environ.get("_MLFLOW_SERVER_SERVE_ARTIFACTS") != "true":
        return  # Clients go to the store with their own key.
    tracking = required_module("mlflow.store.tracking.sqlalchemy_store")
    store = required(tracking, "SqlAlchemyStore")
    mend(store, "create_experiment", "artifact_location", location_of_experiment)
    mend(store, "set_trace_tag", "key", tag_of_trace)
    mend(store, "start_trace", "trace_info", trace_with_tags)
    for old in ("deprecated_start_trace_v2", "deprecated_end_trace_v2"):
        mend(store, old, "tags", tags_of_trace)
    # A span may carry tags of its trace, as `mlflow.traceTag.<key>`: each is validated by this private function, and left
    # out if that fails.
    mend(tracking, "_validate_trace_tag", "key", tag_of_trace)
    workspaces = required(required_module("mlflow.store.workspace.sqlalchemy_store"), "SqlAlchemyStore")
    for method in ("create_workspace", "update_workspace"):
        mend(workspaces, method, "workspace", locations_of_workspace)


def mend(holder, name, parameter, check):
    plain = required(holder, name)
    if not hasattr(plain, "checks_locations"):
        setattr(holder, name, guarded(plain, parameter, check))

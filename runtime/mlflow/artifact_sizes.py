"""Bytes and files of the artifact store by workspace.

  WORKSPACES   names of the platform's workspaces, with spaces between them; without it, all files are of `default`
"""

import os

import backups
from schema import say

DEFAULT = "default"
# Below workspaces/, and of none that the platform declares. It cannot be the name of a workspace.
OTHERS = "(others)"
# Where MLflow keeps the artifacts of each workspace except for `default`.
FOLDER = ("artifacts", "workspaces")


def workspaces():
    """Those of the platform, `default` first."""
    return list(dict.fromkeys([DEFAULT, *os.environ.get("WORKSPACES", "").split()]))


def workspace_of(path, known):
    parts = path.split("/")
    if len(known) == 1 or len(parts) < 4 or tuple(parts[:2]) != FOLDER:
        return DEFAULT
    return parts[2] if parts[2] in known else OTHERS


def by_workspace(entries):
    """{workspace: (bytes, files)}, also of workspaces without files. Clients cannot add names to it."""
    known = workspaces()
    sizes = {name: (0, 0) for name in known}
    for path, entry in entries.items():
        name = workspace_of(path, known)
        bytes, files = sizes.get(name, (0, 0))
        sizes[name] = (bytes + entry["bytes"], files + 1)
    return sizes


def figures(sizes):
    """The families of metrics."""
    def samples(index):
        return {'{workspace="%s"}' % name: each[index] for name, each in sizes.items()}

    return {"mlflow_artifact_bytes": samples(0), "mlflow_artifact_objects": samples(1)}


def report(sizes):
    if len(sizes) > 1:
        parts = (f"{name} {files} files ({backups.size(bytes)})" for name, (bytes, files) in sizes.items())
        say(f"Artifacts by workspace: {', '.join(parts)}.")

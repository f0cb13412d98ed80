"""Prints as JSON each [method, path] of the installed MLflow: the routes of Flask and those of FastAPI."""

import json
import os
import re
import sys
import tempfile

folder = tempfile.mkdtemp()
os.environ |= {
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": folder,
}
from mlflow.server import app as flask  # noqa: E402
from mlflow.server.fastapi_app import app as fastapi  # noqa: E402


def native(routes, prefix=""):
    for route in routes:
        # An included router: newer versions of FastAPI keep it as one object.
        if included := getattr(route, "original_router", None):
            yield from native(included.routes, prefix + route.include_context.prefix)
        elif methods := getattr(route, "methods", None):
            yield from ((method, prefix + route.path) for method in methods)


found = {(method, rule.rule) for rule in flask.url_map.iter_rules() for method in rule.methods}
found |= set(native(fastapi.routes))
# Flask writes `<path:name>`, FastAPI `{name:path}`.
plain = {(method, re.sub(r"<(?:(\w+):)?(\w+)>", r"{\2:\1}", path).replace(":}", "}")) for method, path in found}
json.dump(sorted(pair for pair in plain if pair[0] not in ("HEAD", "OPTIONS")), sys.stdout)

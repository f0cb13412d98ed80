"""Prints every route of MLflow's server as JSON: [method, path] of its Flask app and of the FastAPI app around it."""

import json
import os
import tempfile
import warnings

warnings.simplefilter("ignore")
folder = tempfile.mkdtemp()
os.environ.update(
    MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db",
    _MLFLOW_SERVER_FILE_STORE=f"sqlite:///{folder}/mlflow.db",
    _MLFLOW_SERVER_SERVE_ARTIFACTS="true",
    _MLFLOW_SERVER_ARTIFACT_DESTINATION=folder,
)

from mlflow.server import app as flask_app  # noqa: E402
from mlflow.server.fastapi_app import app as fastapi_app  # noqa: E402


def fastapi_routes(routes, prefix=""):
    for route in routes:
        # Newer versions of FastAPI keep an included router as one object.
        if inner := getattr(route, "original_router", None):
            yield from fastapi_routes(inner.routes, prefix + route.include_context.prefix)
        elif methods := getattr(route, "methods", None):
            yield from ((method, prefix + route.path) for method in methods)


found = set(fastapi_routes(fastapi_app.routes))
for rule in flask_app.url_map.iter_rules():
    found |= {(method, rule.rule) for method in rule.methods}
print(json.dumps(sorted(found)))

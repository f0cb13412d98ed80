"""The app that MLflow's login guards, with /metrics answered in front of it.

MLflow's login gives /metrics to its admin alone, and Prometheus should not know that password.
Nothing of MLflow is opened or changed: the answer comes from the files that its exporter writes.
The server listens on the pod's loopback, so only the proxy beside it can ask.
"""

import importlib
import os

import own_login
from prometheus_client import CollectorRegistry, make_asgi_app
from prometheus_client.multiprocess import MultiProcessCollector


def create_app():
    module, factory = os.environ["OPEN_METRICS_APP"].split(":")
    auth = importlib.import_module(module)
    own_login.take_every_password(auth)
    mlflow_app = getattr(auth, factory)()
    # A private name, which another version may lack.
    if check := getattr(auth, "_authenticate_cached", None):
        mlflow_app = own_login.OneAtATime(mlflow_app, check)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    metrics_app = make_asgi_app(registry)

    async def app(scope, receive, send):
        metrics = scope["type"] == "http" and scope["path"] == "/metrics"
        await (metrics_app if metrics else mlflow_app)(scope, receive, send)

    return app

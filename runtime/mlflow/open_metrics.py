"""/metrics in front of the app that MLflow's login guards.

MLflow's login gives /metrics only to its admin, and Prometheus should not know that password.
Nothing of MLflow is opened or changed: the answer comes from the files that its exporter writes.
The server listens on the pod's loopback, so only the proxy beside it can ask.
"""

from prometheus_client import CollectorRegistry, make_asgi_app
from prometheus_client.multiprocess import MultiProcessCollector


class OpenMetrics:
    def __init__(self, app):
        self.app = app
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        self.metrics = make_asgi_app(registry)

    async def __call__(self, scope, receive, send):
        metrics = scope["type"] == "http" and scope["path"] == "/metrics"
        await (self.metrics if metrics else self.app)(scope, receive, send)

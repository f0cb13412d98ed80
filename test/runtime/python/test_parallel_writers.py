import gzip
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
import unittest

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import postgres
from tracking_server import TrackingServerTestCase

WRITERS = 40
CALLS = 3
STEPS = 50
METRICS = 20
TRACES = 40
# The default of lib/tracking/server-plan.ts.
CONNECTIONS = 20


def metrics(step):
    return [{"key": f"m{i}", "value": i, "timestamp": step, "step": step} for i in range(METRICS)]


def trace(number):
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = number.to_bytes(16, "big"), number.to_bytes(8, "big"), "step"
    span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + 10**6
    return request.SerializeToString()


class ParallelWriters(TrackingServerTestCase):
    environment = {
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": str(CONNECTIONS - 1),
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "1",
    }

    def run_of(self, name):
        return self.api("runs/create", {"experiment_id": "0", "run_name": name})["run"]["info"]["run_id"]

    def timed(self, *request, **more):
        began = time.monotonic()
        status, text = self.ask(*request, **more)
        return status, time.monotonic() - began, text

    def write(self, run):
        # For the tag with the name of a run, one call holds four connections at once.
        tags = [{"key": "mlflow.runName", "value": "again"}]
        return [
            self.timed(
                "POST", "/api/2.0/mlflow/runs/log-batch",
                {"run_id": run, "metrics": metrics(step), "params": [], "tags": tags},
            )
            for step in range(CALLS)
        ]

    def send_trace(self, number):
        headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
        body = trace(number)
        if number % 2:
            headers["Content-Encoding"], body = "gzip", gzip.compress(body)
        return [self.timed("POST", "/v1/traces", body, headers)]

    def log_by_the_client(self, run):
        import mlflow

        mlflow.set_tracking_uri(self.url)
        with mlflow.start_run(run_id=run):
            for step in range(STEPS):
                mlflow.log_metrics({f"m{i}": i for i in range(METRICS)}, step=step, synchronous=False)
            mlflow.flush_async_logging()
        return []

    def count_connections(self, until):
        most = 0
        while not until.is_set():
            counted = postgres().sql(
                "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'mlflow'",
                [self.database],
            )
            most = max(most, counted[0][0])
            until.wait(0.05)
        return most

    def test_forty_writers_an_asynchronous_one_and_traces_lose_nothing(self):
        runs = [self.run_of(f"writer-{i}") for i in range(WRITERS)]
        asynchronous = self.run_of("asynchronous")
        done = threading.Event()
        with ThreadPoolExecutor(WRITERS + TRACES + 2) as pool:
            connections = pool.submit(self.count_connections, done)
            asked = [
                pool.submit(self.log_by_the_client, asynchronous),
                *(pool.submit(self.write, run) for run in runs),
                *(pool.submit(self.send_trace, number) for number in range(1, TRACES + 1)),
            ]
            # Requests that need no database do not wait for the others.
            health = []
            while not all(future.done() for future in asked):
                health.append(self.timed("GET", "/version"))
                time.sleep(0.1)
            answers = [answer for future in asked for answer in future.result()]
            done.set()

        seconds = sorted(answer[1] for answer in answers)
        if os.environ.get("SHOW_FIGURES"):
            print(
                f"{len(seconds)} calls: median {seconds[len(seconds) // 2]:.2f} s, "
                f"p99 {seconds[int(len(seconds) * 0.99)]:.2f} s, longest {seconds[-1]:.2f} s; "
                f"/version at most {max(h[1] for h in health):.2f} s; connections {connections.result()}"
            )
        self.assertEqual([answer for answer in answers if answer[0] != 200], [])
        self.assertEqual({answer[0] for answer in health}, {200})
        stored = self.sql("SELECT run_uuid, count(*) FROM metrics GROUP BY run_uuid")
        self.assertEqual(
            dict(stored), {**{run: CALLS * METRICS for run in runs}, asynchronous: STEPS * METRICS}
        )
        self.assertEqual(self.sql("SELECT count(*) FROM trace_info"), [(TRACES,)])
        self.assertLessEqual(connections.result(), CONNECTIONS)


if __name__ == "__main__":
    unittest.main()

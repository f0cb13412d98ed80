import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from support import PROGRAMS, free_port

# A process as server_app.py has it: the folder of the exporter is set before prometheus_client is imported.
SERVER = """
import sys, time
import proxy_metrics
if sys.argv[2:]:
    proxy_metrics.RETRY_SECONDS = 0.1
proxy_metrics.MEASURE_SECONDS = 0.1
proxy_metrics.start(int(sys.argv[1]))
print("started", flush=True)
sys.stdin.read()
"""
METRICS = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry(); MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


class ProxyMetrics(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("metrics", "tmp/spool"):
            (self.folder / name).mkdir(parents=True)
        self.port = free_port()
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.client.close)
        self.environment = {
            **os.environ, "PYTHONPATH": str(PROGRAMS), "prometheus_multiproc_dir": str(self.folder / "metrics"),
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics"), "PYTHONDONTWRITEBYTECODE": "1",
            "SPOOL_DIRECTORY": str(self.folder / "tmp" / "spool"), "SPOOL_LIMIT_BYTES": "1000000",
        }

    def server(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.port), *arguments], env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), "started\n")
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
            process.communicate()

    def send(self, text, header=b"<190>Dec  1 04:27:06 proxy: "):
        self.client.sendto(header + text, ("127.0.0.1", self.port))

    def metrics(self):
        result = subprocess.run([sys.executable, "-c", METRICS], env=self.environment, capture_output=True, text=True, check=True)
        lines = [line.rsplit(" ", 1) for line in result.stdout.splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, value in lines}

    def until(self, name, value, send=lambda: None):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            send()
            metrics = self.metrics()
            if value(metrics.get(name, -1)):
                return metrics
        self.fail(f"{name} is {metrics.get(name)}")

    def ready(self):
        self.until("mlflow_spool_limit_bytes", lambda value: value == 1_000_000)

    def test_lines_are_counted_by_route_status_duration_and_login(self):
        self.server()
        self.ready()
        for line in (
            b"api 200 0.070 password accepted", b"api 503 12.000 password accepted", b"artifacts 501 0.001 token accepted",
            b"api 401 0.001 - refused", b"api 401 0.001 password refused", b"ui 429 5.000 password limited",
        ):
            self.send(line)
        metrics = self.until('mlflow_proxy_requests_total{route="ui",status="4xx"}', lambda value: value == 1)
        expected = {
            'requests_total{route="api",status="2xx"}': 1, 'requests_total{route="api",status="5xx"}': 1,
            'requests_total{route="api",status="4xx"}': 2, 'requests_total{route="artifacts",status="501"}': 1,
            'requests_total{route="artifacts",status="5xx"}': 0, 'request_duration_seconds_count{route="api"}': 4,
            'request_duration_seconds_bucket{le="10.0",route="api"}': 3,
            'logins_total{credential="password",outcome="accepted"}': 2,
            'logins_total{credential="password",outcome="refused"}': 1,
            'logins_total{credential="password",outcome="limited"}': 1,
            'logins_total{credential="token",outcome="accepted"}': 1,
        }
        self.assertEqual({name: metrics[f"mlflow_proxy_{name}"] for name in expected}, expected)

    def test_no_line_adds_a_series_or_ends_the_reader(self):
        self.server()
        self.ready()
        before = self.metrics()
        good = b"api 200 0.070 password accepted"
        for line in (
            b"", b"x", b"hacked 200 0.1 password accepted", b"hacked 200 0.100 password accepted",
            b"api 999 0.100 password accepted", b"api 000 0.100 - -", b"api 200 1e9 password accepted",
            b"api 200 0.100 password accepted more", b"\xff" * 100, b"api " * 10_000, b"\0", good + b"\n" + good,
            b"api 200 " + b"9" * 300 + b".000 password accepted",
        ):
            self.send(line)
        self.send(good, b"")
        self.send(b"api 200 0.100 invented accepted")
        self.send(b"api 200 0.100 password invented")
        for _ in range(20_000):
            self.send(b"\xff" * 200)
        # The flood can crowd out some lines, not the reader.
        after = self.until(
            'mlflow_proxy_logins_total{credential="token",outcome="accepted"}', lambda value: value > 0,
            lambda: self.send(b"api 200 0.070 token accepted"),
        )
        self.assertEqual(after.keys(), before.keys())
        self.assertLess(len(after), 250)
        self.assertEqual(after['mlflow_proxy_logins_total{credential="password",outcome="accepted"}'], 0)

    def test_another_process_takes_over_and_the_counts_go_on(self):
        name = 'mlflow_proxy_requests_total{route="ui",status="2xx"}'
        first = self.server()
        self.ready()
        self.send(b"ui 200 0.001 - -")
        self.until(name, lambda value: value == 1)
        self.server("again")
        self.end(first)
        self.until(name, lambda value: value >= 2, lambda: self.send(b"ui 200 0.001 - -"))

    def test_the_spool_is_measured(self):
        self.server()
        self.ready()
        (self.folder / "tmp/spool/part").mkdir()
        (self.folder / "tmp/spool/part/model").write_bytes(b"x" * 300_000)
        (self.folder / "tmp/link").symlink_to("/usr")
        metrics = self.until("mlflow_spool_bytes", lambda value: value > 300_000)
        self.assertLess(metrics["mlflow_spool_bytes"], 400_000)
        (self.folder / "tmp/spool/part/model").unlink()
        self.until("mlflow_spool_bytes", lambda value: 0 <= value < 100_000)

    def test_a_walk_is_bounded(self):
        for index in range(50):
            (self.folder / f"tmp/{index}").write_bytes(b"x" * 10_000)
        script = f"import spool_metrics, sys; print(spool_metrics.bytes_in({str(self.folder / 'tmp')!r}, 20))"
        result = subprocess.run([sys.executable, "-c", script], env=self.environment, capture_output=True, text=True, check=True)
        self.assertTrue(0 < int(result.stdout) <= 20 * 12_288, result.stdout)

    def test_the_port_and_the_routes_are_those_of_nginx(self):
        source = (PROGRAMS.parents[1] / "lib/nginx/request-lines.ts").read_text("utf-8")
        script = "import proxy_metrics as p; print(p.PORT, *p.ROUTES)"
        result = subprocess.run([sys.executable, "-c", script], env=self.environment, capture_output=True, text=True, check=True)
        port, *routes = result.stdout.split()
        self.assertIn(f"REQUEST_LINES_PORT = {port};", source)
        for route in routes:
            self.assertTrue(f"['{route}'," in source or f" {route};" in source, route)


if __name__ == "__main__":
    unittest.main()

"""What stands around MLflow's scoring app in the same process: a limit for bodies, metrics, an orderly end."""

import asyncio
import concurrent.futures
import itertools
import json
import time
from typing import NamedTuple

# Asked by the kubelet, all the time.
PROBES = ("/ping", "/health")
PATHS = ("/invocations", "/version")


class NoMetrics:
    """For an image without prometheus_client."""

    def begin(self):
        pass

    def answered(self, path, status, seconds):
        pass

    def end(self):
        pass


class Metrics:
    def __init__(self, model, version):
        from prometheus_client import Counter, Gauge, Histogram, Info

        self.requests = Counter("mlflow_serving_requests", "Requests that were answered.", ["path", "status"])
        self.seconds = Histogram(
            "mlflow_serving_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ["path"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )
        self.running = Gauge("mlflow_serving_requests_in_progress", "Requests that are being answered.")
        Info("mlflow_serving_model", "What is served.").info({"model": model, "version": version})
        # There from the start, so that rates see the first request and the first error.
        for status in ("200", "400", "500"):
            self.requests.labels("/invocations", status)

    def begin(self):
        self.running.inc()

    def answered(self, path, status, seconds):
        path = path if path in PATHS else "other"
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def end(self):
        self.running.dec()


class TooLarge(Exception):
    pass


class Gone(Exception):
    """The client hung up."""


class TooMuch(Exception):
    """As many bytes as fit are in progress already."""


class Limits(NamedTuple):
    # Seconds.
    timeout: float
    # Of one body.
    request_bytes: int
    # In progress at once, and the bytes of their bodies.
    requests: int
    bytes: int
    # Predictions that run at once.
    threads: int


class Predictions(concurrent.futures.ThreadPoolExecutor):
    """The threads of MLflow's predictions. One that was given up with 504 keeps its thread for as long as it runs."""

    def __init__(self, threads):
        super().__init__(threads, "prediction")
        self.threads = threads
        self.running = {}
        self.numbers = itertools.count()

    def submit(self, work, /, *args, **kwargs):
        def timed():
            number = next(self.numbers)
            self.running[number] = time.monotonic()
            try:
                return work(*args, **kwargs)
            finally:
                del self.running[number]

        return super().submit(timed)

    def hang(self, seconds):
        """Whether every thread has been at one prediction for longer than that."""
        started = list(self.running.values())
        return len(started) >= self.threads and time.monotonic() - max(started) > seconds


class ServingApp:
    def __init__(self, app, limits, metrics=NoMetrics()):
        self.app = app
        self.limits = limits
        self.metrics = metrics
        self.draining = False
        self.predictions = None
        self.requests = 0
        self.bytes = 0

    def threads(self):
        """Those of the loop that serves, from its first request on."""
        if self.predictions is None:
            self.predictions = Predictions(self.limits.threads)
            asyncio.get_running_loop().set_default_executor(self.predictions)
        return self.predictions

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] in PROBES:
            # A load balancer outside the cluster can send requests to another pod; this pod itself is alive.
            if self.draining and scope["path"] == "/health":
                await self.refuse(send, 503, "This pod is about to end.")
            elif self.threads().hang(self.limits.timeout):
                # Not ready, and in the end restarted: nothing else gets a thread back.
                text = f"All {self.limits.threads} predictions that can run at once have hung for over {self.limits.timeout:g} s."
                await self.refuse(send, 503, text)
            else:
                await self.app(scope, receive, self.closing(send))
        else:
            await self.measured(scope, receive, send)

    async def measured(self, scope, receive, send):
        started, status, answered = time.monotonic(), 500, False
        self.metrics.begin()

        def note():
            nonlocal answered
            if not answered:
                answered = True
                self.metrics.answered(scope["path"], status, time.monotonic() - started)

        async def send_and_note(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body", False):
                # Here and not at the end: a prediction that was given up with 504 runs on behind its answer.
                note()
            await send(message)

        try:
            await self.limited(scope, receive, self.closing(send_and_note))
        except Gone:
            status = 499
        finally:
            note()
            self.metrics.end()

    async def limited(self, scope, receive, send):
        self.threads()
        limits, taken = self.limits, Taken(self)
        if self.requests >= limits.requests:
            return await self.refuse(send, 503, f"{limits.requests} requests are in progress here.")
        self.requests += 1
        try:
            await self.admitted(scope, receive, send, taken)
        finally:
            self.requests -= 1
            taken.give_back()

    async def admitted(self, scope, receive, send, taken):
        limits = self.limits
        try:
            body = await asyncio.wait_for(self.body(scope, receive, taken), limits.timeout)
        except TooLarge:
            return await self.refuse(send, 413, f"The body is larger than {limits.request_bytes} bytes.")
        except TooMuch:
            return await self.refuse(send, 503, f"The requests in progress here have {limits.bytes} bytes.")
        except asyncio.TimeoutError:
            return await self.refuse(send, 408, f"The body did not arrive within {limits.timeout} s.")
        replayed = False

        async def replay():
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    async def body(self, scope, receive, taken):
        """MLflow takes the whole body into its memory, without a limit of its own."""
        declared = int(dict(scope["headers"]).get(b"content-length", b"0"))
        if declared > self.limits.request_bytes:
            raise TooLarge
        # Now, so that those that are let in can end.
        taken.at_least(declared)
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.limits.request_bytes:
                raise TooLarge
            taken.at_least(size)
            chunks.append(chunk)
            more = message.get("more_body", False)
        return b"".join(chunks)

    def closing(self, send):
        """A client that keeps its connection is to find another pod before this one ends."""

        async def send_and_close(message):
            if self.draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        return send_and_close

    async def refuse(self, send, status, message):
        body = json.dumps({"error_code": CODES[status], "message": message}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            # The rest of a body that is not wanted is not read.
            (b"connection", b"close"),
            *([(b"retry-after", b"1")] if status == 503 else []),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


# As MLflow's own answers have them.
CODES = {408: "DEADLINE_EXCEEDED", 413: "BAD_REQUEST", 503: "TEMPORARILY_UNAVAILABLE"}


class Taken:
    """The share of one request in the bytes in progress."""

    def __init__(self, app):
        self.app, self.size = app, 0

    def at_least(self, size):
        more = size - self.size
        if more <= 0:
            return
        if self.app.bytes + more > self.app.limits.bytes:
            raise TooMuch
        self.size += more
        self.app.bytes += more

    def give_back(self):
        self.app.bytes -= self.size
        self.size = 0


async def ask(app, path, body, content_type):
    """One POST to an ASGI app, without a port: its status and the text of its answer."""
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"},
        **{"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""},
        **{"client": ("127.0.0.1", 0), "server": ("127.0.0.1", 8080)},
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    status, text, asked = 0, b"", False

    async def receive():
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        nonlocal status, text
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            text += message.get("body", b"")

    # MLflow answers 504 in time, but its app ends only with the prediction.
    task = asyncio.ensure_future(app(scope, receive, send))
    while not task.done() and status != 504:
        await asyncio.wait({task}, timeout=0.1)
    if task.done():
        task.result()
    return status, text.decode("utf-8", "replace")

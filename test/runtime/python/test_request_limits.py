import asyncio
import gzip
import http.client
import json
import os
import re
import sys
import threading
import time
import unittest
import zlib
from unittest import mock

from support import PROGRAMS, free_port, until
from test_parallel_writers import trace
from tracking_server import TrackingServerTestCase

sys.path.insert(0, str(PROGRAMS))
import request_limits
from request_limits import BESIDE, DatabaseTurns, FailuresAnswered

API = "/api/2.0/mlflow/runs/log-batch"
ENDS = {"type": "http.request", "body": b"", "more_body": False}


def request(path=API, method="POST"):
    return {"type": "http", "method": method, "path": path, "headers": []}


class App:
    """Records running requests, and answers when the test releases it."""

    def __init__(self):
        self.inside, self.most, self.order, self.go = 0, 0, [], asyncio.Event()
        self.sent_start = asyncio.Event()

    async def __call__(self, scope, receive, send):
        scope["body"] = (await receive())["body"]
        self.order.append(scope["path"] if scope["path"] != API else scope["body"])
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.go.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.sent_start.set()
        await send({"type": "http.response.body", "body": b""})


class Client:
    def __init__(self, *messages):
        self.messages, self.sent = list(messages) or [ENDS], []

    async def receive(self):
        message = self.messages.pop(0)
        return await message if asyncio.iscoroutine(message) else message

    async def send(self, message):
        self.sent.append(message)

    @property
    def status(self):
        return self.sent[0]["status"] if self.sent else None


async def settle():
    """Waits until every task that can continue has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


class Turns(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.app = App()
        self.turns = DatabaseTurns(self.app, 2)

    def begin(self, client, scope=None):
        return asyncio.ensure_future(self.turns(scope or request(), client.receive, client.send))

    async def test_no_more_than_the_limit_run_and_the_others_follow_in_order(self):
        bodies = [str(i).encode() for i in range(9)]
        asked = [self.begin(Client({**ENDS, "body": body})) for body in bodies]
        await settle()
        self.assertEqual(self.app.order, bodies[:2])
        self.app.go.set()
        await asyncio.gather(*asked)
        self.assertEqual(self.app.most, 2)
        self.assertEqual(self.app.order, bodies)

    async def test_traces_leave_half_of_the_turns_to_others(self):
        traces = [self.begin(Client(), request("/v1/traces")) for _ in range(5)]
        await settle()
        other = self.begin(Client())
        await settle()
        self.assertEqual(self.app.order, ["/v1/traces", b""])
        self.app.go.set()
        await asyncio.gather(other, *traces)
        self.assertEqual(self.app.order.count("/v1/traces"), 5)
        self.assertEqual(self.app.most, 2)

    async def test_what_needs_no_database_passes_a_queue(self):
        for _ in range(5):
            self.begin(Client())
        paths = ["/health", "/version", "/api/2.0/mlflow-artifacts/artifacts/x/model.pkl"]
        for path in paths:
            self.begin(Client(), request(path, "GET"))
        self.begin(Client(), request(API, "OPTIONS"))
        await settle()
        self.assertEqual(self.app.inside, 2 + len(paths) + 1)
        self.app.go.set()

    async def test_a_body_that_arrives_slowly_holds_no_turn(self):
        rest = asyncio.get_running_loop().create_future()

        async def later():
            return await rest

        slow = [
            Client({"type": "http.request", "body": b"a", "more_body": True}, later()),
            Client({"type": "http.request", "body": b"a", "more_body": True}, later()),
        ]
        waiting = [self.begin(client) for client in slow]
        await settle()
        self.app.go.set()
        quick = Client()
        await self.begin(quick)
        self.assertEqual(quick.status, 200)
        rest.set_result(ENDS)
        await asyncio.gather(*waiting)
        self.assertEqual([client.status for client in slow], [200, 200])

    async def test_an_answer_that_is_read_slowly_holds_no_turn(self):
        self.app.go.set()
        never = asyncio.Event()

        class SlowReader(Client):
            async def send(self, message):
                await super().send(message)
                await never.wait()

        stuck = [self.begin(SlowReader()) for _ in range(2)]
        await settle()
        quick = Client()
        await self.begin(quick)
        self.assertEqual(quick.status, 200)
        never.set()
        await asyncio.gather(*stuck)

    async def test_a_failure_and_a_client_that_leaves_hold_no_turn(self):
        async def fails(scope, receive, send):
            raise ValueError

        self.turns.app = fails
        for _ in range(5):
            with self.assertRaises(ValueError):
                await self.begin(Client())
        left = Client({"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"})
        for _ in range(3):
            await self.begin(left if left.messages else Client({"type": "http.disconnect"}))
        self.turns.app = self.app
        self.app.go.set()
        after = Client()
        await self.begin(after)
        self.assertEqual((left.status, after.status), (None, 200))
        self.assertEqual(len(self.app.order), 1)

    async def test_a_request_that_waits_too_long_is_told_to_retry(self):
        held = [self.begin(Client()) for _ in range(2)]
        with mock.patch.object(request_limits, "MOST_SECONDS_WAITING", 0.01):
            late = Client()
            await self.begin(late)
        self.assertEqual(late.status, 503)
        self.assertIn((b"retry-after", b"5"), late.sent[0]["headers"])
        self.assertEqual(json.loads(late.sent[1]["body"])["error_code"], "TEMPORARILY_UNAVAILABLE")
        self.app.go.set()
        await asyncio.gather(*held)
        self.assertNotIn(b"late", self.app.order)

    async def test_large_bodies_are_few_in_memory_and_hold_up_no_small_one(self):
        reading = 0
        rest = asyncio.get_running_loop().create_future()

        class Uploads(Client):
            async def receive(self):
                nonlocal reading
                reading += 1
                await rest
                return await super().receive()

        sizes = [[(b"content-length", b"2000000")]] * 5 + [[(b"transfer-encoding", b"chunked")]] * 5
        large = [self.begin(Uploads(), {**request(), "headers": headers}) for headers in sizes]
        await settle()
        self.assertEqual(reading, request_limits.MOST_LARGE)
        self.app.go.set()
        small = Client()
        await self.begin(small, {**request(), "headers": [(b"content-length", b"1000")]})
        self.assertEqual(small.status, 200)
        rest.set_result(None)
        await asyncio.gather(*large)
        self.assertEqual(reading, len(sizes))

    async def test_a_large_body_that_never_ends_makes_place_for_others(self):
        with mock.patch.object(request_limits, "MOST_SECONDS_BODY", 0.01):
            with mock.patch.object(request_limits, "MOST_LARGE", 1):
                self.turns = DatabaseTurns(self.app, 2)
            stalled = Client()
            stalled.receive = lambda: asyncio.get_running_loop().create_future()
            headers = [(b"transfer-encoding", b"chunked")]
            held = self.begin(stalled, {**request(), "headers": headers})
            self.app.go.set()
            other = Client()
            await self.begin(other, {**request(), "headers": headers})
            await held
        self.assertEqual([stalled.status, other.status], [408, 200])

    async def test_a_large_body_waits_for_its_place_within_a_bound(self):
        with mock.patch.object(request_limits, "MOST_LARGE", 1):
            self.turns = DatabaseTurns(self.app, 2)
        large = {**request(), "headers": [(b"content-length", b"2000000")]}
        held = self.begin(Client(), large)
        await settle()
        with mock.patch.object(request_limits, "MOST_SECONDS_WAITING", 0.01):
            late = Client()
            await self.begin(late, large)
        self.assertEqual(late.status, 503)
        self.app.go.set()
        await held

    async def test_more_than_so_many_bodies_are_never_in_memory(self):
        with mock.patch.object(request_limits, "MOST_PRESENT", 3):
            held = [self.begin(Client()) for _ in range(3)]
            await settle()
            late = Client()
            await self.begin(late)
            self.assertEqual(late.status, 503)
            self.app.go.set()
            await asyncio.gather(*held)
            again = Client()
            await self.begin(again)
        self.assertEqual(again.status, 200)

    async def test_the_body_arrives_whole(self):
        seen = []

        async def reads(scope, receive, send):
            seen.append([await receive() for _ in range(3)])

        self.turns.app = reads
        parts = [{"type": "http.request", "body": b"a", "more_body": True}, {**ENDS, "body": b"b"}]
        await self.begin(Client(*parts, {"type": "http.disconnect"}))
        self.assertEqual(seen, [[*parts, {"type": "http.disconnect"}]])


class Routes(unittest.TestCase):
    """Classifies every route of MLflow. An unknown route must wait for its turn."""

    BESIDE = re.compile(
        r"/|/(health|version|metrics|get-artifact|model-versions/get-artifact)|/static-files/.*|/gateway/.*"
        r"|/(ajax-)?api/2\.0/mlflow-artifacts/.*"
        r"|/(ajax-)?api/[23]\.0/mlflow/(artifacts/(list|presigned-(up|down)load-url)"
        r"|logged-models/[^/]+/artifacts/(files|directories)|upload-artifact|get-trace-artifact|gateway-proxy"
        r"|server-info|ui-telemetry)"
    )

    def test_only_those_pass_that_hold_no_more_than_one_connection(self):
        from mlflow.server.fastapi_app import app
        from mlflow.server import app as flask_app

        paths = {str(rule) for rule in flask_app.url_map.iter_rules()} | {getattr(r, "path", "") for r in app.routes}
        self.assertGreater(len(paths), 200)
        beside = {path for path in paths if path and BESIDE.match(path)}
        self.assertEqual([path for path in beside if not self.BESIDE.fullmatch(path)], [])
        self.assertLess(len(beside), 60)
        for path in (API, "/v1/traces", "/graphql", "/health/", "/api/2.0/mlflow/artifacts", "/healthy"):
            self.assertIsNone(BESIDE.match(path), path)


async def misbehaves(scope, receive, send):
    """Answers as MLflow does if an error occurs in it."""
    start = {"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"4")]}
    if scope["path"] in ("/after", "/within"):
        await send(start)
        await send({"type": "http.response.body", "body": b"fail" if scope["path"] == "/after" else b"f", "more_body": scope["path"] == "/within"})
    if scope["path"] != "/fine":
        raise ValueError(scope["path"])
    await send({**start, "status": 200})
    await send({"type": "http.response.body", "body": b"fine"})


class Failures(unittest.TestCase):
    def setUp(self):
        import uvicorn

        port = free_port()
        self.server = uvicorn.Server(
            uvicorn.Config(FailuresAnswered(misbehaves), port=port, log_level="critical", lifespan="off")
        )
        thread = threading.Thread(target=self.server.run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(setattr, self.server, "should_exit", True)
        until(lambda: self.server.started, "uvicorn")
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(self.connection.close)

    def get(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.will_close

    def test_a_failure_is_an_answer_and_the_connection_stays(self):
        status, body, closes = self.get("/before")
        self.assertEqual((status, json.loads(body)["error_code"], closes), (500, "INTERNAL_ERROR", False))
        self.connection.auto_open = 0
        self.assertEqual(self.get("/fine"), (200, b"fine", False))

    def test_a_failure_after_the_answer_keeps_the_connection_open(self):
        self.assertEqual(self.get("/after"), (500, b"fail", False))
        self.connection.auto_open = 0
        self.assertEqual(self.get("/fine"), (200, b"fine", False))

    def test_an_interrupted_answer_is_recognized_as_incomplete(self):
        with self.assertRaises(http.client.IncompleteRead):
            self.get("/within")


class Unpacking(unittest.TestCase):
    def setUp(self):
        self.enterContext(mock.patch.object(request_limits, "MOST_UNPACKED_BYTES", 1000))

    def raw(self, data):
        stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return stream.compress(data) + stream.flush()

    def forms(self, data):
        return [("gzip", gzip.compress(data)), ("deflate", zlib.compress(data)), ("deflate", self.raw(data))]

    def test_what_mlflow_unpacks_is_unpacked_alike(self):
        from mlflow.tracing.utils.otlp import decompress_otlp_body

        for data in (b"", b"x", b"x" * 1000):
            for encoding, packed in self.forms(data):
                self.assertEqual(request_limits.unpack(packed, encoding), data)
                self.assertEqual(decompress_otlp_body(packed, encoding), data)
        members = gzip.compress(b"a") + gzip.compress(b"b") + b"\0" * 8
        self.assertEqual(request_limits.unpack(members, "gzip"), b"ab")

    def test_more_than_the_limit_is_refused(self):
        for encoding, packed in self.forms(b"x" * 1001):
            self.assertIsNone(request_limits.unpack(packed, encoding))
        self.assertIsNone(request_limits.unpack(gzip.compress(b"x" * 600) * 2, "gzip"))

    def test_what_is_broken_is_an_error(self):
        for encoding, packed in self.forms(b"x" * 100):
            with self.assertRaises((OSError, EOFError, zlib.error)):
                request_limits.unpack(packed[:-3], encoding)


class Server(TrackingServerTestCase):
    def kept(self, *asked):
        """Sends requests on one connection, which must not close. Returns the answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.connect()
        connection.auto_open = 0
        self.addCleanup(connection.close)
        return [self.ask(*request, connection=connection) for request in asked]

    def test_mlflow_fails_and_the_next_request_on_the_connection_is_answered(self):
        # MLflow expects an object and reads a field of it.
        fails = ("POST", "/v1/traces", b"[]", {"x-mlflow-experiment-id": "0"})
        answers = self.kept(fails, ("GET", "/version"), fails, ("GET", "/health"))
        self.assertEqual([status for status, _ in answers], [500, 200, 500, 200])
        self.assertEqual(json.loads(answers[0][1])["error_code"], "INTERNAL_ERROR")

    def traces(self, body, **headers):
        headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0", **headers}
        return self.ask("POST", "/v1/traces", body, headers)

    def test_traces_that_are_compressed_pass_and_broken_ones_get_the_message_of_mlflow(self):
        raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = {
            "gzip": gzip.compress(trace(101)), "deflate": zlib.compress(trace(102)),
            "Deflate": raw.compress(trace(103)) + raw.flush(), "GZIP": gzip.compress(trace(104)),
        }
        before = self.sql("SELECT count(*) FROM trace_info")[0][0]
        for encoding, body in packed.items():
            self.assertEqual(self.traces(body, **{"Content-Encoding": encoding})[0], 200, encoding)
        self.assertEqual(self.traces(trace(105))[0], 200)
        self.assertEqual(self.sql("SELECT count(*) FROM trace_info")[0][0], before + 5)
        for encoding, words in {
            "gzip": "Failed to decompress gzip payload", "deflate": "Failed to decompress deflate payload",
            "br": "Unsupported Content-Encoding: br", "gzip, gzip": "Unsupported Content-Encoding",
        }.items():
            status, text = self.traces(b"not packed", **{"Content-Encoding": encoding})
            self.assertEqual(status, 400, encoding)
            self.assertIn(words, text)

    def memory(self):
        """The greatest memory use of the server, in bytes."""
        with open(f"/proc/{self.server.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024

    def test_a_gigabyte_of_compressed_zeros_uses_little_memory_and_delays_no_others(self):
        packer = zlib.compressobj(9, wbits=31)
        bomb = b"".join(packer.compress(bytes(10**6)) for _ in range(1500)) + packer.flush()
        self.assertLess(len(bomb), 1.6e6)
        self.traces(gzip.compress(trace(1)), **{"Content-Encoding": "gzip"})
        before, longest, answer = self.memory(), 0, []
        sending = threading.Thread(target=lambda: answer.extend(self.traces(bomb, **{"Content-Encoding": "gzip"})))
        sending.start()
        while sending.is_alive():
            began = time.monotonic()
            self.assertEqual(self.ask("GET", "/health")[0], 200)
            longest = max(longest, time.monotonic() - began)
        sending.join()
        self.assertEqual(answer[0], 413)
        self.assertEqual(json.loads(answer[1])["error_code"], "INVALID_PARAMETER_VALUE")
        if os.environ.get("SHOW_FIGURES"):
            print(f"{(self.memory() - before) >> 20} MiB more, /health at most {longest:.2f} s")
        self.assertLess(self.memory() - before, 2.5 * request_limits.MOST_UNPACKED_BYTES)
        # Without a limit it is 14 s on an idle machine.
        self.assertLess(longest, 8)

    def test_two_encodings_are_refused(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(connection.close)
        connection.putrequest("POST", "/v1/traces")
        for encoding in ("gzip", "identity"):
            connection.putheader("Content-Encoding", encoding)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        self.assertEqual(connection.getresponse().status, 400)


if __name__ == "__main__":
    unittest.main()

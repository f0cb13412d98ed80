import asyncio
import base64
import importlib.util
import sys
import threading
import unittest
from pathlib import Path
from types import SimpleNamespace

from support import PASSWORD, PROGRAMS

sys.path.insert(0, str(PROGRAMS))
import own_login  # noqa: E402


def basic(text, encoding="utf-8"):
    return f"Basic {base64.b64encode(text.encode(encoding)).decode()}"


class TakeEveryPassword(unittest.TestCase):
    def asked(self, authorization):
        """Who answers a request with that header, and what it is told."""
        auth = SimpleNamespace(
            _authenticate_fastapi_request=lambda request: "MLflow itself",
            _authenticate_cached=lambda username, password: [username, password],
        )
        own_login.take_every_password(auth)
        headers = {} if authorization is None else {"Authorization": authorization}
        return auth._authenticate_fastapi_request(SimpleNamespace(headers=headers))

    def test_a_password_beyond_ascii_is_checked_whole(self):
        self.assertEqual(self.asked(basic(f"boss:{PASSWORD}")), ["boss", PASSWORD])

    def test_all_else_is_left_to_mlflow(self):
        others = [None, "", "Basic", "Basic !", "Bearer x", basic("boss:plain"), basic("é"), basic("b:é", "latin-1")]
        for header in [*others, basic("boss:é").replace("Basic", "Bearer")]:
            self.assertEqual(self.asked(header), "MLflow itself", header)

    def test_another_mlflow_stays_as_it_is(self):
        auth = SimpleNamespace()
        own_login.take_every_password(auth)
        self.assertEqual(vars(auth), {})

    def test_this_mlflow_still_needs_it(self):
        package = importlib.util.find_spec("mlflow").submodule_search_locations[0]
        source = Path(package, "server/auth/__init__.py").read_text("utf-8")
        function = source.split("def _authenticate_fastapi_request(")[1].split("\ndef ")[0]
        self.assertIn('.decode("ascii")', function)
        self.assertIn("_authenticate_cached(username, password)", function)


class OneAtATime(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.checked, self.seen = [], []
        self.go_on = threading.Event()
        self.go_on.set()
        self.app = own_login.OneAtATime(self.mlflow, self.check)

    def check(self, username, password):
        self.checked.append((username, password))
        self.go_on.wait(10)
        if password == "broken":
            raise ValueError
        return "user" if password == "right" else None

    async def mlflow(self, scope, receive, send):
        self.seen.append(dict(scope.get("headers", ())))

    async def request(self, headers, path="/api"):
        sent = []

        async def send(message):
            sent.append(message)

        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.app({"type": "http", "path": path, "headers": pairs}, None, send)
        return sent

    async def test_a_right_password_passes_and_is_remembered(self):
        for _ in range(2):
            await self.request({"authorization": basic("boss:right"), "x": "y"})
        self.assertEqual(self.checked, [("boss", "right")])
        self.assertEqual(self.seen[1], {b"authorization": basic("boss:right").encode(), b"x": b"y"})

    async def test_a_wrong_password_is_taken_off_and_never_remembered(self):
        for _ in range(2):
            await self.request({"authorization": basic("boss:wrong"), "x": "y"})
        self.assertEqual(len(self.checked), 2)
        self.assertEqual(self.seen, [{b"x": b"y"}] * 2)

    async def test_what_is_no_password_and_what_cannot_be_checked_is_mlflows(self):
        for header in ("", "Bearer x", "Basic !", basic("nothing")):
            await self.request({"authorization": header})
        self.assertEqual(self.checked, [])
        await self.request({"authorization": basic("boss:broken")})
        self.assertEqual(self.seen[-1], {b"authorization": basic("boss:broken").encode()})
        await self.app({"type": "lifespan"}, None, None)
        self.assertEqual(len(self.seen), 6)

    async def test_on_the_gateway_its_own_header_counts(self):
        headers = {"authorization": basic("provider:key"), "x-mlflow-authorization": basic("boss:wrong")}
        await self.request(headers, "/gateway/x")
        self.assertEqual(self.seen, [{b"authorization": basic("provider:key").encode()}])
        await self.request(headers)
        self.assertEqual(self.checked[1:], [("provider", "key")])

    async def test_while_wrong_ones_wait_a_known_one_passes_and_too_many_are_sent_away(self):
        known = {"authorization": basic("boss:right")}
        await self.request(known)
        self.go_on.clear()
        wrong = [{"authorization": basic(f"boss:{number}")} for number in range(own_login.MOST_WAITING)]
        flood = [asyncio.create_task(self.request(headers)) for headers in wrong]
        while self.app.waiting < len(flood):
            await asyncio.sleep(0.01)
        self.assertEqual(await self.request(known), [])
        self.assertEqual(len(self.checked), 2)
        self.assertEqual([m.get("status") for m in await self.request({"authorization": basic("a:b")})], [429, None])
        self.go_on.set()
        await asyncio.gather(*flood)
        self.assertEqual(self.app.waiting, 0)


if __name__ == "__main__":
    unittest.main()

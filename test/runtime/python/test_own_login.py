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
        """Returns the app that answers a request with that header, and the header that it receives."""
        auth = SimpleNamespace(
            _authenticate_fastapi_request=lambda request: "MLflow itself",
            _authenticate_cached=lambda username, password: [username, password],
        )
        own_login.take_every_password(auth)
        headers = {} if authorization is None else {"Authorization": authorization}
        return auth._authenticate_fastapi_request(SimpleNamespace(headers=headers))

    def test_a_password_with_non_ascii_characters_is_checked_completely(self):
        self.assertEqual(self.asked(basic(f"boss:{PASSWORD}")), ["boss", PASSWORD])

    def test_everything_else_is_left_to_mlflow(self):
        others = [None, "", "Basic", "Basic !", "Bearer x", basic("boss:plain"), basic("é"), basic("b:é", "latin-1")]
        for header in [*others, basic("boss:é").replace("Basic", "Bearer")]:
            self.assertEqual(self.asked(header), "MLflow itself", header)

    def test_this_mlflow_still_needs_it(self):
        package = importlib.util.find_spec("mlflow").submodule_search_locations[0]
        source = Path(package, "server/auth/__init__.py").read_text("utf-8")
        reads, asks = (
            source.split(f"def {name}(")[1].split("\ndef ")[0]
            # Since MLflow 3.18 in a separate function.
            for name in ("_basic_auth_credentials" if "def _basic_auth_credentials(" in source else "_authenticate_fastapi_request",
                         "_authenticate_fastapi_request")
        )
        self.assertIn('.decode("ascii")', reads)
        self.assertIn("_authenticate_cached(username, password)", asks)


class OneAtATime(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.checked, self.seen, self.now = [], [], 1000.0
        self.go_on = threading.Event()
        self.go_on.set()
        self.app = own_login.OneAtATime(
            self.mlflow, self.check, lambda username: not username.startswith("nobody"), lambda: self.now
        )

    def check(self, username, password):
        self.checked.append((username, password))
        self.go_on.wait(10)
        if password == "broken":
            raise ValueError
        return "user" if password == "right" else None

    async def mlflow(self, scope, receive, send):
        self.seen.append(dict(scope.get("headers", ())))
        await send({"status": 200 if any(b"authorization" in name for name in self.seen[-1]) else 401})

    async def request(self, headers, path="/api"):
        """Returns the status of the answer. `headers` is a list of pairs or a dict."""
        sent = []

        async def send(message):
            sent.append(message)

        pairs = [
            (name.encode(), value.encode())
            for name, value in (headers.items() if isinstance(headers, dict) else headers)
        ]
        await self.app({"type": "http", "path": path, "headers": pairs}, None, send)
        return sent[0]["status"]

    async def login(self, username, password, forwarded="192.0.2.1"):
        return await self.request({"authorization": basic(f"{username}:{password}"), "x-forwarded-for": forwarded})

    async def begin(self, *logins):
        """Starts the check of the first request, then the others, which wait in that order."""
        self.go_on.clear()
        tasks = [asyncio.create_task(self.login(*login)) for login in logins]
        while len(self.app.waiting) < len(set(logins)) or len(self.checked) == 0:
            await asyncio.sleep(0.001)
        return tasks

    async def looked_at(self, count):
        """Waits until that number of logins wait, and the worker has checked them several times."""
        while len(self.app.waiting) < count or any(each.is_user is None for each in self.app.waiting.values()):
            await asyncio.sleep(0.001)
        for _ in range(5):
            self.app.arrived.set()
            await asyncio.sleep(0.001)

    async def after(self, seconds, *tasks):
        """Returns the statuses of the requests after that time."""
        self.now += seconds
        while not all(task.done() for task in tasks):
            self.app.arrived.set()
            await asyncio.sleep(0.001)
        return [task.result() for task in tasks]

    async def use_up(self, username, forwarded="192.0.2.66"):
        """Sends wrong passwords until the next one must wait."""
        for number in range(own_login.MOST_WRONG):
            self.assertEqual(await self.login(username, f"wrong {number}", forwarded), 401)
        self.checked.clear()

    async def test_a_right_password_passes_and_is_remembered(self):
        for _ in range(2):
            await self.request({"authorization": basic("boss:right"), "x": "y"})
        self.assertEqual(self.checked, [("boss", "right")])
        self.assertEqual(self.seen[1], {b"authorization": basic("boss:right").encode(), b"x": b"y"})
        self.now += own_login.REMEMBERED_SECONDS
        await self.login("boss", "right")
        self.assertEqual(len(self.checked), 2)

    async def test_a_wrong_password_is_removed_and_never_remembered(self):
        for _ in range(2):
            await self.request({"authorization": basic("boss:wrong"), "x": "y"})
        self.assertEqual(len(self.checked), 2)
        self.assertEqual(self.seen, [{b"x": b"y"}] * 2)

    async def test_other_schemes_and_what_cannot_be_checked_are_mlflows(self):
        for header in ("", "Bearer x"):
            await self.request({"authorization": header})
        self.assertEqual(self.checked, [])
        for _ in range(2):
            await self.request({"authorization": basic("boss:broken")})
        self.assertEqual(self.seen[-1], {b"authorization": basic("boss:broken").encode()})
        self.assertEqual(len(self.checked), 2)
        with self.assertRaises(AssertionError):
            await self.app({"type": "lifespan"}, None, self.fail)

    async def test_if_the_query_for_a_user_fails_the_password_is_still_checked(self):
        self.app.has_user = lambda username: 1 / 0
        self.assertEqual([await self.login("boss", "right"), await self.login("boss", "wrong")], [200, 401])

    async def test_mlflow_makes_no_hash_of_what_this_cannot_read(self):
        """The functions of MLflow differ: one accepts a tab as the space, one a missing colon as an empty password."""
        wrong = basic("boss:wrong")
        for path in ("/api", "/gateway/x"):
            for headers in (
                [("authorization", "Basic !")],
                [("authorization", basic("boss"))],
                [("authorization", wrong.replace(" ", "\t"))],
                [("authorization", "Bearer x"), ("authorization", wrong)],
                [("authorization", wrong), ("authorization", "Bearer x")],
                [("authorization", wrong), ("x-mlflow-authorization", ""), ("x-mlflow-authorization", "Bearer x")],
            ):
                self.assertEqual(await self.request(headers, path), 401, headers)
        self.assertEqual(self.checked, [])

    async def test_on_the_gateway_its_own_header_is_used(self):
        headers = {"authorization": basic("provider:key"), "x-mlflow-authorization": basic("boss:right")}
        await self.request(headers, "/gateway/x")
        self.assertEqual(self.seen, [{name.encode(): value.encode() for name, value in headers.items()}])
        await self.request(headers)
        self.assertEqual(self.checked, [("boss", "right"), ("provider", "key")])
        # Both headers are removed: MLflow would read the other one as its own.
        await self.request({**headers, "x-mlflow-authorization": basic("boss:wrong")}, "/gateway/x")
        self.assertEqual(self.seen[-1], {})

    async def test_while_wrong_ones_wait_a_remembered_one_passes(self):
        await self.login("boss", "right")
        tasks = await self.begin(*[("boss", f"wrong {number}") for number in range(own_login.MOST_WRONG)])
        self.assertEqual(await self.login("boss", "right"), 200)
        self.go_on.set()
        self.assertEqual(await asyncio.gather(*tasks), [401] * own_login.MOST_WRONG)
        self.assertEqual(self.app.waiting, {})

    async def test_who_logged_in_before_is_the_next_also_when_the_user_may_not_be_tried(self):
        await self.login("boss", "right")
        self.now += own_login.REMEMBERED_SECONDS
        await self.use_up("boss")
        self.assertEqual(await self.login("boss", "right", "192.0.2.66"), 200)
        self.assertEqual(self.checked, [("boss", "right")])
        self.now += own_login.REMEMBERED_SECONDS
        self.checked.clear()
        await self.order(("other", "x"), ("boss", "right", "192.0.2.66"))
        self.assertEqual(self.checked[0], ("boss", "right"))

    async def test_a_login_that_became_wrong_is_a_wrong_one(self):
        await self.login("boss", "right")
        self.now += own_login.REMEMBERED_SECONDS
        self.app.check = lambda username, password: None
        self.assertEqual(await self.login("boss", "right"), 401)
        self.assertEqual((self.app.proven, self.app.wrong.last(("user", "boss"))), ({}, self.now))

    async def order(self, *logins):
        """Returns the names in the order of their checks, if all wait for the check of `first`."""
        tasks = await self.begin(("first", "x", "198.51.100.1"), *logins)
        self.go_on.set()
        await asyncio.gather(*tasks)
        return [username for username, _ in self.checked[1:]]

    async def test_the_user_with_fewer_wrong_tries_comes_first(self):
        await self.login("guessed", "wrong")
        self.checked.clear()
        self.assertEqual(await self.order(("guessed", "a"), ("other", "b")), ["other", "guessed"])

    async def test_the_address_with_fewer_tries_comes_first(self):
        for flood, person in [("192.0.2.66", "192.0.2.1"), ("192.0.2.66, 10.0.0.1", "192.0.2.1, 10.0.0.1")]:
            self.setUp()
            logins = [(f"user-{number}", "x", flood) for number in range(3)]
            self.assertEqual((await self.order(*logins, ("person", "x", person)))[0], "person", person)

    async def test_a_forged_address_has_no_advantage(self):
        logins = [(f"user-{number}", "x", f"203.0.113.{number}, 192.0.2.66") for number in range(3)]
        self.assertEqual((await self.order(*logins, ("person", "x", "192.0.2.1")))[0], "person")

    async def test_unknown_names_come_last_and_need_no_check(self):
        logins = [("nobody", "a", "192.0.2.2"), ("nobody-2", "b", "192.0.2.3"), ("person", "c", "192.0.2.4")]
        self.assertEqual(await self.order(*logins), ["person"])
        self.assertEqual([headers[b"x-forwarded-for"][-1:] for headers in self.seen], [b"1", b"4", b"2", b"3"])
        self.assertNotIn(("user", "nobody"), self.app.wrong.counted)

    async def test_after_some_wrong_ones_a_user_and_an_address_are_tried_once_a_second(self):
        for username, forwarded in [("guessed", "192.0.2.1"), ("other", "192.0.2.66"), ("nobody", "192.0.2.66")]:
            self.setUp()
            await self.use_up("guessed")
            task = asyncio.create_task(self.login(username, "wrong", forwarded))
            await self.looked_at(1)
            self.assertEqual((self.checked, task.done()), ([], False))
            self.assertEqual(await self.after(1, task), [401])
        self.assertEqual(await self.login("other", "wrong", "192.0.2.1"), 401)

    async def test_right_passwords_that_must_wait_do_not_delay_each_other(self):
        await self.use_up("guessed")
        tasks = [asyncio.create_task(self.login(f"user-{number}", "right", "192.0.2.66")) for number in range(5)]
        await self.looked_at(5)
        self.assertEqual(await self.after(1, *tasks), [200] * 5)

    async def test_a_request_that_waits_too_long_is_told_to_retry(self):
        await self.use_up("guessed")
        self.app.wrong.counted[("user", "guessed")] = (1e6, self.now)
        task = asyncio.create_task(self.login("guessed", "wrong"))
        await self.looked_at(1)
        self.assertEqual(await self.after(own_login.MOST_SECONDS_WAITING, task), [429])

    async def test_of_too_many_the_one_with_the_most_tries_is_refused(self):
        self.addCleanup(setattr, own_login, "MOST_WAITING", own_login.MOST_WAITING)
        own_login.MOST_WAITING = 3
        tasks = await self.begin(("first", "x"), ("guessed", "a", "192.0.2.66"), ("guessed", "b", "192.0.2.66"))
        person = asyncio.create_task(self.login("person", "right", "192.0.2.9"))
        self.assertEqual(await tasks[2], 429)
        self.go_on.set()
        self.assertEqual([await person, await tasks[0], await tasks[1]], [200, 401, 401])

    async def test_one_that_is_refused_during_its_check_does_not_affect_the_others(self):
        self.addCleanup(setattr, own_login, "MOST_WAITING", own_login.MOST_WAITING)
        own_login.MOST_WAITING = 1
        await self.login("first", "w")
        self.checked.clear()
        tasks = await self.begin(("first", "x"))
        person = asyncio.create_task(self.login("person", "right", "192.0.2.9"))
        self.assertEqual(await tasks[0], 429)
        self.go_on.set()
        self.assertEqual(await person, 200)

    async def test_the_same_login_is_checked_once_for_all_that_send_it(self):
        tasks = await self.begin(("first", "x"), *[("boss", "right")] * 5)
        self.go_on.set()
        self.assertEqual(await asyncio.gather(*tasks), [401, *[200] * 5])
        self.assertEqual(self.checked[1:], [("boss", "right")])

    async def test_the_number_of_remembered_logins_is_limited(self):
        self.addCleanup(setattr, own_login, "MOST_KEPT", own_login.MOST_KEPT)
        own_login.MOST_KEPT = 6
        for number in range(9):
            await self.login(f"user-{number}", "right")
            await self.login(f"user-{number}", "wrong", f"{'9' * 1000}, 10.0.0.{number}")
        self.assertEqual([len(self.app.proven), len(self.app.wrong.counted)], [6, 6])
        self.assertLess(max(len(text) for _, text in self.app.wrong.counted), 200)
        self.assertEqual(len(self.app.keys_waiting), 0)


if __name__ == "__main__":
    unittest.main()

import asyncio
import json
import sys
import unittest

from support import PROGRAMS
from tracking_server import TrackingServerTestCase

sys.path.insert(0, str(PROGRAMS))
from run_owner import RunOwner, owned

CREATE = "/api/2.0/mlflow/runs/create"


def passed(path, body, headers, method="POST", chunks=1):
    """What the app behind gets: its headers and its body."""
    got = {}
    size = max(1, -(-len(body) // chunks))
    parts = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
    messages = [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]

    async def receive():
        return messages.pop(0)

    async def app(scope, receive, send):
        got["headers"], got["body"], more = dict(scope["headers"]), b"", True
        while more:
            message = await receive()
            got["body"] += message["body"]
            more = message["more_body"]

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(RunOwner(app)(scope, receive, None))
    return got


class RunOwnerTest(unittest.TestCase):
    def test_a_run_gets_the_name_that_the_proxy_sends(self):
        body = json.dumps({"experiment_id": "0", "user_id": "root", "tags": [{"key": "mlflow.user", "value": "root"}]})
        for path in [CREATE, "/ajax-api/2.0/mlflow/runs/create"]:
            for chunks in [1, 3]:
                got = passed(path, body.encode(), [(b"x-forwarded-user", b"ada@example.com")], chunks=chunks)
                self.assertEqual(
                    json.loads(got["body"]),
                    {
                        "experiment_id": "0",
                        "user_id": "ada@example.com",
                        "tags": [{"key": "mlflow.user", "value": "ada@example.com"}],
                    },
                )
                self.assertEqual(got["headers"][b"content-length"], str(len(got["body"])).encode())

    def test_other_tags_stay(self):
        body = json.dumps({"tags": [{"key": "team", "value": "vision"}]}).encode()
        self.assertEqual(
            json.loads(owned(body, "ada"))["tags"],
            [{"key": "team", "value": "vision"}, {"key": "mlflow.user", "value": "ada"}],
        )

    def test_all_else_passes_unchanged(self):
        named = [(b"x-forwarded-user", b"ada"), (b"content-length", b"13")]
        for path, method, headers in [
            (CREATE, "POST", [(b"content-length", b"13")]),
            (CREATE, "GET", named),
            ("/api/2.0/mlflow/runs/update", "POST", named),
            ("/api/2.0/mlflow/runs/create/more", "POST", named),
        ]:
            got = passed(path, b'{"tags": [ ]}', headers, method)
            self.assertEqual(got, {"headers": dict(headers), "body": b'{"tags": [ ]}'}, (path, method))

    def test_what_is_no_request_of_a_client_is_left_to_mlflow(self):
        for body in [b"", b"{", b"[]", b'"x"', b"1", b'{"tags": 1}', b'{"tags": ["x"]}', b"\xff"]:
            self.assertEqual(owned(body, "ada"), body)


class RunOwnerInMlflowTest(TrackingServerTestCase):
    def test_mlflow_stores_the_name_for_its_own_client(self):
        status, text = self.ask(
            "POST", CREATE, {"experiment_id": "0", "user_id": "root"}, {"X-Forwarded-User": "ada@example.com"}
        )
        self.assertEqual(status, 200, text)
        answer = json.loads(text)
        self.assertEqual(answer["run"]["info"]["user_id"], "ada@example.com")
        tags = {tag["key"]: tag["value"] for tag in answer["run"]["data"]["tags"]}
        self.assertEqual(tags["mlflow.user"], "ada@example.com")


if __name__ == "__main__":
    unittest.main()

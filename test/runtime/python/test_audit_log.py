import asyncio
import base64
import json
import logging
import re
import subprocess
import sys
import unittest
from pathlib import Path

from support import PROGRAMS, postgres, until
from tracking_server import TrackingServerTestCase

sys.path.insert(0, str(PROGRAMS))
import audit_actions
from audit_log import AuditLog

API = "/api/2.0/mlflow"
ROUTES = Path(__file__).resolve().parents[2] / "native" / "nginx" / "routes.py"
# Of MLflow's own login.
LOGIN_ROUTES = """
import json, os, tempfile
folder = tempfile.mkdtemp()
with open(f"{folder}/auth.ini", "w") as file:
    file.write(
        f"[mlflow]\\ndefault_permission = READ\\ndatabase_uri = sqlite:///{folder}/auth.db\\n"
        "admin_username = admin\\nadmin_password = a-password-of-a-test\\n"
    )
os.environ.update(
    MLFLOW_AUTH_CONFIG_PATH=f"{folder}/auth.ini", MLFLOW_FLASK_SERVER_SECRET_KEY="key",
    MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db", _MLFLOW_SERVER_FILE_STORE=f"sqlite:///{folder}/mlflow.db",
)
from mlflow.server import app, auth
auth.create_app(app)
print(json.dumps([(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods]))
"""


def routes_of_mlflow():
    """(method, path below the API) of each route that may change something."""
    found = set()
    for arguments in ([ROUTES], ["-c", LOGIN_ROUTES]):
        run = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)
        for method, path in json.loads(run.stdout.strip().splitlines()[-1]):
            path = re.sub(r"<(path:)?\w+>", lambda each: "{:path}" if each[1] else "{}", path)
            path = re.sub(r"\{\w+(:path)?\}", lambda each: "{:path}" if each[1] else "{}", path)
            below = audit_actions.API.fullmatch(path)
            if method in audit_actions.CHANGING and below:
                found.add((method, below[1]))
    return {each for each in found if not each[1].startswith(("mlflow-artifacts/", "assistant/"))}


def routes_of(table):
    for line in table.strip().splitlines():
        method, path = line.partition(": ")[0].split()
        yield method, re.sub(r"\{\w+(:path)?\}", lambda each: "{:path}" if each[1] else "{}", path)


def logged(method, path, body=b"", *, answer=b"{}", status=200, headers=(), chunks=1, error=None, query=b"", has_login=False):
    """What the app got, what the client got, and the lines of the log, for one request."""
    got, sent, lines = [], [], []
    size = max(1, -(-len(body) // chunks))
    parts = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
    messages = [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        for _ in parts:
            got.append((await receive())["body"])
        if error:
            raise error
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers), "query_string": query}
    try:
        asyncio.run(AuditLog(app, has_login, lines.append)(scope, receive, send))
    except RuntimeError as failure:
        assert failure is error
    return got, sent, [json.loads(line) for line in lines]


def lines_of(method, path, body=None, **more):
    return logged(method, path, json.dumps(body).encode() if body is not None else b"", **more)[2]


class AuditActionsTest(unittest.TestCase):
    def test_each_route_of_this_mlflow_is_decided(self):
        decided = [*routes_of(audit_actions.ACTIONS), *routes_of(audit_actions.NOT_LOGGED)]
        self.assertEqual(len(decided), len(set(decided)), "a route is decided twice")
        self.assertEqual(sorted(routes_of_mlflow() - set(decided)), [], "decide these in runtime/mlflow/audit_actions.py")

    def test_a_route_is_found_under_each_prefix(self):
        for path in ["/api/2.0/mlflow/runs/delete", "/ajax-api/2.0/mlflow/runs/delete", "/api/3.0/mlflow/runs/delete"]:
            self.assertEqual(audit_actions.action_of("POST", path), ("delete", "run", {}))

    def test_reads_and_what_a_training_writes_are_no_actions(self):
        for method, path in [
            ("GET", "/api/2.0/mlflow/registered-models/alias"),
            ("POST", "/api/2.0/mlflow/runs/search"),
            ("POST", "/api/2.0/mlflow/runs/log-batch"),
            ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/a/model.pkl"),
            ("POST", "/v1/traces"),
            ("POST", "/graphql"),
            ("POST", "/gateway/chat/mlflow/invocations"),
        ]:
            self.assertIsNone(audit_actions.action_of(method, path), path)

    def test_names_in_a_path(self):
        found = audit_actions.action_of("DELETE", "/ajax-api/3.0/mlflow/mcp-servers/io.github/x/aliases/live")
        self.assertEqual(found, ("delete alias", "MCP server", {"name": "io.github/x", "alias": "live"}))
        self.assertEqual(audit_actions.action_of("DELETE", f"{API}/webhooks/7"), ("delete", "webhook", {"webhook_id": "7"}))


class AuditLogTest(unittest.TestCase):
    def test_a_line_has_who_did_what_to_which_object(self):
        headers = [(b"x-audit-user", b"ada@example.com"), (b"x-request-id", b"0123abcd")]
        body = {"name": "churn", "alias": "champion", "version": "3"}
        (line,) = lines_of("POST", f"{API}/registered-models/alias", body, headers=headers)
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        self.assertEqual(
            line,
            {
                "audit": "set alias", "user": "ada@example.com", "kind": "registered model", "object": body,
                "status": 200, "outcome": "done", "request_id": "0123abcd",
            },
        )

    def test_no_value_is_logged(self):
        for path, body in [
            ("registered-models/set-tag", {"name": "churn", "key": "owner", "value": "s3cr3t"}),
            ("users/create", {"username": "ada", "password": "s3cr3t"}),
            ("gateway/secrets/create", {"secret_name": "openai", "secret_value": {"api_key": "s3cr3t"}}),
            ("webhooks", {"name": "hook", "url": "https://example.com/s3cr3t", "secret": "s3cr3t"}),
            ("experiments/create", {"name": "new", "tags": [{"key": "a", "value": "s3cr3t"}], "artifact_location": "s3cr3t"}),
            ("experiments/create", {"name": {"s3cr3t": 1}, "experiment_ids": [{"s3cr3t": 1}]}),
        ]:
            (line,) = lines_of("POST", f"{API}/{path}", body, answer=b'{"user":{"username":"ada","password_hash":"s3cr3t"}}')
            self.assertNotIn("s3cr3t", json.dumps(line), path)

    def test_a_new_object_has_the_id_of_the_answer(self):
        for answer, more in [
            ({"experiment_id": "7"}, {"experiment_id": "7"}),
            ({"model_version": {"name": "x", "version": "4", "status": "READY"}}, {"version": "4"}),
        ]:
            (line,) = lines_of("POST", f"{API}/experiments/create", {"name": "new"}, answer=json.dumps(answer).encode())
            self.assertEqual(line["object"], {"name": "new", **more})

    def test_outcomes(self):
        for status, outcome in [(200, "done"), (403, "refused"), (503, "failed")]:
            (line,) = lines_of("POST", f"{API}/runs/delete", {"run_id": "a"}, status=status)
            self.assertEqual((line["status"], line["outcome"]), (status, outcome))
        (line,) = lines_of("POST", f"{API}/runs/delete", {"run_id": "a"}, error=RuntimeError("broken"))
        self.assertEqual((line["status"], line["outcome"]), (500, "failed"))

    def test_the_body_passes_unchanged_as_it_comes(self):
        for body in [b"", b"{", b"[]", b"1", b"\xff\xfe", b'{"name": "x"}', b"[" * 100_000, b'{"name":"' + b"x" * 1_000_000 + b'"}']:
            got, sent, (line,) = logged("POST", f"{API}/experiments/delete", body, chunks=3)
            self.assertEqual(b"".join(got), body)
            self.assertEqual([each["type"] for each in sent], ["http.response.start", "http.response.body"])
            self.assertLess(len(json.dumps(line)), 4096)

    def test_a_long_line_is_cut_to_one_write(self):
        body = {name: ["é" * 50] * 10 for name in sorted(audit_actions.NAMES)}
        (line,) = lines_of("POST", f"{API}/experiments/delete", body)
        self.assertLess(len(json.dumps(line)), 4096)
        self.assertIn("too_large", line["object"])

    def test_an_unknown_route_is_logged_unless_mlflow_does_not_know_it_either(self):
        (line,) = lines_of("POST", "/api/4.0/mlflow/quantum/create", {"name": "x"})
        self.assertEqual((line["audit"], line["kind"]), ("POST quantum/create", "unknown"))
        self.assertEqual(lines_of("POST", "/api/4.0/mlflow/quantum/create", {"name": "x"}, status=404), [])

    def test_the_user_of_mlflows_own_login_is_that_of_the_password(self):
        login = base64.b64encode("ada:s3cr3t".encode())
        headers = [(b"authorization", b"Basic " + login), (b"x-audit-user", b"forged")]
        (line,) = lines_of("POST", f"{API}/runs/delete", {"run_id": "a"}, headers=headers, has_login=True)
        self.assertEqual(line["user"], "ada")
        (line,) = lines_of("POST", f"{API}/runs/delete", {"run_id": "a"}, headers=headers[1:], has_login=True)
        self.assertEqual(line["user"], "")

    def test_a_failure_of_the_log_is_told_and_fails_no_request(self):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})

        def full(text):
            raise OSError("No space left on device")

        async def send(message):
            pass

        scope = {"type": "http", "method": "POST", "path": f"{API}/runs/delete", "headers": [], "query_string": b""}
        with self.assertLogs("uvicorn.error", logging.ERROR) as logs:
            asyncio.run(AuditLog(app, False, full)(scope, None, send))
        self.assertIn(f"The audit log has no line for POST {API}/runs/delete", logs.output[0])


class AuditLines:
    """The lines of a server, since the last call."""

    seen = 0

    def lines(self, count):
        def found():
            all_lines = [json.loads(each) for each in self.log.read_text().splitlines() if each.startswith('{"audit"')]
            return all_lines if len(all_lines) >= type(self).seen + count else None

        until(lambda: found() is not None, f"{count} more lines in {self.log}")
        new = found()[type(self).seen :]
        type(self).seen += len(new)
        return [(each["user"], each["audit"], each["kind"], each["object"], each["outcome"]) for each in new]


class AuditLogInMlflowTest(AuditLines, TrackingServerTestCase):
    environment = {"AUDIT_LOG": "yes"}

    def change(self, method, path, body):
        return self.ask(method, f"{API}/{path}", body, {"X-Audit-User": "ada", "X-Request-ID": "abc"})

    def test_mlflow_logs_changes_of_models_aliases_and_experiments(self):
        identifier = json.loads(self.change("POST", "experiments/create", {"name": "churn"})[1])["experiment_id"]
        self.change("POST", "experiments/search", {"max_results": 1})
        self.change("POST", "runs/create", {"experiment_id": identifier})
        self.change("POST", "experiments/update", {"experiment_id": identifier, "new_name": "churn-2"})
        self.change("POST", "registered-models/create", {"name": "churn"})
        self.change("POST", "model-versions/create", {"name": "churn", "source": "models:/m-1"})
        self.change("POST", "registered-models/alias", {"name": "churn", "alias": "champion", "version": "1"})
        self.change("DELETE", "registered-models/alias", {"name": "churn", "alias": "champion"})
        self.change("DELETE", "registered-models/delete", {"name": "missing"})
        lines = self.lines(7)
        self.assertEqual(
            [each for each in lines if each[1:3] != ("create", "model version")],
            [
                ("ada", "create", "experiment", {"name": "churn", "experiment_id": identifier}, "done"),
                ("ada", "rename", "experiment", {"experiment_id": identifier, "new_name": "churn-2"}, "done"),
                ("ada", "create", "registered model", {"name": "churn"}, "done"),
                ("ada", "set alias", "registered model", {"name": "churn", "alias": "champion", "version": "1"}, lines[4][4]),
                ("ada", "delete alias", "registered model", {"name": "churn", "alias": "champion"}, lines[5][4]),
                ("ada", "delete", "registered model", {"name": "missing"}, "refused"),
            ],
        )


class AuditLogWithLoginTest(AuditLines, TrackingServerTestCase):
    environment = {"AUDIT_LOG": "yes", "MLFLOW_FLASK_SERVER_SECRET_KEY": "key", "MLFLOW_AUTH_CONFIG_PATH": "auth.ini"}
    arguments = ["--app-name", "basic-auth"]

    @classmethod
    def prepare(cls):
        users = postgres().create("users_of_the_audit")
        (cls.folder / "auth.ini").write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{users}\n"
            "admin_username = root\nadmin_password = the-password-of-root\n"
        )

    def test_mlflow_logs_changes_of_users_with_the_name_of_the_login(self):
        def change(login, method, path, body):
            encoded = base64.b64encode(login.encode()).decode()
            return self.ask(method, f"{API}/{path}", body, {"Authorization": f"Basic {encoded}", "X-Audit-User": "forged"})[0]

        right = "root:the-password-of-root"
        password = "the password of ada"
        self.assertEqual(change(right, "POST", "users/create", {"username": "ada", "password": password}), 200)
        self.assertEqual(change("root:wrong", "DELETE", "users/delete", {"username": "ada"}), 401)
        self.assertEqual(change(f"ada:{password}", "DELETE", "users/delete", {"username": "root"}), 403)
        self.assertEqual(change(right, "PATCH", "users/update-admin", {"username": "ada", "is_admin": True}), 200)
        lines = self.lines(4)
        self.assertEqual(
            [(*each[:3], each[3]["username"], each[4]) for each in lines],
            [
                ("root", "create", "user", "ada", "done"),
                ("", "delete", "user", "ada", "refused"),
                ("ada", "delete", "user", "root", "refused"),
                ("root", "set administrator", "user", "ada", "done"),
            ],
        )
        self.assertNotIn("the password", self.log.read_text())


if __name__ == "__main__":
    unittest.main()

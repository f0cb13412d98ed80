"""MLflow's users by the header of the proxy, on a real server with MLflow's own permissions."""

import base64
import json
import threading
import unittest

from support import postgres
from tracking_server import TrackingServerTestCase

EXPERIMENT = "/api/2.0/mlflow/experiments"
MODEL = "/api/2.0/mlflow/registered-models"
USERS = "/api/2.0/mlflow/users"
TRACES = "/v1/traces"
CURRENT = f"{USERS}/current"
GRANT = "/api/3.0/mlflow/users/permissions/grant"


def sent(kind, name):
    """As nginx sends it."""
    return {"X-Proxy-Login": f"{kind}:{name}".encode()}


class ProxyLogin(TrackingServerTestCase):
    environment = {"LOGIN_BY_PROXY": "true", "MLFLOW_AUTH_CONFIG_PATH": "auth.ini"}
    arguments = ["--app-name", "basic-auth"]

    @classmethod
    def prepare(cls):
        cls.users = postgres().create("users_of_the_provider")
        (cls.folder / "auth.ini").write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{cls.users}\n"
            "authorization_function = proxy_login:authenticate\nadmin_username = program:mlflow\n"
        )

    def as_one(self, who, method, path, body=None, **headers):
        status, text = self.ask(method, path, body, {**who, **headers})
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def current(self, who):
        status, answer = self.as_one(who, "GET", CURRENT)
        self.assertEqual(status, 200, answer)
        return answer["user"]["username"], answer["user"]["is_admin"]

    def experiment(self, who, name):
        status, answer = self.as_one(who, "POST", f"{EXPERIMENT}/create", {"name": name})
        self.assertEqual(status, 200, answer)
        return answer["experiment_id"]

    def rows(self, name):
        return postgres().sql(self.users, "SELECT is_admin FROM users WHERE username = %s", [name])

    def test_a_person_becomes_a_user_with_the_first_request(self):
        self.assertEqual(self.rows("new@example.com"), [])
        self.assertEqual(self.current(sent("person", "new@example.com")), ("new@example.com", False))
        self.assertEqual(self.rows("new@example.com"), [(False,)])

    def test_first_requests_at_once_create_one_user(self):
        statuses, start = [], threading.Barrier(12)

        def first():
            start.wait()
            statuses.append(self.as_one(sent("person", "at-once@example.com"), "GET", CURRENT)[0])

        threads = [threading.Thread(target=first) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 12)
        self.assertEqual(self.rows("at-once@example.com"), [(False,)])

    def test_the_group_decides_who_is_an_admin_whatever_mlflow_has(self):
        name = "grace@example.com"
        self.assertEqual(self.current(sent("person", name)), (name, False))
        self.assertEqual(self.current(sent("admin", name)), (name, True))
        self.assertEqual(self.current(sent("person", name)), (name, False))
        body = {"username": name, "is_admin": True}
        self.assertEqual(self.as_one(sent("admin", "boss"), "PATCH", f"{USERS}/update-admin", body)[0], 200)
        self.assertEqual(self.current(sent("person", name)), (name, False))

    def test_permissions_are_mlflows(self):
        ada, bob, boss = sent("person", "ada@example.com"), sent("person", "bob@example.com"), sent("admin", "boss@example.com")
        own = self.experiment(ada, "of ada")
        rename = {"experiment_id": own, "new_name": "renamed"}
        self.assertEqual(self.as_one(bob, "GET", f"{EXPERIMENT}/get?experiment_id={own}")[0], 200)
        self.assertEqual(self.as_one(bob, "POST", f"{EXPERIMENT}/update", rename)[0], 403)
        self.assertEqual(self.as_one(bob, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": own})[0], 403)
        grant = {"username": "bob@example.com", "resource_type": "experiment", "resource_id": own, "permission": "EDIT"}
        self.assertEqual(self.as_one(bob, "POST", GRANT, grant)[0], 403)
        status, answer = self.as_one(ada, "POST", GRANT, grant)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.as_one(bob, "POST", f"{EXPERIMENT}/update", rename)[0], 200)
        self.assertEqual(self.as_one(bob, "POST", f"{EXPERIMENT}/delete", {"experiment_id": own})[0], 403)
        self.assertEqual(self.as_one(boss, "POST", f"{EXPERIMENT}/delete", {"experiment_id": own})[0], 200)

    def test_models_and_artifacts_have_permissions_too(self):
        ada, bob = sent("person", "ada@example.com"), sent("person", "bob-2@example.com")
        self.assertEqual(self.as_one(ada, "POST", f"{MODEL}/create", {"name": "churn"})[0], 200)
        self.assertEqual(self.as_one(bob, "DELETE", f"{MODEL}/delete", {"name": "churn"})[0], 403)
        own = self.experiment(ada, "artifacts of ada")
        run = self.as_one(ada, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": own})[1]["run"]["info"]["run_id"]
        path = f"/api/2.0/mlflow-artifacts/artifacts/{own}/{run}/artifacts/x.txt"
        self.assertEqual(self.ask("PUT", path, b"x", bob)[0], 403)
        self.assertEqual(self.ask("PUT", path, b"x", ada)[0], 200)
        self.assertEqual(self.ask("PUT", path, b"x", {})[0], 401)

    def test_routes_outside_flask_ask_for_the_login_too(self):
        ada, eve = sent("person", "ada@example.com"), sent("person", "eve@example.com")
        own = self.experiment(ada, "traces of ada")
        headers = {"x-mlflow-experiment-id": own, "Content-Type": "application/x-protobuf"}
        self.assertEqual(self.ask("POST", TRACES, b"", headers)[0], 401)
        self.assertEqual(self.ask("POST", TRACES, b"", {**eve, **headers})[0], 403)
        self.assertNotIn(self.ask("POST", TRACES, b"", {**ada, **headers})[0], (401, 403))
        self.assertEqual(self.ask("POST", "/gateway/x/mlflow/invocations", {}, {})[0], 401)
        self.assertNotEqual(self.ask("POST", "/gateway/x/mlflow/invocations", {}, eve)[0], 401)

    def test_a_program_is_an_admin_with_a_name_that_no_person_can_have(self):
        self.assertEqual(self.current(sent("program", "mlflow-deployer")), ("program:mlflow-deployer", True))
        self.assertEqual(self.current(sent("person", "mlflow-deployer")), ("mlflow-deployer", False))
        for kind in ("person", "admin"):
            for name in ("program:mlflow-deployer", "program:mlflow", "program:x", "Program:x", "PROGRAM:mlflow"):
                status, answer = self.as_one(sent(kind, name), "GET", CURRENT)
                self.assertEqual((status, answer["error_code"]), (403, "PERMISSION_DENIED"), name)

    def test_without_a_right_header_nothing_is_let_in(self):
        for value in ("", "person", "person:", ":", "admin:", "program:", "root:x", "Person:x", "ADMIN:x", "x:person:y"):
            status, answer = self.as_one({"X-Proxy-Login": value}, "GET", CURRENT)
            self.assertIn(status, (401, 403), value)
            self.assertNotIn("user", answer)
        self.assertEqual(self.as_one({}, "GET", CURRENT)[0], 401)

    def test_odd_names(self):
        for name in (
            "ünïcode@exämple.com", "名前", "o'brien@example.com", 'a"b', "a;b,c", "a:b", "x%0ay", "../x", "a b", "A@EXAMPLE.COM",
            "system:serviceaccount:ns:name", "'; DROP TABLE users; --", "x" * 255, "é" * 255,
        ):
            self.assertEqual(self.current(sent("person", name)), (name, False))
        for name in ("x" * 256, "é" * 256, "x" * 5000, "a\tb", "a\x7fb", "a\u200bb", "a\u2028b", "a\u202eb", "\u00a0"):
            status, answer = self.as_one(sent("person", name), "GET", CURRENT)
            self.assertEqual((status, answer["error_code"]), (403, "PERMISSION_DENIED"), name)
        self.assertEqual(self.as_one({"X-Proxy-Login": b"person:\xff\xfe"}, "GET", CURRENT)[0], 403)

    def test_passwords_are_worth_nothing(self):
        login = ("set@example.com", "a long password")
        self.current(sent("person", login[0]))
        body = {"username": login[0], "password": login[1]}
        self.as_one(sent("person", login[0]), "PATCH", f"{USERS}/update-password", body)
        made = {"username": "made@example.com", "password": login[1]}
        self.assertEqual(self.as_one(sent("person", login[0]), "POST", f"{USERS}/create", made)[0], 403)
        self.assertEqual(self.as_one(sent("admin", "boss@example.com"), "POST", f"{USERS}/create", made)[0], 200)
        for name in (login[0], "made@example.com"):
            basic = {"Authorization": f"Basic {base64.b64encode(f'{name}:{login[1]}'.encode()).decode()}"}
            for path in (CURRENT, f"{EXPERIMENT}/get?experiment_id=0", "/gateway/x"):
                self.assertIn(self.ask("GET", path, None, basic)[0], (401, 404, 405), path)
            self.assertEqual(self.ask("POST", TRACES, b"", basic)[0], 401)
            self.assertEqual(self.ask("POST", "/gateway/x/mlflow/invocations", {}, {"X-MLflow-Authorization": basic["Authorization"]})[0], 401)
            # A password beside the header of the proxy does not choose another user.
            self.assertEqual(self.current({**sent("person", "ada@example.com"), **basic})[0], "ada@example.com")

    def test_a_removed_user_comes_back_without_permissions(self):
        ada, bob, boss = (sent(*who) for who in (("person", "ada-3"), ("person", "bob-3"), ("admin", "boss-3")))
        own = self.experiment(ada, "kept experiment")
        grant = {"username": "bob-3", "resource_type": "experiment", "resource_id": own, "permission": "EDIT"}
        self.current(bob)
        self.assertEqual(self.as_one(ada, "POST", GRANT, grant)[0], 200)
        tag = {"experiment_id": own, "key": "a", "value": "b"}
        self.assertEqual(self.as_one(bob, "POST", f"{EXPERIMENT}/set-experiment-tag", tag)[0], 200)
        self.assertEqual(self.as_one(boss, "DELETE", f"{USERS}/delete", {"username": "bob-3"})[0], 200)
        self.assertEqual(self.rows("bob-3"), [])
        self.assertEqual(self.as_one(bob, "POST", f"{EXPERIMENT}/set-experiment-tag", tag)[0], 403)
        self.assertEqual(self.rows("bob-3"), [(False,)])

    def test_the_page_offers_no_password(self):
        self.assertEqual(self.as_one(sent("person", "ada@example.com"), "GET", CURRENT)[1]["is_basic_auth"], False)

    def test_metrics_need_no_login(self):
        self.assertEqual(self.ask("GET", "/metrics")[0], 200)


if __name__ == "__main__":
    unittest.main()

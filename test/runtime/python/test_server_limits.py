"""The limits apply with one worker, with several, with a login and with workspaces."""

import json
import os
import re
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from support import PROGRAMS, postgres, template
from test_parallel_writers import METRICS, metrics
from tracking_server import NEW_SCHEMA, TrackingServerTestCase

CONNECTIONS = 8  # for two requests at once

POOL = """
import logging, sys
sys.path.insert(0, sys.argv[1])
import database_pool
database_pool.share()
import sqlalchemy
from sqlalchemy.orm import sessionmaker
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils
from mlflow.store.jobs.sqlalchemy_store import SqlAlchemyJobStore
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

logging.disable()
uri = "postgresql+psycopg2://"
stores = [Tracking(uri, "./mlruns"), Registry(uri), SqlAlchemyJobStore(uri)]
engine = stores[0].engine
print("one engine", len({id(store.engine) for store in stores}) == 1)
users = utils.create_sqlalchemy_engine("postgresql+psycopg2:///postgres")
print("users", users.pool.size(), users.pool._max_overflow)
engine.pool._timeout = 0.1
sessions = utils._get_managed_session_maker(sessionmaker(bind=engine), "postgresql")
held = [engine.connect() for _ in range(engine.pool.size() + engine.pool._max_overflow)]
print("held", len(held))
try:
    with sessions() as session:
        session.execute(sqlalchemy.text("SELECT 1"))
except MlflowException as error:
    print("status", error.get_http_status_code(), error.message)
"""


class Pool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        environment = postgres().environment(
            template("new_schema", NEW_SCHEMA),
            MLFLOW_SQLALCHEMYSTORE_POOL_SIZE="4", MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW="1",
            PGUSER="postgres",
        )
        cls.said = subprocess.run(
            [sys.executable, "-c", POOL, str(PROGRAMS)],
            env={"PATH": os.environ["PATH"], "HOME": "/tmp", **environment}, capture_output=True, text=True, check=True,
        ).stdout

    def test_all_stores_of_a_database_share_one(self):
        self.assertIn("one engine True", self.said)
        self.assertIn("held 5", self.said)

    def test_the_database_of_users_has_a_small_one(self):
        self.assertIn("users 4 0", self.said)

    def test_a_time_out_is_answered_with_a_status_that_clients_retry(self):
        self.assertIn("status 503", self.said)
        self.assertIn("QueuePool limit", self.said)

    def test_the_requests_follow_from_its_size(self):
        sys.path.insert(0, str(PROGRAMS))
        import database_pool

        for size, overflow, requests in [("19", "1", 6), ("4", "1", 1), ("3", "3", 1), ("", "", 4), ("1", "1", 1)]:
            with mock.patch.dict(
                os.environ,
                MLFLOW_SQLALCHEMYSTORE_POOL_SIZE=size, MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW=overflow,
            ):
                self.assertEqual(database_pool.concurrent_requests(), requests)


class TwoWorkersWithALogin(TrackingServerTestCase):
    """Each worker process imports MLflow itself, and has its own pool and queue."""

    environment = {
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": str(CONNECTIONS - 1),
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "1",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "key",
        "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
        "MLFLOW_AUTH_ADMIN_PASSWORD": "a long password",
    }
    # Without the last option, uvicorn kills a worker that needs more than 5 s to start, e.g. on a busy machine.
    arguments = ["--app-name", "basic-auth", "--workers", "2", "--uvicorn-opts", "--timeout-worker-healthcheck 300"]
    login = {"Authorization": "Basic YWRtaW46YSBsb25nIHBhc3N3b3Jk"}

    @classmethod
    def setUpClass(cls):
        cls.users = postgres().create("users_of_two_workers")
        cls.environment = {**cls.environment, "MLFLOW_AUTH_CONFIG_PATH": "auth.ini"}
        super().setUpClass()

    @classmethod
    def prepare(cls):
        (cls.folder / "auth.ini").write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{cls.users}\n"
            "admin_username = admin\nadmin_password = a long password\nauth_cache_ttl_seconds = 60\n"
        )

    @classmethod
    def ask(cls, method, path, body=None, headers=None, **more):
        return super().ask(method, path, body, {**cls.login, **(headers or {})}, **more)

    def count(self, database):
        counted = postgres().sql(
            "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'mlflow'", [database]
        )
        return counted[0][0]

    def test_loses_nothing_and_opens_no_more_connections_than_computed(self):
        runs = [
            self.api("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"] for _ in range(20)
        ]
        most, most_users = 0, 0

        def write(run):
            tags = [{"key": "mlflow.runName", "value": "again"}]
            body = {"run_id": run, "metrics": metrics(1), "params": [], "tags": tags}
            return self.ask("POST", "/api/2.0/mlflow/runs/log-batch", body)

        with ThreadPoolExecutor(len(runs)) as pool:
            asked = [pool.submit(write, run) for run in runs]
            while not all(future.done() for future in asked):
                most, most_users = max(most, self.count(self.database)), max(most_users, self.count(self.users))
                time.sleep(0.05)
        self.assertEqual([future.result() for future in asked if future.result()[0] != 200], [])
        self.assertEqual(self.sql("SELECT count(*) FROM metrics"), [(len(runs) * METRICS,)])
        self.assertLessEqual(most, 2 * CONNECTIONS)
        self.assertLessEqual(most_users, 2 * 4)

    def test_answers_a_failure_with_several_workers(self):
        status, text = self.ask("POST", "/v1/traces", b"[]", {"x-mlflow-experiment-id": "0"})
        self.assertEqual((status, json.loads(text)["error_code"]), (500, "INTERNAL_ERROR"))

    def test_serves_metrics_without_a_login(self):
        status, text = super().ask("GET", "/metrics", headers={"Authorization": ""})
        self.assertEqual(status, 200)
        self.assertRegex(text, re.compile("^mlflow_otlp_request", re.MULTILINE))


class Workspaces(TrackingServerTestCase):
    environment = {"MLFLOW_ENABLE_WORKSPACES": "true"}

    def test_each_workspace_has_its_own_experiments(self):
        status, text = self.ask("POST", "/api/3.0/mlflow/workspaces", {"name": "team-a"})
        self.assertIn(status, (200, 201), text)
        team = {"X-MLFLOW-WORKSPACE": "team-a"}
        status, text = self.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": "mine"}, team)
        self.assertEqual(status, 200, text)
        by_name = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=mine"
        self.assertEqual(self.ask("GET", by_name, headers=team)[0], 200)
        self.assertEqual(self.ask("GET", by_name)[0], 404)


if __name__ == "__main__":
    unittest.main()

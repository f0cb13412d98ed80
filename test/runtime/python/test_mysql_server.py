"""The server on a MariaDB, as its pod starts it: writers in parallel, and the model registry."""

import concurrent.futures
import json
import subprocess
import sys
import unittest

from mysql_server import USER, mariadb
from support import PASSWORD, PROGRAMS, pod_environment
from tracking_server import TrackingServerTestCase

WRITERS = 12


class MysqlServer(TrackingServerTestCase):
    # Two requests at once, as server-plan.ts computes it.
    environment = {"MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "7", "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "1"}
    arguments = ["--backend-store-uri", "mysql+pymysql:///tracking"]

    @classmethod
    def prepare(cls):
        cls.mysql = mariadb().environment(mariadb().create("tracking"))
        cls.environment = {**cls.environment, **cls.mysql}
        for name, value in {"MYSQL_USER": USER, "MYSQL_PWD": PASSWORD}.items():
            (cls.folder / "secrets" / name).write_text(value)
        cls.migrate()

    @classmethod
    def migrate(cls):
        subprocess.run(
            [sys.executable, PROGRAMS / "migrate.py"], env=pod_environment(cls.folder / "secrets", cls.mysql), check=True,
            stdout=subprocess.DEVNULL,
        )

    def test_writers_in_parallel_lose_nothing(self):
        # A batch with the name of the run holds several connections at once.
        def write(number):
            run = self.api("runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]["run_id"]
            self.api("runs/log-batch", {
                "run_id": run, "metrics": [{"key": "m", "value": number, "timestamp": 1, "step": 0}],
                "params": [{"key": "p", "value": str(number)}], "tags": [{"key": "mlflow.runName", "value": f"é {number}"}],
            })
            return run

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            runs = list(pool.map(write, range(WRITERS)))
        for number, run in enumerate(runs):
            found = json.loads(self.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run}")[1])["run"]
            self.assertEqual((found["info"]["run_name"], found["data"]["params"][0]["value"]), (f"é {number}", str(number)))
        opened = mariadb().sql("SELECT count(*) FROM information_schema.processlist WHERE db = 'tracking'")[0][0]
        self.assertLessEqual(opened, 8, "one pool for all stores of MLflow")

    def test_models_are_registered(self):
        self.api("registered-models/create", {"name": "churn"})
        run = self.api("runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]
        source = {"source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
        self.api("model-versions/create", {"name": "churn", **source})
        self.api("registered-models/alias", {"name": "churn", "alias": "champion", "version": "1"})
        status, text = self.ask("GET", "/api/2.0/mlflow/registered-models/alias?name=churn&alias=champion")
        self.assertEqual((status, json.loads(text)["model_version"]["version"]), (200, "1"), text)


if __name__ == "__main__":
    unittest.main()

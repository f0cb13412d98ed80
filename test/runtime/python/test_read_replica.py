"""A server that reads from a hot standby of its PostgreSQL, which streams from it."""

import json
import threading
import unittest

from support import PodTestCase, Standby, new_schema, postgres, until
from tracking_server import TrackingServerTestCase

# As lib/database/database-client.ts renders it.
URI = (
    "postgresql+psycopg2://127.0.0.2?keepalives_idle=20&keepalives_interval=5&keepalives_count=4&tcp_user_timeout=20000"
    "&target_session_attrs=any"
)
CONNECTIONS = 5
ENVIRONMENT = {
    "MLFLOW_READ_REPLICA_BACKEND_STORE_URI": URI,
    # What several hosts of the primary set, and would refuse the standby.
    "PGTARGETSESSIONATTRS": "read-write",
}

_standby = None


def standby():
    """The standby of the server that all tests use."""
    global _standby
    if _standby is None:
        new_schema()
        _standby = Standby(postgres())
        unittest.addModuleCleanup(_standby.stop)
    return _standby


def caught_up():
    [(position,)] = postgres().sql("postgres", "SELECT pg_current_wal_lsn()::text")
    until(lambda: standby().sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == [(True,)], "the standby's catching up")


class ReadReplica(TrackingServerTestCase):
    environment = {
        **ENVIRONMENT, "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": str(CONNECTIONS - 1), "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "1",
    }

    @classmethod
    def prepare(cls):
        standby()
        caught_up()

    def experiment(self, name):
        return self.api("experiments/create", {"name": name})["experiment_id"]

    def get(self, experiment):
        return self.ask("GET", f"/api/2.0/mlflow/experiments/get?experiment_id={experiment}")

    def behind(self):
        """The standby replays nothing until the test ends."""
        standby().sql("SELECT pg_wal_replay_pause()")
        until(lambda: standby().sql("SELECT pg_get_wal_replay_pause_state()") == [("paused",)], "a pause")
        self.addCleanup(standby().sql, "SELECT pg_wal_replay_resume()")

    def test_mlflow_is_loaded_once(self):
        self.assertNotIn("a second time", self.log.read_text())

    def test_reads_of_runs_and_of_the_registry_come_from_the_replica(self):
        self.behind()
        experiment = self.experiment("behind")
        status, text = self.get(experiment)
        self.assertEqual((status, json.loads(text)["error_code"]), (404, "RESOURCE_DOES_NOT_EXIST"))
        self.api("registered-models/create", {"name": "behind"})
        model = "/api/2.0/mlflow/registered-models/get?name=behind"
        self.assertEqual(self.ask("GET", model)[0], 404)
        standby().sql("SELECT pg_wal_replay_resume()")
        until(lambda: self.get(experiment)[0] == 200, "the experiment at the replica")
        until(lambda: self.ask("GET", model)[0] == 200, "the model at the replica")

    def test_a_run_needs_an_experiment_that_the_replica_has_and_its_writes_do_not_wait_for_the_replica(self):
        experiment = self.experiment("written")
        caught_up()
        self.behind()
        status, text = self.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": self.experiment("new")})
        self.assertEqual((status, json.loads(text)["error_code"]), (404, "RESOURCE_DOES_NOT_EXIST"))
        run = self.api("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
        metric = {"key": "loss", "value": 0.5, "timestamp": 1, "step": 0}
        self.api("runs/log-metric", {"run_id": run, **metric})
        self.api("runs/log-batch", {"run_id": run, "metrics": [{**metric, "step": 1}], "params": [{"key": "a", "value": "1"}]})
        self.api("runs/set-tag", {"run_id": run, "key": "b", "value": "2"})
        self.api("runs/update", {"run_id": run, "status": "FINISHED"})
        self.assertEqual(self.sql("SELECT count(*) FROM metrics WHERE run_uuid = %s", run), [(2,)])

    def test_the_replica_has_a_pool_of_the_same_size(self):
        threads = [threading.Thread(target=self.get, args=["0"]) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [(count,)] = standby().sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'")
        self.assertTrue(0 < count <= CONNECTIONS, count)

    def test_without_the_replica_reads_and_new_runs_are_answered_with_503_until_it_is_back(self):
        experiment = self.experiment("alone")
        caught_up()
        run = self.api("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
        caught_up()
        self.assertEqual(self.get(experiment)[0], 200)
        standby().stop()
        try:
            status, text = self.get(experiment)
            self.assertEqual((status, json.loads(text)["error_code"]), (503, "TEMPORARILY_UNAVAILABLE"))
            # MLflow reads the experiment first.
            self.assertEqual(self.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": experiment})[0], 503)
            self.api("runs/set-tag", {"run_id": run, "key": "b", "value": "2"})
            self.assertEqual(self.ask("GET", "/health")[0], 200)
        finally:
            standby().start()
        self.assertEqual(self.get(experiment)[0], 200)


class WaitForReplica(PodTestCase):
    def test_a_pod_waits_for_a_replica_that_is_away_and_for_one_that_has_an_old_schema(self):
        name = postgres().create("replicated")
        caught = standby()
        caught_up()
        caught.stop()
        try:
            waiter = self.start("wait_for_schema.py", environment=postgres().environment(name, **ENVIRONMENT))
            self.read_until(waiter, f"The tracking database {name} has no schema yet")
            head = postgres().sql(new_schema(), "SELECT version_num FROM alembic_version")[0][0]
            postgres().sql(name, "CREATE TABLE alembic_version (version_num text); GRANT SELECT ON alembic_version TO mlflow")
            postgres().sql(name, "INSERT INTO alembic_version VALUES (%s)", [head])
            said = self.read_until(waiter, f"The read replica of the tracking database {name}: unreachable")
            self.assertIn("127.0.0.2", said)
            self.assertIsNone(waiter.poll())
        finally:
            caught.start()
        self.read_until(waiter, "The schema is the one that this MLflow wants.")
        self.assertEqual(waiter.wait(10), 0)


if __name__ == "__main__":
    unittest.main()

"""The check of a new server, with a real one: what it finds, what it says, and what it leaves."""

import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import PROGRAMS
from tracking_server import TrackingServerTestCase

EXPERIMENT = "_check-before-serving"


class CheckedServer(TrackingServerTestCase):
    @classmethod
    def check(cls, code=0, artifacts="write", port=None):
        ended = subprocess.run(
            [sys.executable, "-S", "-E", PROGRAMS / "check_server.py"],
            env={"SERVER_PORT": str(port or cls.port), "CHECK_ARTIFACTS": artifacts, "HOSTNAME": "server-1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        )
        assert ended.returncode == code, ended.stdout + cls.log.read_text()
        return ended.stdout

    @classmethod
    def files(cls):
        return [path for path in (cls.folder / "artifacts").rglob("*") if path.is_file()]

    def forget(self):
        for table in ("latest_metrics", "metrics", "params", "tags", "runs"):
            self.sql(f"DELETE FROM {table}")


class Check(CheckedServer):
    def setUp(self):
        self.forget()

    def test_passes_and_leaves_a_deleted_run_of_its_own_experiment_and_no_file(self):
        self.assertRegex(self.check(), r"^MLflow \d+\.\d+\.\S+ works with its database and its store\.\n$")
        runs = "SELECT runs.lifecycle_stage, runs.name, experiments.name FROM runs JOIN experiments USING (experiment_id)"
        self.assertEqual(self.sql(runs), [("deleted", "server-1", EXPERIMENT)])
        self.assertEqual(self.files(), [])

    def test_uses_the_same_experiment_each_time_also_a_deleted_one(self):
        self.check()
        (experiment,) = self.sql("SELECT experiment_id FROM experiments WHERE name = %s", EXPERIMENT)[0]
        self.api("experiments/delete", {"experiment_id": str(experiment)})
        self.check()
        self.assertEqual(
            self.sql("SELECT experiment_id, lifecycle_stage FROM experiments WHERE name = %s", EXPERIMENT), [(experiment, "active")]
        )

    def test_passes_on_several_new_servers_at_once(self):
        self.sql("DELETE FROM experiment_tags")
        self.sql("DELETE FROM experiments WHERE name = %s", EXPERIMENT)
        failed = []

        def check():
            try:
                self.check()
            except AssertionError as error:
                failed.append(error)

        threads = [threading.Thread(target=check) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(len(self.sql("SELECT 1 FROM runs WHERE lifecycle_stage = 'deleted'")), 4)

    def test_only_reads_the_store_if_it_may_not_write(self):
        self.assertIn("its store, from which the check only read.", self.check(artifacts="read"))
        self.assertEqual([stage for (stage,) in self.sql("SELECT lifecycle_stage FROM runs")], ["deleted"])

    def test_names_the_step_that_a_store_refuses_and_removes_the_run(self):
        store = self.folder / "artifacts"
        shutil.rmtree(store, ignore_errors=True)
        # No folder can be made below a file.
        store.write_text("in the way")
        self.addCleanup(store.unlink)
        said = self.check(code=1)
        self.assertRegex(said, r"^This server does not serve, because its check failed\. Could not write an artifact: MLflow answered 500: ")
        self.assertEqual([stage for (stage,) in self.sql("SELECT lifecycle_stage FROM runs")], ["deleted"])

    def test_passes_after_a_store_is_mended(self):
        self.test_names_the_step_that_a_store_refuses_and_removes_the_run()
        self.doCleanups()
        self.check()

    def test_names_the_step_that_the_database_refuses(self):
        self.check()
        self.sql("ALTER TABLE params RENAME TO params_elsewhere")
        self.addCleanup(self.sql, "ALTER TABLE params_elsewhere RENAME TO params")
        said = self.check(code=1)
        self.assertRegex(said, r"Could not (create a run|log a metric, a parameter and a tag): MLflow answered 400: .*relation .*params.* does not exist")
        self.assertEqual(self.files(), [])

    def test_names_the_step_if_the_registry_cannot_be_searched(self):
        self.sql("ALTER TABLE registered_models RENAME TO registered_models_elsewhere")
        self.addCleanup(self.sql, "ALTER TABLE registered_models_elsewhere RENAME TO registered_models")
        self.assertRegex(self.check(code=1), "Could not search registered models: MLflow answered 400: .*relation .*registered_models")
        self.assertEqual(self.sql("SELECT 1 FROM runs"), [])


class CheckWithWorkspaces(CheckedServer):
    environment = {"MLFLOW_ENABLE_WORKSPACES": "true"}

    def test_passes_in_the_default_workspace(self):
        self.check()
        self.assertEqual(self.sql("SELECT workspace FROM experiments WHERE name = %s", EXPERIMENT), [("default",)])
        self.assertEqual(self.files(), [])


class Damaging(BaseHTTPRequestHandler):
    """Passes all requests on to the server, and changes the content of what a client reads from the store."""

    protocol_version = "HTTP/1.0"
    target = None
    log_message = staticmethod(lambda *_: None)

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {"Content-Type": self.headers["Content-Type"]}
        status, text = self.target.ask(self.command, self.path, body, headers)
        self.send_response(status)
        self.end_headers()
        self.wfile.write((text.replace("a", "b").replace("1", "2") if self.is_content else text).encode())

    @property
    def is_content(self):
        return self.command == "GET" and "/mlflow-artifacts/" in self.path

    do_GET = do_POST = do_PUT = do_DELETE = do


class CheckOfDamage(CheckedServer):
    def test_finds_a_file_that_comes_back_changed(self):
        Damaging.target = type(self)
        with ThreadingHTTPServer(("127.0.0.1", 0), Damaging) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            try:
                said = self.check(code=1, port=proxy.server_address[1])
            finally:
                proxy.shutdown()
        self.assertIn("Could not read the artifact: the content is not the one that was written", said)
        self.assertEqual(self.files(), [])

    def test_says_that_nothing_answers(self):
        self.assertRegex(self.check(code=1, port=1), "Could not ask for the version: GET /version: ConnectionRefusedError: ")

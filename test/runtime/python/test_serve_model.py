import http.client
import json
import re
import signal
import socket
import threading
import time
import unittest
from pathlib import Path

from serving import ServingTestCase, client_environment, registry
from support import until

ERROR = "deployment.ml-serving.churn-serving.error"
INPUTS = {"inputs": [[0.0], [10.0]]}


class ServeModel(ServingTestCase):
    def serve(self, name, **more):
        self.download(name)
        environment = self.environment(name, WARM_UP="model-example", LINGER_SECONDS="1", DRAIN_SECONDS="20") | more
        self.said = ""
        process = self.start("serve_model.py", environment=environment)
        return process

    def serving(self, name, **more):
        process = self.serve(name, **more)
        self.said = self.read_until(process, "Serves version 1 of")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.ports[0])) == 0:
                    return process
            time.sleep(0.05)
        self.fail("nothing listens")

    def connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=30)
        self.addCleanup(connection.close)
        return connection

    def post(self, body, connection=None, **headers):
        connection = connection or self.connection()
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer

    def get(self, path, port=0):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def metrics_with(self, line):
        """The metrics, once they have that line: a client can have its answer before it is counted."""
        text = ""

        def told():
            nonlocal text
            text = self.get("/metrics", 1)[1]
            return line in text

        until(told, f"the metrics have {line}")
        return text

    def test_predicts_counts_and_drains(self):
        process = self.serving("line", LINGER_SECONDS="6")
        self.assertRegex(self.said, r"loaded in [\d.]+ s, warmed up in [\d.]+ s")
        status, text, _ = self.post(json.dumps(INPUTS))
        self.assertEqual(status, 200)
        self.assertEqual([round(p, 6) for p in json.loads(text)["predictions"]], [1.0, 21.0])
        self.assertEqual((self.get("/ping")[0], self.get("/health")[0]), (200, 200))
        self.assertEqual(self.post("{")[0], 400)

        metrics = self.metrics_with('mlflow_serving_request_duration_seconds_count{path="/invocations"} 2.0')
        self.assertIn('mlflow_serving_requests_total{path="/invocations",status="200"} 1.0', metrics)
        self.assertIn('mlflow_serving_requests_total{path="/invocations",status="400"} 1.0', metrics)
        self.assertIn('mlflow_serving_model_info{model="line",version="1"} 1.0', metrics)
        self.assertNotIn('path="other"', metrics)

        kept = self.connection()
        self.assertEqual(self.post(json.dumps(INPUTS), kept)[0], 200)
        process.terminate()
        self.read_until(process, "goes on for 6 s")
        # It still answers, on old connections and new ones, and tells their owners to leave.
        status, _, answer = self.post(json.dumps(INPUTS), kept)
        self.assertEqual((status, answer.getheader("connection")), (200, "close"))
        self.assertEqual(self.post(json.dumps(INPUTS))[0], 200)
        self.assertEqual((self.get("/ping")[0], self.get("/health")[0]), (200, 503))
        self.assertEqual(process.wait(30), 0)

    def test_what_runs_is_finished(self):
        process = self.serving("slow", WARM_UP="", LINGER_SECONDS="0")
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.post('{"inputs": [3]}')[0])) for _ in range(3)]
        for thread in threads:
            thread.start()
        self.metrics_with("mlflow_serving_requests_in_progress 3.0")
        process.terminate()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [200, 200, 200])
        self.assertEqual(process.wait(10), 0)

    def test_limits(self):
        self.serving("slow", WARM_UP="", MAX_REQUEST_BYTES="1000", MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT="1")
        self.assertEqual(self.post("x" * 1001)[0], 413)
        # A body whose length is not told.
        chunks = self.connection()
        chunks.request("POST", "/invocations", iter([b"x" * 600] * 2), {"Content-Type": "application/json"},
                       encode_chunked=True)
        self.assertEqual(chunks.getresponse().status, 413)
        self.assertEqual(self.post('{"inputs": [2]}')[0], 504)
        # Its answer counts now, though the prediction that was given up sleeps on.
        self.metrics_with('path="/invocations",status="504"} 1.0')
        # A body that does not come.
        lame = self.connection()
        lame.putrequest("POST", "/invocations")
        lame.putheader("Content-Length", "10")
        lame.endheaders()
        self.assertEqual(lame.getresponse().status, 408)
        self.assertEqual(self.post('{"inputs": [0]}')[0], 200)
        for status in (413, 408, 200):
            self.metrics_with(f'path="/invocations",status="{status}"')
        self.metrics_with("mlflow_serving_requests_in_progress 0.0")

    def warm_up(self, text):
        file = self.folder / "warm-up"
        file.write_text(text)
        return str(file)

    def test_one_that_loads_and_cannot_predict_never_listens(self):
        process = self.serve("loads", WARM_UP=self.warm_up('{"inputs": [1]}'))
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1, output)
        reason = "Version 1 of 'loads' cannot be served. It loads but cannot predict: its warm-up request was answered"
        self.assertIn(reason, output)
        self.assertNotIn("Serves version", output)
        self.assertIn("a table of the training host is not here", self.tags("loads")[ERROR])

    def test_one_that_cannot_be_loaded_says_why(self):
        process = self.serve("breaks")
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("It cannot be loaded: ", output)
        self.assertIn("no weights in here", self.tags("breaks")[ERROR])

    def test_one_that_works_takes_the_old_reason_away(self):
        from mlflow.tracking import MlflowClient

        client = MlflowClient(client_environment(registry())["MLFLOW_TRACKING_URI"])
        client.set_model_version_tag("line", "1", ERROR, "an earlier image lacked something")
        self.serving("line")
        until(lambda: ERROR not in self.tags("line"), "the tag is gone", 20)

    def test_without_an_example_there_is_no_warm_up(self):
        self.serving("slow")
        self.assertIn("not warmed up", self.said)

    def test_sigterm_while_it_loads(self):
        process = self.serve("line")
        until(lambda: self.catches_sigterm(process), "it has its handler")
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertNotIn("Serves", process.stdout.read())

    def catches_sigterm(self, process):
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) & (1 << (signal.SIGTERM - 1))

    def test_without_the_model_it_says_so(self):
        process = self.start("serve_model.py", environment=self.environment("line"))
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("the init container download-model puts them there", output)
        self.assertNotIn(ERROR, self.tags("line"))

    def test_another_version_than_the_one_downloaded_is_not_served(self):
        process = self.serve("line", MODEL_VERSION="2")
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("The files of version 2 of 'line' are not in the volume", output)

    def test_one_process(self):
        process = self.serving("line")
        self.assertEqual(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(), "")


if __name__ == "__main__":
    unittest.main()

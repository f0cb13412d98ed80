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
WAITING = "deployment.ml-serving.churn-serving.waiting"
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
        """Waits until the metrics have that line, because a client can get its answer before the metrics change."""
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
        self.read_until(process, "keeps serving for 6 s")
        # The server still answers, on old and new connections, and then closes them.
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
        # A body without a Content-Length.
        chunks = self.connection()
        chunks.request("POST", "/invocations", iter([b"x" * 600] * 2), {"Content-Type": "application/json"},
                       encode_chunked=True)
        self.assertEqual(chunks.getresponse().status, 413)
        self.assertEqual(self.post('{"inputs": [2]}')[0], 504)
        # The metrics include the answer at once, although the aborted prediction still sleeps.
        self.metrics_with('path="/invocations",status="504"} 1.0')
        # A body that does not arrive.
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
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 1, output)
        reason = "Version 1 of 'loads' cannot be served. It loads but cannot predict: its warm-up request was answered"
        self.assertIn(reason, output)
        self.assertNotIn("Serves version", output)
        self.assertIn("a table of the training host is not here", self.tags("loads")[ERROR])

    def test_one_that_cannot_be_loaded_says_why(self):
        process = self.serve("breaks")
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("It cannot be loaded: ", output)
        self.assertIn("no weights in here", self.tags("breaks")[ERROR])

    def test_one_that_works_takes_the_old_reason_away(self):
        from mlflow.tracking import MlflowClient

        client = MlflowClient(client_environment(registry())["MLFLOW_TRACKING_URI"])
        client.set_model_version_tag("line", "1", ERROR, "an earlier image lacked something")
        self.serving("line")
        until(lambda: ERROR not in self.tags("line"), "the tag is gone", 120)

    def test_a_warm_up_has_the_time_of_a_start_and_not_of_a_request(self):
        self.serving("slow", WARM_UP=self.warm_up('{"inputs": [3]}'), MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT="1")
        self.assertRegex(self.said, r"warmed up in [3-9]")
        self.assertEqual(self.post('{"inputs": [3]}')[0], 504)
        self.assertNotIn(ERROR, self.tags("slow"))

    def test_a_warm_up_that_takes_longer_than_a_start_is_not_the_fault_of_the_version(self):
        process = self.serve("slow", WARM_UP=self.warm_up('{"inputs": [600]}'), START_SECONDS="1")
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("Its warm-up request was not answered within 1 s; expected a larger startTimeout", output)
        self.assertIn("larger startTimeout", self.tags("slow")[WAITING])
        self.assertNotIn(ERROR, self.tags("slow"))

    def test_what_a_version_asks_for_on_the_network_is_not_its_fault(self):
        for moment, words in (("load", "cannot be loaded now"), ("predict", "loads but cannot predict now")):
            with self.subTest(moment):
                process = self.serve("asks", ASKS_AT=moment, WARM_UP=self.warm_up('{"inputs": [1]}'))
                output = process.communicate(timeout=300)[0]
                self.assertEqual(process.returncode, 1, output)
                reason = f"Version 1 of 'asks' cannot be served yet, trying again. It {words}. It needs something on the"
                self.assertIn(reason, output)
                tags = self.tags("asks")
                self.assertIn("ConnectionRefusedError", tags[WAITING])
                self.assertNotIn(ERROR, tags)
        self.serving("asks", WARM_UP=self.warm_up('{"inputs": [1]}'))
        until(lambda: WAITING not in self.tags("asks"), "the tag is gone", 120)

    def test_a_secret_is_a_variable_of_the_model(self):
        secret = self.secrets / "ASKS_AT"
        for moment, words in (("load", "cannot be loaded now"), ("predict", "loads but cannot predict now")):
            with self.subTest(moment):
                secret.write_text(f"{moment}\n")
                process = self.serve("asks", WARM_UP=self.warm_up('{"inputs": [1]}'))
                output = process.communicate(timeout=300)[0]
                self.assertEqual(process.returncode, 1, output)
                self.assertIn(f"Version 1 of 'asks' cannot be served yet, trying again. It {words}.", output)
        self.remove_tags("asks")

    def hang(self, count):
        """Sends that number of predictions that never end. Each is answered with 504."""
        threads = [threading.Thread(target=self.post, args=('{"inputs": [600]}',)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_it_is_not_ready_nor_alive_while_every_prediction_hangs(self):
        process = self.serving("slow", WARM_UP="", PREDICTION_THREADS="2", MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT="1",
                               LINGER_SECONDS="0", DRAIN_SECONDS="1")
        self.hang(1)
        self.assertEqual(self.post('{"inputs": [0]}')[0], 200)
        self.assertEqual((self.get("/health")[0], self.get("/ping")[0]), (200, 200))
        self.hang(1)
        until(lambda: self.get("/health")[0] == 503, "it is not ready", 60)
        status, text = self.get("/ping")
        self.assertEqual(status, 503)
        self.assertIn("All 2 predictions that can run at once have hung for over 1 s", text)
        # The process still exits.
        process.terminate()
        self.assertEqual(process.wait(20), 0)

    def test_no_more_requests_in_progress_than_it_can_take(self):
        self.serving("slow", WARM_UP="", MAX_REQUESTS="1")
        first = threading.Thread(target=self.post, args=('{"inputs": [3]}',))
        first.start()
        self.metrics_with("mlflow_serving_requests_in_progress 1.0")
        status, text, answer = self.post('{"inputs": [0]}')
        self.assertEqual((status, answer.getheader("retry-after")), (503, "1"))
        self.assertEqual(json.loads(text)["error_code"], "TEMPORARILY_UNAVAILABLE")
        self.assertEqual(self.get("/health")[0], 200)
        first.join()
        self.assertEqual(self.post('{"inputs": [0]}')[0], 200)

    def test_no_more_bytes_in_progress_than_it_can_take(self):
        self.serving("slow", WARM_UP="", MAX_REQUEST_BYTES="1000", MAX_REQUESTS_BYTES="1000")
        first = threading.Thread(target=self.post, args=('{"inputs": [3]}' + " " * 900,))
        first.start()
        self.metrics_with("mlflow_serving_requests_in_progress 1.0")
        self.assertEqual(self.post('{"inputs": [0]}' + " " * 100)[0], 503)
        # A body without a Content-Length.
        chunks = self.connection()
        chunks.request("POST", "/invocations", iter([b"x" * 60] * 2), {"Content-Type": "application/json"},
                       encode_chunked=True)
        self.assertEqual(chunks.getresponse().status, 503)
        self.assertEqual(self.post('{"inputs": [0]}')[0], 200)
        first.join()
        self.assertEqual(self.post('{"inputs": [0]}' + " " * 900)[0], 200)

    def test_a_request_shows_its_head_in_time_or_its_connection_is_closed(self):
        self.serving("slow", WARM_UP="", HEAD_SECONDS="1")
        for head in (b"", b"POST /invocations HTTP/1.1\r\nHost: x\r\n"):
            with socket.create_connection(("127.0.0.1", self.ports[0]), timeout=30) as lame:
                lame.sendall(head)
                self.assertEqual(lame.recv(100), b"")
        # After its head, a request has the whole time limit. An idle keep-alive connection stays open.
        kept = self.connection()
        for _ in range(2):
            self.assertEqual(self.post('{"inputs": [1.5]}', kept)[0], 200)
            time.sleep(1.5)
        # But a client must complete a head that it begins.
        kept.sock.sendall(b"POST /invoc")
        self.assertEqual(kept.sock.recv(100), b"")

    def test_it_answers_on_ipv6_too(self):
        self.serving("line")
        for port, path in ((0, "/health"), (1, "/metrics")):
            connection = http.client.HTTPConnection("::1", self.ports[port], timeout=30)
            self.addCleanup(connection.close)
            connection.request("GET", path)
            self.assertEqual(connection.getresponse().status, 200)

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
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("the init container download-model puts them there", output)
        self.assertNotIn(ERROR, self.tags("line"))

    def test_another_version_than_the_one_downloaded_is_not_served(self):
        process = self.serve("line", MODEL_VERSION="2")
        output = process.communicate(timeout=300)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("The files of version 2 of 'line' are not in the volume", output)

    def test_one_process(self):
        process = self.serving("line")
        self.assertEqual(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(), "")


if __name__ == "__main__":
    unittest.main()

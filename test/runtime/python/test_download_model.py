import contextlib
import http.server
import importlib.metadata
import io
import os
import platform
import sys
import threading
import time
import unittest
import zipfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from serving import ServingTestCase
from support import PROGRAMS, until

sys.path.insert(0, str(PROGRAMS))
ERROR = "deployment.ml-serving.churn-serving.error"
WAITING = "deployment.ml-serving.churn-serving.waiting"


class Waits(ServingTestCase):
    def wait_for(self, text, name, version):
        process = self.start("download_model.py", environment=self.environment(name, version))
        said = self.read_until(process, text)
        self.assertEqual(len(said.splitlines()), 1, said)
        process.terminate()
        self.assertEqual(process.wait(5), 143)
        self.assertFalse(self.current.exists())

    def test_without_a_version(self):
        self.wait_for("No version yet: waiting for the alias 'champion' of 'line', which the deployer sets", "line", None)

    def test_for_a_model_that_is_not_registered(self):
        self.wait_for("The registry has no version 1 of 'absent' yet: waiting for it", "absent", "1")

    def test_for_a_version_that_is_not_registered(self):
        self.wait_for("The registry has no version 9 of 'line' yet", "line", "9")

    def test_for_what_it_may_not_read(self):
        """MLflow's own login answers 403 for a model that is not registered."""

        class Forbids(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(403)
                self.end_headers()
                self.wfile.write(b"Permission denied")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forbids)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        environment = self.environment("line", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{server.server_port}")
        process = self.start("download_model.py", environment=environment)
        self.read_until(process, "does not let this pod read version 1 of 'line', or has none yet")
        process.terminate()
        self.assertEqual(process.wait(5), 143)

    def test_for_a_registry_that_does_not_answer(self):
        environment = self.environment("line", MLFLOW_TRACKING_URI="http://127.0.0.1:1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        process = self.start("download_model.py", environment=environment)
        self.read_until(process, "The registry http://127.0.0.1:1 cannot be read, trying again")
        process.terminate()
        self.assertEqual(process.wait(5), 143)


class Downloads(ServingTestCase):
    def test_the_whole_model_once(self):
        said = self.download("line")
        self.assertRegex(said, r"Downloaded version 1 of 'line': \d+ files, \d+ bytes")
        self.assertTrue((self.current / "MLmodel").is_file())
        self.assertEqual((self.model / "python").read_text(), sys.executable)
        self.assertFalse((self.model / "partial").exists())
        self.assertIn("are already present", self.download("line"))
        self.assertNotIn(ERROR, self.tags("line"))

    def test_with_the_variables_that_are_secrets(self):
        uri = self.environment("line")["MLFLOW_TRACKING_URI"]
        (self.secrets / "MLFLOW_TRACKING_URI").write_text(f"{uri}\n")
        self.download("line", MLFLOW_TRACKING_URI="http://127.0.0.1:1")
        self.assertTrue(any(self.model.rglob("MLmodel")))

    def test_not_what_an_ended_attempt_left(self):
        (self.model / "partial").mkdir()
        (self.model / "partial" / "MLmodel").write_text("half")
        self.download("line")
        self.assertNotEqual((self.current / "MLmodel").read_text(), "half")

    def test_no_model_whose_requirements_are_missing(self):
        said = self.download("needs", code=1)
        reason = "Version 1 of 'needs' cannot be served. It requires not-a-package-of-this-image==1.0"
        self.assertIn(reason, said)
        self.assertIn(reason, self.tags("needs")[ERROR])

    def test_no_model_that_is_larger_than_the_volume(self):
        said = self.download("loads", code=1, MODEL_SPACE_BYTES="10")
        self.assertRegex(said, r"It has \d+ bytes, and modelSpace holds 10")
        self.assertFalse(self.current.exists())


class FilesOfAModel(unittest.TestCase):
    """A download from a store with faults."""

    def setUp(self):
        import tempfile

        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        variables = {"MODEL_DIRECTORY": str(self.folder), "MODEL_NAME": "m", "MODEL_VERSION": "1"}
        self.enterContext(mock.patch.dict(os.environ, variables))
        self.enterContext(mock.patch("builtins.print"))

    def store(self, listed, sent):
        def entries(path):
            top = [p for p in listed if "/" not in p] if path is None else []
            below = [p for p in listed if path is not None and p.startswith(f"{path}/")]
            folders = {p.split("/")[0] for p in listed if "/" in p} if path is None else ()
            return [SimpleNamespace(path=p, is_dir=False, file_size=listed[p]) for p in top + below] + [
                SimpleNamespace(path=p, is_dir=True, file_size=None) for p in folders
            ]

        def download(_, dst_path):
            self.downloads += 1
            for path, text in sent.items():
                file = Path(dst_path, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)

        self.downloads = 0
        return SimpleNamespace(list_artifacts=entries, download_artifacts=download)

    def refuse(self, store, words, may_pass=False):
        import model_download
        from may_pass import MayPass
        from serving_settings import CannotServe

        with self.assertRaisesRegex(MayPass if may_pass else CannotServe, words):
            model_download.download(store)
        self.assertFalse((self.folder / "version-1").exists())

    def test_complete_files_are_accepted(self):
        import model_download

        files = {"MLmodel": "abc", "data/model.pkl": "12345"}
        store = self.store({"MLmodel": 3, "data/model.pkl": 5}, files)
        self.assertEqual(model_download.download(store), (2, 8))
        self.assertEqual((self.folder / "version-1/data/model.pkl").read_text(), "12345")

    def test_a_truncated_file_is_refused(self):
        self.refuse(self.store({"MLmodel": 3, "data/model.pkl": 5}, {"MLmodel": "abc", "data/model.pkl": "123"}),
                    "model.pkl has 3 of 5 bytes", may_pass=True)
        self.assertEqual(self.downloads, 3)

    def test_a_missing_file_is_reported(self):
        self.refuse(self.store({"MLmodel": 3, "model.pkl": 5}, {"MLmodel": "abc"}), "model.pkl is missing", may_pass=True)

    def test_a_folder_without_mlmodel_is_refused(self):
        self.refuse(self.store({"model.pkl": 5}, {"model.pkl": "12345"}), "include no file MLmodel: it is not an MLflow model")
        self.assertEqual(self.downloads, 0)


class Requirements(ServingTestCase):
    def check(self, code=0, python=None, requirements="mlflow\n", **more):
        self.current.mkdir()
        (self.current / "MLmodel").write_text("")
        (self.current / "requirements.txt").write_text(requirements)
        if python:
            (self.current / "python_env.yaml").write_text(f"python: {python}\ndependencies:\n- -r requirements.txt\n")
        return self.download("line", code=code, **more)

    def test_another_python_is_refused(self):
        self.assertIn("It was logged under Python 3.9.1, and this image has Python", self.check(1, "3.9.1"))

    def test_another_python_is_tried_if_configured(self):
        self.assertIn("Python 3.9.1", self.check(0, "3.9.1", ACCEPT_ANY_PYTHON="true"))

    def test_another_patch_version_of_python_is_accepted(self):
        major, minor = sys.version_info[:2]
        self.assertNotIn("logged under", self.check(0, f"{major}.{minor}.99"))

    def test_other_versions_are_reported(self):
        said = self.check(requirements="numpy==1.0.0\n# none\nscikit-learn\nlost; python_version < '3'\ncode/own.whl\n")
        self.assertRegex(said, r"Packages of another version than it was logged with: numpy==1.0.0 \(here ")
        self.assertIn("Not checked: code/own.whl", said)

    def index(self):
        """Writes a package index with one package."""
        folder = self.folder / "index" / "tiny-extra"
        folder.mkdir(parents=True)
        info = "tiny_extra-1.0.dist-info"
        with zipfile.ZipFile(folder / "tiny_extra-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny_extra.py", "answer = 42\n")
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-extra\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        (folder / "index.html").write_text('<a href="tiny_extra-1.0-py3-none-any.whl">tiny_extra-1.0-py3-none-any.whl</a>')
        return f"file://{self.folder}/index"

    def test_missing_packages_are_installed_once(self):
        packages = self.folder / "packages"
        packages.mkdir()
        more = {"REQUIREMENTS_INDEX_URL": self.index(), "PACKAGES_DIRECTORY": str(packages)}
        said = self.check(requirements="mlflow\ntiny-extra==1.0\n", **more)
        self.assertIn("Its requirements were installed in", said)
        python = (self.model / "python").read_text()
        self.assertTrue(python.startswith(str(packages)))
        import subprocess

        answer = subprocess.run([python, "-c", "import tiny_extra, mlflow; print(tiny_extra.answer)"],
                                capture_output=True, text=True)
        self.assertEqual(answer.stdout.strip(), "42", answer.stderr)
        self.assertIn("installed already", self.download("line", **more))
        self.assertEqual(len(list(packages.iterdir())), 1)

    def install(self, packages):
        """Returns the key of the environment. The slow steps are replaced."""
        import model_requirements

        self.current.mkdir(exist_ok=True)
        (self.current / "requirements.txt").write_text("tiny-extra==1.0\n")
        environment = {"REQUIREMENTS_INDEX_URL": "http://index", "PACKAGES_DIRECTORY": str(packages)}
        with (
            mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(io.StringIO()),
            mock.patch.multiple(
                model_requirements, make_environment=os.makedirs, see_packages_of_image=mock.DEFAULT, pip_install=mock.DEFAULT
            ),
        ):
            return Path(model_requirements.install(str(self.current))).parts[-3]

    def test_an_environment_of_another_image_is_not_used(self):
        packages = self.folder / "packages"
        packages.mkdir()
        keys = [self.install(packages)]
        self.assertEqual(self.install(packages), keys[0])
        package = SimpleNamespace(name="Some_package", version="2.0")
        plain = list(importlib.metadata.distributions())
        with mock.patch.object(importlib.metadata, "distributions", lambda **_: [*plain, package]):
            keys.append(self.install(packages))
            package.version = "2.1"
            keys.append(self.install(packages))
        with mock.patch.object(sys, "executable", "/opt/venv/bin/python"):
            keys.append(self.install(packages))
        with mock.patch.object(sys, "version", "3.11.99 (main)"):
            keys.append(self.install(packages))
        self.assertEqual(len(set(keys)), 5, keys)
        self.assertEqual(sorted(each.name for each in packages.iterdir()), sorted(keys))

    def test_incomplete_environments_of_killed_pods_are_removed(self):
        import model_requirements

        packages = self.folder / "packages"
        old = "0123456789abcdef"
        mine, others, gone = (f"{old}.{pod}.7" for pod in (platform.node(), "churn-abc.d", "churn-long-gone"))
        others_things = [old, ".snapshot", "lost+found", f"{old}.x"]
        for name in [mine, others, gone, *others_things]:
            (packages / name / "lib").mkdir(parents=True)
        for name in [gone, *others_things]:
            os.utime(packages / name, (0, time.time() - model_requirements.ABANDONED_SECONDS - 60))
        # The folder of a pod that can still be installing.
        os.utime(packages / others, (0, time.time() - model_requirements.ABANDONED_SECONDS + 600))
        key = self.install(packages)
        self.assertEqual(sorted(each.name for each in packages.iterdir()), sorted([key, others, *others_things]))

    def wait_for_index(self, url, words):
        self.remove_tags("line")
        (self.folder / "packages").mkdir(exist_ok=True)
        self.current.mkdir()
        (self.current / "MLmodel").write_text("")
        (self.current / "requirements.txt").write_text("tiny-extra==1.0\n")
        more = {"REQUIREMENTS_INDEX_URL": url, "PACKAGES_DIRECTORY": str(self.folder / "packages")}
        process = self.start("download_model.py", environment=self.environment("line", **more))
        reason = "Version 1 of 'line' cannot be served yet, trying again. The package index"
        self.assertIn(words, self.read_until(process, reason).splitlines()[-1])
        until(lambda: WAITING in self.tags("line"), "the registry is told", 120)
        self.assertIn(reason, self.tags("line")[WAITING])
        self.assertNotIn(ERROR, self.tags("line"))
        process.kill()
        process.wait()
        # An environment gets its final name only when it is complete. The next try can have started another.
        self.assertEqual([each.name for each in (self.folder / "packages").iterdir() if "." not in each.name], [])

    def test_waits_for_an_index_that_does_not_answer(self):
        self.wait_for_index("http://127.0.0.1:1/simple", "http://127.0.0.1:1/simple does not answer correctly")

    def test_waits_for_an_index_that_answers_with_an_error(self):
        class Broken(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(503)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.wait_for_index(f"http://127.0.0.1:{server.server_port}/simple", "503")

    def test_a_package_that_no_index_has_is_reported(self):
        packages = self.folder / "packages"
        packages.mkdir()
        more = {"REQUIREMENTS_INDEX_URL": self.index(), "PACKAGES_DIRECTORY": str(packages)}
        said = self.check(1, requirements="nowhere-to-be-found==3\n", **more)
        self.assertIn("Its requirements cannot be installed from file://", said)
        self.assertEqual(list(packages.iterdir()), [])


class TransientFailures(unittest.TestCase):
    def cause(self, error):
        import may_pass

        return may_pass.cause(error)

    def test_a_full_disk(self):
        from mlflow.exceptions import MlflowException

        self.assertIn("The disk has no space left", self.cause(OSError(28, "No space left on device")))
        # MLflow's own store reports the error only in the text.
        failures = "The following failures occurred: ##### File model.pkl ##### [Errno 28] No space left on device"
        self.assertIn("The disk has no space left", self.cause(MlflowException(failures)))

    def test_the_network_behind_any_error(self):
        import requests
        import urllib3

        answer = requests.Response()
        answer.status_code = 503
        for cause in (
            ConnectionResetError(), TimeoutError(), requests.exceptions.ConnectionError(), requests.HTTPError(response=answer),
            urllib3.exceptions.MaxRetryError(None, "/"), OSError(113, "No route to host"),
        ):
            try:
                try:
                    raise cause
                except Exception:
                    raise ValueError("the tokenizer cannot be loaded")
            except ValueError as error:
                self.assertIn("on the network", self.cause(error) or "", repr(cause))

    def test_what_will_never_work(self):
        for error in (ModuleNotFoundError("xgboost"), ValueError("no weights"), FileNotFoundError(2, "weights"), MemoryError()):
            self.assertIsNone(self.cause(error), repr(error))

    def test_its_message_is_the_same_each_time(self):
        import may_pass

        said = may_pass.words(OSError("HTTPConnection(<urllib3.connection.HTTPConnection object at 0x7f12ab>: refused)"))
        self.assertEqual(said, "OSError: HTTPConnection(refused)")


if __name__ == "__main__":
    unittest.main()

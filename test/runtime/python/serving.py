"""A registry with models of all kinds, and the folders of a serving pod."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support import PodTestCase, free_port

MODELS = '''
import logging, sys, warnings
warnings.simplefilter("ignore"); logging.disable()
import mlflow, numpy
from mlflow.pyfunc import PythonModel
from sklearn.linear_model import LinearRegression

x = numpy.array([[0.0], [1.0], [2.0]])
model = LinearRegression().fit(x, numpy.array([1.0, 3.0, 5.0]))

class Loads(PythonModel):
    def predict(self, context, model_input):
        raise ValueError("a table of the training host is not here")

class Breaks(PythonModel):
    def load_context(self, context):
        raise RuntimeError("no weights in here")
    def predict(self, context, model_input):
        return model_input

class Asks(PythonModel):
    def ask(self, moment):
        import os, socket
        if os.environ.get("ASKS_AT") == moment:
            socket.create_connection(("127.0.0.1", 1), timeout=5)
    def load_context(self, context):
        self.ask("load")
    def predict(self, context, model_input):
        self.ask("predict")
        return model_input

class Slow(PythonModel):
    def predict(self, context, model_input):
        import time
        time.sleep(float(model_input[0]))
        return model_input

mlflow.sklearn.log_model(model, name="m", registered_model_name="line", input_example=x, serialization_format="cloudpickle")
mlflow.pyfunc.log_model(name="m", python_model=Loads(), registered_model_name="loads")
mlflow.pyfunc.log_model(name="m", python_model=Breaks(), registered_model_name="breaks")
mlflow.pyfunc.log_model(name="m", python_model=Asks(), registered_model_name="asks")
mlflow.pyfunc.log_model(name="m", python_model=Slow(), registered_model_name="slow")
mlflow.sklearn.log_model(model, name="m", registered_model_name="needs", serialization_format="cloudpickle",
                         pip_requirements=["mlflow", "not-a-package-of-this-image==1.0"])
'''

_registry = None


def registry():
    """Creates the registry once, and copies it for each test."""
    global _registry
    if _registry is None:
        _registry = tempfile.mkdtemp(prefix="registry-")
        atexit.register(shutil.rmtree, _registry)
        subprocess.run(
            [sys.executable, "-c", MODELS], check=True, cwd=_registry, env=client_environment(_registry),
            stdout=subprocess.DEVNULL,
        )
    return _registry


def client_environment(folder):
    return {
        "PATH": os.environ["PATH"], "HOME": folder, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore",
    }


class ServingTestCase(PodTestCase):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        self.model.mkdir()
        self.ports = free_port(), free_port()

    def environment(self, name, version="1", **more):
        return {
            **client_environment(registry()), "PYTHONUNBUFFERED": "1",
            "MODEL_NAME": name, **({"MODEL_VERSION": version} if version else {}), "MODEL_ALIAS": "champion",
            "MODEL_DIRECTORY": str(self.model), "POD_NAMESPACE": "ml-serving", "SERVING_NAME": "churn-serving",
            "SERVING_PORT": str(self.ports[0]), "METRICS_PORT": str(self.ports[1]), **more,
        }

    def download(self, name, version="1", code=0, **more):
        return self.run_to_end("download_model.py", environment=self.environment(name, version, **more), code=code)

    def tags(self, name, version="1"):
        from mlflow.tracking import MlflowClient

        return MlflowClient(client_environment(registry())["MLFLOW_TRACKING_URI"]).get_model_version(name, version).tags

    def remove_tags(self, name, version="1"):
        """Those that another test left."""
        from mlflow.tracking import MlflowClient

        client = MlflowClient(client_environment(registry())["MLFLOW_TRACKING_URI"])
        for tag in client.get_model_version(name, version).tags:
            client.delete_model_version_tag(name, version, tag)

    @property
    def current(self) -> Path:
        return self.model / "version-1"

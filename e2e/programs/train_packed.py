"""Registers the model 'packed', which needs the package `tiny-lines`. Neither this pod nor MLflow's image has it."""

import importlib.metadata
import logging
import warnings

warnings.simplefilter("ignore")
logging.disable()
import mlflow
from mlflow.pyfunc import PythonModel


class Packed(PythonModel):
    def predict(self, context, model_input):
        import numpy
        import tiny_lines

        return [float(value) * tiny_lines.SLOPE for value in numpy.asarray(model_input).ravel()]


mlflow.set_experiment("lines")
with mlflow.start_run():
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in ("mlflow", "cloudpickle")]
    mlflow.pyfunc.log_model(
        name="model",
        python_model=Packed(),
        registered_model_name="packed",
        pip_requirements=[*pins, "tiny-lines==1.0"],
    )

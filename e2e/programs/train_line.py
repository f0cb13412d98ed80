"""Registers versions of the model 'line' and prints, as JSON, the predictions of the process that trained them.

Versions 1 and 2 work; 3 loads but cannot predict; 4 requires a package that no image has; 5 cannot be loaded.
"""

import json
import logging
import warnings

warnings.simplefilter("ignore")
logging.disable()
import mlflow
import numpy
from mlflow.pyfunc import PythonModel
from sklearn.linear_model import LinearRegression

X = numpy.array([[0.0], [1.0], [2.0]])
QUESTION = numpy.array([[10.0], [-3.5]])


class CannotPredict(PythonModel):
    def predict(self, context, model_input):
        # log_model tries the example too, in this process, which has the files.
        import os

        if "SERVING_NAME" in os.environ:
            raise ValueError("a table of the training host is not here")
        return [0.0 for _ in range(len(model_input))]


class CannotLoad(PythonModel):
    def load_context(self, context):
        import os

        if "SERVING_NAME" in os.environ:
            raise OSError("the dictionary is not here")

    def predict(self, context, model_input):
        return [0.0 for _ in range(len(model_input))]


def register(**options):
    info = mlflow.sklearn.log_model(
        name="model", registered_model_name="line", input_example=X, serialization_format="cloudpickle", **options
    )
    return info.registered_model_version


predictions = {}
mlflow.set_experiment("lines")
with mlflow.start_run():
    for slope in (2.0, 3.0):
        model = LinearRegression().fit(X, (X * slope + 1).ravel())
        predictions[register(sk_model=model)] = model.predict(QUESTION).tolist()
    mlflow.pyfunc.log_model(
        name="model", python_model=CannotPredict(), registered_model_name="line", input_example=X
    )
    register(sk_model=model, pip_requirements=["mlflow", "not-a-package-of-this-image==1.0"])
    mlflow.pyfunc.log_model(name="model", python_model=CannotLoad(), registered_model_name="line", input_example=X)
print(json.dumps({"question": QUESTION.tolist(), "predictions": predictions}))

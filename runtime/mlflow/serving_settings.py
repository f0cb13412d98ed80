"""What a serving pod is told by its environment, and what it tells the registry of a version that cannot be served."""

import os

MLMODEL = "MLmodel"


class CannotServe(Exception):
    """This version will never work here: its message says why, for a person to read."""


def model_in_words():
    version = os.environ.get("MODEL_VERSION", "").strip()
    name = f"'{os.environ['MODEL_NAME']}'"
    return f"version {version} of {name}" if version else name


def directory():
    return os.environ.get("MODEL_DIRECTORY", "/model")


def model_path():
    """Where the model lies once it is whole; nothing half downloaded is ever there, and no other version."""
    return os.path.join(directory(), f"version-{os.environ['MODEL_VERSION'].strip()}")


def tag(what):
    """`error`: this pod can never serve the version; `waiting`: it cannot now, by what may pass."""
    return f"deployment.{os.environ['POD_NAMESPACE']}.{os.environ['SERVING_NAME']}.{what}"


def patience():
    """MLflow's client tries again for minutes by itself; the programs here do that, with a line for each cause."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def client():
    from mlflow.tracking import MlflowClient

    return MlflowClient()


def tell(what, reason):
    """Writes the reason onto the model version, where the deployer and people read it."""
    try:
        client().set_model_version_tag(
            os.environ["MODEL_NAME"], os.environ["MODEL_VERSION"].strip(), tag(what), reason[:5000]
        )
    except Exception as error:
        print(f"The error could not be written to the registry: {one_line(error)}", flush=True)


def forget_failure():
    """Removes what an earlier attempt wrote."""
    for what in ("error", "waiting"):
        try:
            client().delete_model_version_tag(
                os.environ["MODEL_NAME"], os.environ["MODEL_VERSION"].strip(), tag(what)
            )
        except Exception as error:
            print(f"The error tag could not be removed from the registry: {one_line(error)}", flush=True)


def sentence(reason):
    """The same in log and registry: of which version, and why."""
    text = f"{model_in_words()} {reason}"
    return text[0].upper() + text[1:]


def one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:600]

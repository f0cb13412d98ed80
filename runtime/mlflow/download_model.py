"""Brings the version of the model that this pod is to serve into its volume, and sees that it can run here.

It waits, with one line for each cause, where nothing is wrong but time: no version yet, a version
that is not registered yet, a registry, a store or a package index that is away, a disk that is full.
It fails where no waiting helps, and says why to the registry too: a model that is broken, wants
another Python or what is not installed.
"""

import os
import random
import signal
import threading
import time
import traceback

import may_pass
import secret_files
import serving_settings as settings
from serving_settings import CannotServe, model_in_words, one_line


def whom_it_follows():
    name = os.environ["MODEL_NAME"]
    if alias := os.environ.get("MODEL_ALIAS"):
        return f"the alias '{alias}' of '{name}'"
    if stage := os.environ.get("MODEL_STAGE"):
        return f"a version of '{name}' in stage '{stage}'"
    return f"a version of '{name}'"


def reason_to_wait(error):
    from mlflow.exceptions import MlflowException

    code = error.error_code if isinstance(error, MlflowException) else ""
    if code == "RESOURCE_DOES_NOT_EXIST":
        return f"The registry has no {model_in_words()} yet: waiting for it."
    if code == "PERMISSION_DENIED":
        # MLflow's own login does not tell a user whether a model exists that the user may not read.
        return (
            f"The registry does not let this pod read {model_in_words()}, or has none yet, which MLflow's own login "
            f"answers alike: waiting for it. {one_line(error)}"
        )
    if code == "UNAUTHENTICATED" or "401" in str(error)[:200]:
        return f"The registry refuses this pod's login, waiting for another: {one_line(error)}"
    # The rest of an error of the network is what the client did about it.
    cause = may_pass.words(error).split("(Caused by ")[-1].removesuffix(")")
    return f"The registry {os.environ.get('MLFLOW_TRACKING_URI', '')} cannot be read, trying again: {cause}"


def registered():
    """False while the registry still takes the version in."""
    version = settings.client().get_model_version(os.environ["MODEL_NAME"], os.environ["MODEL_VERSION"])
    if version.status == "FAILED_REGISTRATION":
        raise CannotServe(f"Its registration failed: {version.status_message or 'the registry says no more'}.")
    return version.status == "READY"


def bring():
    import model_download
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    started = time.monotonic()
    uri = f"models:/{os.environ['MODEL_NAME']}/{os.environ['MODEL_VERSION']}"
    try:
        count, size = model_download.download(get_artifact_repository(uri))
    except (CannotServe, may_pass.MayPass):
        raise
    except Exception as error:
        if may_pass.is_no_space(error):
            raise
        # Whatever it is, the registry has the version, and the store may yet give its files.
        raise may_pass.MayPass(f"Its files cannot be downloaded: {may_pass.words(error)}")
    seconds = time.monotonic() - started
    print(f"Downloaded {model_in_words()}: {count} files, {size} bytes, {seconds:.1f} s.", flush=True)


def prepare():
    """The Python program that is to serve the model."""
    import model_requirements

    if os.path.isdir(settings.model_path()):
        print(f"The files of {model_in_words()} are already present.", flush=True)
    else:
        wait_for_registration()
        bring()
    return model_requirements.check(settings.model_path())


def wait_for_registration():
    wait = Wait(10)
    while True:
        # A changed login takes effect without a restart.
        secret_files.load()
        try:
            if registered():
                return
            wait.because(f"The registry still takes in {model_in_words()}: waiting for it.")
        except CannotServe:
            raise
        except Exception as error:
            wait.because(reason_to_wait(error))


class Wait:
    """Longer each time, and a line for each cause."""

    def __init__(self, longest):
        self.longest, self.attempt, self.said = longest, 0, None

    def because(self, reason, tell=lambda reason: None):
        if reason != self.said:
            print(reason, flush=True)
            tell(reason)
            self.said = reason
        time.sleep(min(self.longest, 0.5 * 1.5 ** min(self.attempt, 12)) * random.uniform(0.75, 1.25))
        self.attempt += 1


def work(outcome):
    import model_requirements

    wait = Wait(60)
    # Its end is the Deployment's progressDeadlineSeconds: then the deployer goes back, and tries again later.
    while True:
        secret_files.load()
        try:
            python = prepare()
            with open(model_requirements.python_file(), "w", encoding="utf-8") as file:
                file.write(python)
            outcome.append(0)
            return
        except CannotServe as error:
            reason = settings.sentence(f"cannot be served. {error}")
            settings.tell("error", reason)
            print(reason, flush=True)
            return
        except Exception as error:
            reason = str(error) if isinstance(error, may_pass.MayPass) else may_pass.cause(error)
            if reason is None:
                traceback.print_exc()
                return
            wait.because(
                settings.sentence(f"cannot be served yet, trying again. {reason}"),
                lambda reason: settings.tell("waiting", reason),
            )


def main():
    # PID 1 has no default for signals, and a download blocks: the work is in a thread, so that this one ends at once.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    if not os.environ.get("MODEL_VERSION", "").strip():
        print(f"No version yet: waiting for {whom_it_follows()}, which the deployer sets here.", flush=True)
        while True:
            signal.pause()
    os.environ["MODEL_VERSION"] = os.environ["MODEL_VERSION"].strip()
    settings.patience()
    secret_files.load()
    outcome = []
    thread = threading.Thread(target=work, args=(outcome,), daemon=True)
    thread.start()
    thread.join()
    raise SystemExit(outcome[0] if outcome else 1)


if __name__ == "__main__":
    main()

"""MLflow's scoring server as one process that ends in order, also as PID 1 of a container.

Nothing listens before the model is loaded and has answered its warm-up request. After SIGTERM it
goes on answering for a while, until every proxy has heard that the pod is going, then finishes
what runs and ends. `mlflow models serve` as PID 1 would ignore the signal.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
import traceback

import secret_files
import serving_settings as settings
from serving_settings import CannotServe, model_in_words, one_line

HOST = "0.0.0.0"
EXAMPLE = "serving_input_example.json"


def become_the_right_python():
    """The environment that has what the model requires, where one was made."""
    try:
        with open(os.path.join(settings.directory(), "python"), encoding="utf-8") as file:
            python = file.read().strip()
    except FileNotFoundError:
        return
    if python and python != sys.executable:
        os.execv(python, [python, *sys.argv])


def number(name, default):
    return float(os.environ.get(name, default))


def load():
    path = settings.model_path()
    if not os.path.isfile(os.path.join(path, settings.MLMODEL)):
        # No fault of the version, so the registry is not told.
        raise SystemExit(
            f"The files of {model_in_words()} are not in the volume: the init container download-model puts them there."
        )
    # The name is MLflow's own, for the app that it starts by itself.
    os.environ["__pyfunc_model_path__"] = path
    try:
        from mlflow.pyfunc.scoring_server.app import app
    except Exception as error:
        traceback.print_exc()
        raise CannotServe(f"It cannot be loaded: {one_line(error)}")
    return app


def warm_up_request():
    """Body and content type, or None."""
    wanted = os.environ.get("WARM_UP")
    if not wanted:
        return None
    if wanted == "model-example":
        wanted = os.path.join(settings.model_path(), EXAMPLE)
        if not os.path.isfile(wanted):
            print("It was logged without an example, so there is no warm-up request.", flush=True)
            return None
    with open(wanted, "rb") as file:
        return file.read(), os.environ.get("WARM_UP_CONTENT_TYPE", "application/json")


def warm_up(app, request):
    try:
        status, text = asyncio.run(ask_app(app, request))
    except Exception as error:
        traceback.print_exc()
        raise CannotServe(f"It loads but cannot predict: {one_line(error)}")
    if status != 200:
        print(text[:8000], flush=True)
        raise CannotServe(f"It loads but cannot predict: its warm-up request was answered with {status}: {said(text)}")


async def ask_app(app, request):
    from serving_app import ask

    body, content_type = request
    return await ask(app, "/invocations", body, content_type)


def said(text):
    """The message of an answer of MLflow, with the last line of a traceback, which names the cause."""
    try:
        answer = json.loads(text)
        message = answer.get("message", text)
        trace = (answer.get("stack_trace") or "").strip().splitlines()
    except (ValueError, AttributeError):
        message, trace = text, []
    return " ".join(f"{message} {trace[-1] if trace else ''}".split())[:600]


def start_metrics():
    from serving_app import Metrics, NoMetrics

    try:
        from prometheus_client import start_http_server
    except ImportError:
        print("There are no metrics: this image has no prometheus_client.", flush=True)
        return NoMetrics()
    start_http_server(int(number("METRICS_PORT", 9090)), HOST)
    return Metrics(os.environ["MODEL_NAME"], os.environ["MODEL_VERSION"])


def serve(app):
    import uvicorn

    linger = number("LINGER_SECONDS", 8)

    class Server(uvicorn.Server):
        def handle_exit(self, sig, frame):
            if app.draining:
                return
            app.draining = True
            print(f"Signal {sig}: goes on for {linger:g} s, then finishes what runs.", flush=True)
            timer = threading.Timer(linger, self.stop)
            timer.daemon = True
            timer.start()

        def stop(self):
            self.should_exit = True

    config = uvicorn.Config(
        app,
        host=HOST,
        port=int(number("SERVING_PORT", 8080)),
        log_level="warning",
        access_log=False,
        # Longer than any proxy keeps an idle connection, so that none is closed under a request.
        timeout_keep_alive=620,
        timeout_graceful_shutdown=int(number("DRAIN_SECONDS", 60)),
    )
    Server(config).run()
    print("Ended.", flush=True)


def main():
    started = time.monotonic()
    # As PID 1 the default would be to ignore it; uvicorn takes over when it serves.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    become_the_right_python()
    secret_files.load()
    settings.patience()
    try:
        mlflow_app = load()
        loaded = time.monotonic()
        request = warm_up_request()
        if request:
            warm_up(mlflow_app, request)
    except CannotServe as error:
        reason = f"{model_in_words()} cannot be served. {error}"
        reason = reason[0].upper() + reason[1:]
        settings.tell_failure(reason)
        print(reason, flush=True)
        raise SystemExit(1)
    from serving_app import ServingApp

    timeout = number("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", 60)
    app = ServingApp(mlflow_app, int(number("MAX_REQUEST_BYTES", 16 * 1024 * 1024)), timeout, start_metrics())
    now = time.monotonic()
    print(
        f"Serves {model_in_words()}: loaded in {loaded - started:.1f} s, "
        f"{f'warmed up in {now - loaded:.1f} s' if request else 'not warmed up'}.",
        flush=True,
    )
    threading.Thread(target=settings.forget_failure, daemon=True).start()
    serve(app)


if __name__ == "__main__":
    main()

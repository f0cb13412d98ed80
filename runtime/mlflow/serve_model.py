"""MLflow's scoring server as one process that ends in order, also as PID 1 of a container.

Nothing listens before the model is loaded and has answered its warm-up request. After SIGTERM it
goes on answering for a while, until every proxy has heard that the pod is going, then finishes
what runs and ends. `mlflow models serve` as PID 1 would ignore the signal.
"""

import asyncio
import functools
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback

import may_pass
import secret_files
import serving_settings as settings
from serving_settings import CannotServe, model_in_words, one_line

TIMEOUT = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"
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
    check_mlflow()
    try:
        from mlflow.pyfunc import scoring_server

        return scoring_server.load_model_with_mlflow_config(path)
    except Exception as error:
        traceback.print_exc()
        if cause := may_pass.cause(error):
            raise may_pass.MayPass(f"It cannot be loaded now. {cause}")
        raise CannotServe(f"It cannot be loaded: {one_line(error)}")


def check_mlflow():
    """No fault of the version, unless its requirements brought another MLflow than the image's."""
    from required import Missing, required, required_module

    try:
        scoring_server = required_module("mlflow.pyfunc.scoring_server")
        for name in ("load_model_with_mlflow_config", "init"):
            required(scoring_server, name)
        required(required_module("mlflow.environment_variables"), TIMEOUT)
    except Missing as error:
        packages = os.environ.get("PACKAGES_DIRECTORY")
        if packages and sys.executable.startswith(os.path.join(packages, "")):
            raise CannotServe(f"Its requirements install an MLflow version that cannot serve it: {error}")
        raise


def mlflow_app(model, timeout):
    """MLflow's app, which takes its time-out once, from the environment."""
    from mlflow.pyfunc import scoring_server

    before = os.environ.get(TIMEOUT)
    os.environ[TIMEOUT] = str(int(timeout))
    try:
        return scoring_server.init(model)
    finally:
        if before is None:
            del os.environ[TIMEOUT]
        else:
            os.environ[TIMEOUT] = before


def warm_up_request():
    """Body and content type, or None."""
    wanted = os.environ.get("WARM_UP")
    if not wanted:
        return None
    if wanted == "model-example":
        wanted = os.path.join(settings.model_path(), EXAMPLE)
        if not os.path.isfile(wanted):
            print("It was logged without an input example, so no warm-up request is sent.", flush=True)
            return None
    with open(wanted, "rb") as file:
        return file.read(), os.environ.get("WARM_UP_CONTENT_TYPE", "application/json")


def warm_up(model, request, timeout):
    """In the time of a start, not of a request: the first prediction may compile or fetch what the others then have."""
    errors = []
    predict = model.predict

    @functools.wraps(predict)
    def remembering(*args, **kwargs):
        try:
            return predict(*args, **kwargs)
        except Exception as error:
            errors.append(error)
            raise

    # MLflow answers with the text of the error alone.
    model.predict = remembering
    try:
        # Not asyncio.run, which would wait for a prediction that hangs.
        status, text = asyncio.new_event_loop().run_until_complete(ask_app(mlflow_app(model, timeout), request))
    except Exception as error:
        traceback.print_exc()
        raise CannotServe(f"It loads but cannot predict: {one_line(error)}")
    finally:
        del model.predict
    if status == 200:
        return
    print(text[:8000], flush=True)
    if status == 504:
        raise may_pass.MayPass(
            f"Its warm-up request was not answered within {timeout:.0f} s; expected a larger startTimeout if its first "
            "prediction takes longer."
        )
    if cause := next(filter(None, map(may_pass.cause, errors)), None):
        raise may_pass.MayPass(f"It loads but cannot predict now. {cause}")
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
        print("Metrics are off: this image has no prometheus_client.", flush=True)
        return NoMetrics()
    port = int(number("METRICS_PORT", 9090))
    try:
        start_http_server(port, "::" if socket.has_dualstack_ipv6() else "0.0.0.0")
    except OSError:
        # An old prometheus_client knows no IPv6.
        start_http_server(port, "0.0.0.0")
    return Metrics(os.environ["MODEL_NAME"], os.environ["MODEL_VERSION"])


def listener(port):
    """For IPv4 and IPv6, as the pod has them."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, backlog=2048, dualstack_ipv6=True)
    return socket.create_server(("0.0.0.0", port), backlog=2048)


def serve(app):
    import uvicorn
    from required import required
    from serving_protocol import protocol

    required(uvicorn.Server, "handle_exit", "uvicorn")

    linger, drain = number("LINGER_SECONDS", 8), number("DRAIN_SECONDS", 60)

    class Server(uvicorn.Server):
        def handle_exit(self, sig, frame):
            if app.draining:
                return
            app.draining = True
            print(f"Signal {sig}: keeps serving for {linger:g} s, then finishes the running requests.", flush=True)
            timer = threading.Timer(linger, self.stop)
            timer.daemon = True
            timer.start()

        def stop(self):
            self.should_exit = True
            # A prediction that hangs would hold the process, as Python waits for its threads.
            timer = threading.Timer(drain + 2, lambda: os._exit(0))
            timer.daemon = True
            timer.start()

    config = uvicorn.Config(
        app,
        # Of uvicorn's two the one that can be told to wait no longer for a request's head.
        http=protocol(number("HEAD_SECONDS", 15)),
        lifespan="off",
        log_level="warning",
        access_log=False,
        # Longer than any proxy keeps an idle connection, so that none is closed under a request.
        timeout_keep_alive=620,
        timeout_graceful_shutdown=int(drain),
    )
    with listener(int(number("SERVING_PORT", 8080))) as listening:
        Server(config).run(sockets=[listening])
    print("Exited.", flush=True)


def limits(timeout):
    from serving_app import Limits

    largest = int(number("MAX_REQUEST_BYTES", 16 * 1024 * 1024))
    return Limits(
        timeout=timeout,
        request_bytes=largest,
        requests=int(number("MAX_REQUESTS", 100)),
        bytes=max(largest, int(number("MAX_REQUESTS_BYTES", 256 * 1024 * 1024))),
        threads=int(number("PREDICTION_THREADS", min(32, (os.cpu_count() or 1) + 4))),
    )


def main():
    started = time.monotonic()
    # As PID 1 the default would be to ignore it; uvicorn takes over when it serves.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    become_the_right_python()
    secret_files.load()
    settings.patience()
    try:
        model = load()
        loaded = time.monotonic()
        request = warm_up_request()
        if request:
            # Before the startup probe ends the pod, whose log would not say why.
            warm_up(model, request, max(1, number("START_SECONDS", 600) - 10 - (loaded - started)))
    except (CannotServe, may_pass.MayPass) as error:
        for_good = isinstance(error, CannotServe)
        reason = settings.sentence(f"cannot be served{'' if for_good else ' yet, trying again'}. {error}")
        settings.tell("error" if for_good else "waiting", reason)
        print(reason, flush=True)
        # A prediction that hangs would hold the process.
        os._exit(1)
    from serving_app import ServingApp

    timeout = number(TIMEOUT, 60)
    app = ServingApp(mlflow_app(model, timeout), limits(timeout), start_metrics())
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

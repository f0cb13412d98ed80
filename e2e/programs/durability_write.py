"""Logs runs with parameters, metrics and artifacts without pause, by MLflow's own client with its default retries.

durability_write.py THREADS RECORD STOP [PAUSE]

RECORD gets a line for each call that returned, which the server has acknowledged, and for each call that failed.
PAUSE is the seconds between two runs of a thread, 0 by default. The writer ends when the file STOP exists. The server and the login come from the environment.
"""

import hashlib
import json
import logging
import os
import sys
import tempfile
import threading
import time

from mlflow import MlflowClient

threads, record_name, stop = int(sys.argv[1]), sys.argv[2], sys.argv[3]
pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0
lock = threading.Lock()
record = open(record_name, "a", buffering=1)


def note(**what):
    with lock:
        record.write(json.dumps({"at": round(time.time(), 3), **what}) + "\n")


class Retries(logging.Handler):
    """Records the retries of the client, which are not failures."""

    def emit(self, line):
        if line.msg.startswith("Retry"):
            note(retried=line.getMessage()[:300])


requests = logging.getLogger("urllib3.connectionpool")
requests.addHandler(Retries())
requests.setLevel(logging.DEBUG)
requests.propagate = False


def attempt(kind, run, call, **what):
    """Makes one call and records its outcome."""
    try:
        answer = call()
    except Exception as error:
        note(failed=kind, run=run, error=f"{type(error).__name__}: {error}"[:500])
        return None
    note(done=kind, run=run or answer.info.run_id, **what)
    return answer


def one_run(client, experiment, name, folder):
    run = attempt("run", None, lambda: client.create_run(experiment, run_name=name), name=name)
    if run is None:
        return
    run = run.info.run_id
    for key in ("a", "b"):
        value = os.urandom(8).hex()
        attempt("param", run, lambda: client.log_param(run, key, value), key=key, value=value)
    for step in range(4):
        value = int.from_bytes(os.urandom(4), "big")
        attempt("metric", run, lambda: client.log_metric(run, "m", value, step=step), step=step, value=value)
    content = os.urandom(96 * 1024)
    path = os.path.join(folder, "data.bin")
    with open(path, "wb") as file:
        file.write(content)
    checksum = hashlib.sha256(content).hexdigest()
    attempt("artifact", run, lambda: client.log_artifact(run, path), path="data.bin", checksum=checksum)
    attempt("end", run, lambda: client.set_terminated(run))


def work(thread, experiment):
    client = MlflowClient()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        while not os.path.exists(stop):
            begun = time.time()
            one_run(client, experiment, f"{thread}-{count}", folder)
            note(round=thread, begun=begun)
            count += 1
            time.sleep(pause)


client = MlflowClient()
experiment = client.create_experiment("durability")
workers = [threading.Thread(target=work, args=(thread, experiment)) for thread in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
note(stopped=True)

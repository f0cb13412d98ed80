"""soak_reader.py SECONDS: looks at runs, models and artifacts as people in the UI do, until /tmp/stop exists.

It uses MLflow's own client with its default retries, one request at a time, and prints at its end, as JSON, how many calls
of each kind it made, those that failed for good, and the 99th percentile of the durations in seconds.
"""

import collections
import json
import os
import sys
import tempfile
import time

from mlflow import MlflowClient

end = time.monotonic() + float(sys.argv[1])
PAUSE = 0.3
client = MlflowClient()
counts, failures, durations = collections.Counter(), [], []


def call(kind, do):
    start = time.monotonic()
    try:
        return do()
    except Exception as error:
        failures.append(f"{time.time():.1f} {kind}: {type(error).__name__}: {error}"[:300])
        return None
    finally:
        counts[kind] += 1
        durations.append(time.monotonic() - start)
        time.sleep(PAUSE)


def download(run_id):
    with tempfile.TemporaryDirectory() as folder:
        return client.download_artifacts(run_id, "data.bin", folder)


while time.monotonic() < end and not os.path.exists("/tmp/stop"):
    experiments = call("experiments", client.search_experiments) or []
    ids = [experiment.experiment_id for experiment in experiments]
    newest = call("runs", lambda: client.search_runs(ids, max_results=20, filter_string="status = 'FINISHED'")) or []
    call("models", client.search_registered_models)
    if newest:
        run_id = newest[0].info.run_id
        call("run", lambda: client.get_run(run_id))
        call("history", lambda: client.get_metric_history(run_id, "m"))
        call("artifacts", lambda: client.list_artifacts(run_id))
        call("download", lambda: download(run_id))
durations.sort()
p99 = durations[int(0.99 * (len(durations) - 1))] if durations else 0
print(json.dumps({"counts": counts, "failures": failures[:20], "failed": len(failures), "p99": round(p99, 3)}))

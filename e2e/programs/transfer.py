"""Uploads one artifact through the proxy with MLflow's own client, downloads it and compares the two.

transfer.py MEBIBYTES

Prints as JSON the seconds of both, and whether the two are the same. The exit code is 1 if they differ.
"""

import hashlib
import json
import os
import sys
import tempfile
import time

from mlflow import MlflowClient

MEBIBYTE = 1024 * 1024


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "large.bin")
    with open(path, "wb") as file:
        for _ in range(int(sys.argv[1])):
            file.write(os.urandom(MEBIBYTE))
    client = MlflowClient()
    run = client.create_run("0").info.run_id
    times = [time.time()]
    client.log_artifact(run, path)
    times.append(time.time())
    back = client.download_artifacts(run, "large.bin", tempfile.mkdtemp(dir=folder))
    times.append(time.time())
    same = checksum(back) == checksum(path)
print(json.dumps({"up": round(times[1] - times[0], 1), "down": round(times[2] - times[1], 1), "same": same}))
sys.exit(not same)

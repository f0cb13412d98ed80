"""Logs an artifact of argv[1] MiB through MLflow's own client, fetches it again, and prints how long both took.

The server, the login and the authority of its certificate come from the environment (MLFLOW_TRACKING_…).
"""

import hashlib
import os
import sys
import tempfile
import time

import mlflow

MEBIBYTE = 1024 * 1024


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "large.bin")
    with open(path, "wb") as file:
        for _ in range(int(sys.argv[1])):
            file.write(os.urandom(MEBIBYTE))
    mlflow.set_experiment("large artifacts")
    start = time.monotonic()
    with mlflow.start_run() as run:
        mlflow.log_artifact(path)
    up = time.monotonic()
    fetched = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="large.bin", dst_path=os.path.join(folder, "fetched")
    )
    down = time.monotonic()
    print(f"up {up - start:.1f} s, down {down - up:.1f} s")
    print("same" if checksum(fetched) == checksum(path) else "different")

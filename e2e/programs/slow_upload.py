"""Uploads an artifact at 10 KiB a second for argv[1] seconds, downloads it and compares the two.

The server, the login and the certificate authority come from the environment (MLFLOW_TRACKING_…).
"""

import os
import sys
import time

import requests

CHUNK = os.urandom(10 * 1024)
seconds = int(sys.argv[1])
url = f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow-artifacts/artifacts/slow/line.bin"
session = requests.Session()
session.auth = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
session.verify = os.environ["MLFLOW_TRACKING_SERVER_CERT_PATH"]


def slowly():
    for _ in range(seconds):
        time.sleep(1)
        yield CHUNK


answer = session.put(url, data=slowly())
print(answer.status_code, "same" if session.get(url).content == CHUNK * seconds else answer.text)

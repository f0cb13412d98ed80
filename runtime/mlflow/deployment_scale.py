"""The number of pods of one Deployment, at the API server, with the token of the pod's ServiceAccount."""

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from schema import Failure, say

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT_DIRECTORY", "/var/run/secrets/kubernetes.io/serviceaccount"))


class Scale:
    def __init__(self, name):
        self.name = name
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        host = f"[{host}]" if ":" in host else host
        namespace = (ACCOUNT / "namespace").read_text().strip()
        self.url = f"https://{host}:{port}/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"

    def get(self):
        """Replicas; None if the Deployment does not exist."""
        answer = self.call("GET")
        return None if answer is None else answer["spec"].get("replicas", 0)

    def set(self, replicas, patience=0):
        """Tries again for so many seconds, e.g. while the API server is upgraded."""
        deadline, pause = time.monotonic() + patience, 1
        while True:
            try:
                self.call("PATCH", {"spec": {"replicas": replicas}})
                return
            except Failure as failure:
                if time.monotonic() + pause > deadline:
                    raise
                say(f"{failure}. Trying again in {pause} s.")
            time.sleep(pause)
            pause = min(pause * 2, 30)

    def call(self, method, body=None):
        headers = {
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
            "Content-Type": "application/merge-patch+json",
        }
        request = urllib.request.Request(self.url, body and json.dumps(body).encode(), headers, method=method)
        # No proxy is on the way to it.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))),
        )
        try:
            with opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise Failure(f"The Deployment {self.name} could not be scaled: {error.code} {error.reason}") from None
        except OSError as error:
            raise Failure(f"The Deployment {self.name} could not be scaled: {error}") from None

"""Gives oauth2-proxy, on the pod's loopback, the keys with which the cluster signs the tokens of ServiceAccounts.

The API server gives them only to a client that logs in, which oauth2-proxy cannot. This program does, with the token of
its pod, and it is the only container that has that token. It also writes, before it answers, the settings of oauth2-proxy
that are known in the cluster only: the issuer, which that token names, and a random value for secrets that are not used, as
oauth2-proxy does not start without them.

The keys are asked for when oauth2-proxy asks, at most once in some seconds: it does so at its first token, and again at each
token with an unknown key, so that a new key counts within those seconds.
"""

import base64
import json
import os
import secrets
import signal
import ssl
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ACCOUNT = Path(os.environ.get("ACCOUNT_DIRECTORY", "/run/secrets/api-server"))
SETTINGS = Path(os.environ.get("SETTINGS_DIRECTORY", "/run/account-tokens"))
PORT = int(os.environ.get("ACCOUNT_KEYS_PORT", "4183"))

FRESH_SECONDS = 5  # A caller can send any number of tokens with unknown keys.
PATIENCE = 10  # Seconds, for the API server.
LARGEST = 1 << 20


class Failure(Exception):
    pass


def token():
    """Read each time: the kubelet renews it."""
    return (ACCOUNT / "token").read_text("ascii").strip()


def issuer_of(jwt):
    try:
        payload = jwt.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"]
    except (IndexError, KeyError, TypeError, ValueError):
        raise Failure("The token of the pod names no issuer, so tokens of this cluster cannot be checked.") from None
    if not isinstance(issuer, str) or not issuer.startswith("https://"):
        raise Failure(f"The issuer of the cluster's tokens is {issuer!r}; expected a URL with the scheme https.")
    return issuer


def write_settings(issuer):
    SETTINGS.mkdir(parents=True, exist_ok=True)
    write("secret", secrets.token_hex(16))
    # A string of TOML is one of JSON, except for characters that no URL has. Last, as the pod waits for it.
    write("oauth2-proxy.cfg", f"oidc_issuer_url = {json.dumps(issuer)}\n")


def write(name, text):
    """Never half of it, also while another container reads it."""
    new = SETTINGS / f".{name}"
    new.write_text(text, "ascii")
    new.replace(SETTINGS / name)


def address():
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/openid/v1/jwks"


class Keys:
    """The answer of the API server. One that is out of date counts while it does not answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answer, self.asked = None, None

    def get(self):
        with self.lock:
            if self.asked is None or time.monotonic() - self.asked > FRESH_SECONDS:
                try:
                    self.answer = fetch()
                except (OSError, ValueError) as error:
                    say(f"The API server does not give the keys of its tokens: {error}")
                self.asked = time.monotonic()
            return self.answer


def fetch():
    request = urllib.request.Request(address(), headers={"Authorization": f"Bearer {token()}"})
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    # A proxy of the network is not for the API server.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=PATIENCE) as response:
        body = response.read(LARGEST)
    answer = json.loads(body)
    if not isinstance(answer, dict) or not isinstance(answer.get("keys"), list):
        raise ValueError("the answer is no list of keys")
    return body


def handler(keys):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self):
            body = keys.get() if self.path == "/jwks" else None
            status = 404 if self.path != "/jwks" else 503 if body is None else 200
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    return Handler


def say(text):
    print(f"account_keys.py: {text}", file=sys.stderr, flush=True)


def main():
    # As PID 1 the default would be to ignore it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        issuer = issuer_of(token())
        server = ThreadingHTTPServer(("127.0.0.1", PORT), handler(Keys()))
        write_settings(issuer)
    except (Failure, OSError) as failure:
        sys.exit(f"account_keys.py: {failure}")
    say(f"ServiceAccounts log in with tokens of {issuer}")
    server.serve_forever()


if __name__ == "__main__":
    main()

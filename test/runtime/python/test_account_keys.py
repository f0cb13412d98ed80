import base64
import contextlib
import http.server
import io
import json
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock

from support import PROGRAMS, free_port

sys.path.insert(0, str(PROGRAMS))
import account_keys

ISSUER = "https://kubernetes.default.svc.cluster.local"
KEYS = {"keys": [{"kid": "1", "kty": "RSA"}]}


def token(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJSUzI1NiJ9.{part}.signature"


class IssuerTest(unittest.TestCase):
    def test_the_issuer_is_that_of_the_pods_token(self):
        for issuer in (ISSUER, "https://oidc.eks.eu-west-1.amazonaws.com/id/1A2B", "https://a/ü?"):
            self.assertEqual(account_keys.issuer_of(token(iss=issuer)), issuer)

    def test_what_names_no_issuer_is_refused(self):
        for wrong in ("", "x", "a.b.c", token(), token(iss=1), token(iss="http://plain"), token(iss="kubernetes/serviceaccount")):
            with self.subTest(wrong), self.assertRaises(account_keys.Failure):
                account_keys.issuer_of(wrong)


class SettingsTest(unittest.TestCase):
    def test_the_issuer_is_a_string_of_the_file_and_the_secret_has_the_length_that_oauth2_proxy_wants(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(account_keys, "SETTINGS", Path(folder, "new")):
            account_keys.write_settings(ISSUER)
            written = {file.name: file.read_text() for file in Path(folder, "new").iterdir()}
        self.assertEqual(written["oauth2-proxy.cfg"], f'oidc_issuer_url = "{ISSUER}"\n')
        self.assertRegex(written["secret"], r"^[0-9a-f]{32}$")
        self.assertEqual(len(written), 2)


class ApiServer:
    """With a certificate that is its own authority."""

    def __init__(self, folder):
        self.status, self.body, self.asked = 200, json.dumps(KEYS), []
        server = self
        certificate, key = Path(folder, "ca.crt"), Path(folder, "key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate,
             "-subj", "/CN=api", "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True,
        )

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append((self.path, self.headers["Authorization"]))
                self.send_response(server.status)
                self.end_headers()
                self.wfile.write(server.body.encode())

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


class KeysTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.api = ApiServer(folder)
        self.addCleanup(self.api.http.server_close)
        self.addCleanup(self.api.http.shutdown)
        self.token = Path(folder, "token")
        self.token.write_text("first\n")
        self.enterContext(mock.patch.object(account_keys, "ACCOUNT", Path(folder)))
        port = str(self.api.http.server_port)
        # A proxy of the network is not asked.
        self.enterContext(mock.patch.dict("os.environ", {
            "KUBERNETES_SERVICE_HOST": "localhost", "KUBERNETES_SERVICE_PORT_HTTPS": port, "HTTPS_PROXY": "http://127.0.0.1:9",
        }))
        self.said = self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        self.enterContext(mock.patch.object(account_keys, "FRESH_SECONDS", 0.0))
        self.port = free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), account_keys.handler(account_keys.Keys()))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def ask(self, path="/jwks"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, None

    def test_the_keys_are_asked_for_with_the_token_that_the_pod_has_now(self):
        self.assertEqual(self.ask(), (200, KEYS))
        self.token.write_text("second")
        self.ask()
        self.assertEqual(
            self.api.asked, [("/openid/v1/jwks", "Bearer first"), ("/openid/v1/jwks", "Bearer second")]
        )

    def test_nothing_else_is_there(self):
        self.assertEqual([self.ask(path)[0] for path in ("/", "/token", "/jwks/..", "/none")], [404] * 4)
        self.assertEqual(self.api.asked, [])

    def test_many_questions_make_one_to_the_api_server(self):
        with mock.patch.object(account_keys, "FRESH_SECONDS", 60):
            for _ in range(5):
                self.ask()
        self.assertEqual(len(self.api.asked), 1)

    def test_old_keys_count_while_the_api_server_does_not_answer(self):
        self.ask()
        for self.api.status, self.api.body in ((500, ""), (200, "x"), (200, "{}"), (200, "[]"), (403, "{}")):
            self.assertEqual(self.ask(), (200, KEYS))
        self.assertIn("does not give the keys", self.said.getvalue())
        self.assertNotIn("first", self.said.getvalue())

    def test_without_any_keys_it_is_not_available(self):
        self.api.status = 403
        self.assertEqual(self.ask(), (503, None))

    def test_a_server_with_another_certificate_gets_no_token(self):
        with tempfile.TemporaryDirectory() as folder:
            ApiServer(folder).http.server_close()
            with mock.patch.object(account_keys, "ACCOUNT", Path(folder)):
                Path(folder, "token").write_text("first")
                self.assertEqual(self.ask(), (503, None))
        self.assertEqual(self.api.asked, [])


if __name__ == "__main__":
    unittest.main()

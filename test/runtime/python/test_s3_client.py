"""The effect of the variables of lib/artifacts/existing-bucket.ts on the S3 client of MLflow."""

import ast
import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

import requests
from mlflow.store.artifact import s3_artifact_repo
from support import PROGRAMS, until

sys.path.insert(0, str(PROGRAMS))
from secret_files import BUNDLE_VARIABLES  # noqa: E402

KEY = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_DEFAULT_REGION": "eu-west-1"}
ENDPOINT = {
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}


def client(**variables):
    """Returns MLflow's own client, with these variables and no others of the machine."""
    s3_artifact_repo._cached_get_s3_client.cache_clear()
    with mock.patch.dict(os.environ, {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **KEY, **variables}, clear=True):
        return s3_artifact_repo._get_s3_client()


def host_and_path(s3):
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "x"})
    return url.split("?")[0]


class AddressingStyle(unittest.TestCase):
    def test_path(self):
        s3 = client(MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="path", MLFLOW_S3_ENDPOINT_URL="https://s3.example.com")
        self.assertEqual(host_and_path(s3), "https://s3.example.com/models/x")

    def test_virtual(self):
        s3 = client(MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="virtual", MLFLOW_S3_ENDPOINT_URL="https://s3.example.com")
        self.assertEqual(host_and_path(s3), "https://models.s3.example.com/x")

    def test_a_path_at_amazon(self):
        s3 = client(MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="path")
        self.assertEqual(host_and_path(s3), "https://s3.eu-west-1.amazonaws.com/models/x")


class Store(http.server.BaseHTTPRequestHandler):
    """Accepts each upload, and records its headers."""

    # With HTTP/1.1 the server answers `Expect: 100-continue`, for which boto3 waits.
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.server.uploads.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        """An empty bucket."""
        body = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(test):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.uploads = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return server


class Checksums(unittest.TestCase):
    def setUp(self):
        self.server = serve(self)

    def upload(self, **variables):
        endpoint = f"http://127.0.0.1:{self.server.server_port}"
        s3 = client(MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="path", MLFLOW_S3_ENDPOINT_URL=endpoint, **variables)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"text")
            file.flush()
            s3.upload_file(file.name, "models", "x")
        [headers] = self.server.uploads
        return [name for name in headers if "checksum" in name or name == "x-amz-trailer"]

    def test_none_if_they_are_not_required(self):
        self.assertEqual(self.upload(**ENDPOINT), [])

    # Shows that the variables are needed.
    def test_boto3_adds_them_by_itself(self):
        self.assertNotEqual(self.upload(), [])

    def test_answers_are_checked_only_if_required(self):
        self.assertEqual(client(**ENDPOINT).meta.config.response_checksum_validation, "when_required")
        self.assertEqual(client().meta.config.response_checksum_validation, "when_supported")


class Authority(unittest.TestCase):
    """A store whose certificate is from an unknown authority."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.certificate, key = self.folder / "ca.crt", self.folder / "key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate],
            check=True, stderr=subprocess.DEVNULL,
        )
        self.server = serve(self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.endpoint = f"https://127.0.0.1:{self.server.server_port}"

    def upload(self, **variables):
        variables = {"MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "path", "MLFLOW_S3_ENDPOINT_URL": self.endpoint, **ENDPOINT, **variables}
        file = self.folder / "file"
        file.write_text("text")
        with mock.patch.dict(os.environ, {**KEY, **variables}):
            s3_artifact_repo._cached_get_s3_client.cache_clear()
            s3_artifact_repo.S3ArtifactRepository("s3://models").log_artifact(str(file))

    def test_mlflow_trusts_it_if_configured(self):
        self.upload(AWS_CA_BUNDLE=str(self.certificate))
        self.assertEqual(len(self.server.uploads), 1)
        with self.assertRaisesRegex(Exception, "SSL validation failed"):
            self.upload()

    def test_mlflow_and_requests_trust_the_authority_of_the_platform_and_the_public_ones(self):
        variables = {"AUTHORITY_FILE": str(self.certificate), "MLFLOW_SECRETS_DIRECTORY": "/nonexistent"}
        shown = "import os, secret_files; secret_files.load(); print(dict(os.environ))"
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(self.folder), "PYTHONPATH": str(PROGRAMS), **variables}
        run = subprocess.run([sys.executable, "-c", shown], env=environment, capture_output=True, text=True, check=True)
        told = ast.literal_eval(run.stdout)
        bundle = str(self.folder / "authorities.crt")
        self.assertEqual([told[name] for name in BUNDLE_VARIABLES], [bundle] * 4)
        self.upload(AWS_CA_BUNDLE=told["AWS_CA_BUNDLE"])
        self.assertEqual(len(self.server.uploads), 1)
        with mock.patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": told["REQUESTS_CA_BUNDLE"]}):
            self.assertEqual(requests.put(f"{self.endpoint}/models/file", data=b"text").status_code, 200)
        context = ssl.create_default_context(cafile=bundle)
        self.assertGreater(len(context.get_ca_certs()), 100)

    def test_a_variable_of_the_user_takes_precedence_and_a_file_without_a_certificate_ends_the_program(self):
        program = [sys.executable, PROGRAMS / "secret_files.py", "printenv", "AWS_CA_BUNDLE"]
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(self.folder), "AUTHORITY_FILE": str(self.certificate)}
        run = subprocess.run(program, env={**environment, "AWS_CA_BUNDLE": "/own.crt"}, capture_output=True, text=True)
        self.assertEqual(run.stdout, "/own.crt\n")
        (self.folder / "empty").write_text("")
        environment["AUTHORITY_FILE"] = str(self.folder / "empty")
        run = subprocess.run(program, env=environment, capture_output=True, text=True)
        self.assertEqual((run.returncode, "it has no certificate" in run.stderr), (1, True))

    def test_mlflow_sends_the_arguments_of_uploads(self):
        self.upload(
            AWS_CA_BUNDLE=str(self.certificate),
            MLFLOW_S3_UPLOAD_EXTRA_ARGS='{"ServerSideEncryption":"aws:kms","SSEKMSKeyId":"alias/mlflow"}',
        )
        [headers] = self.server.uploads
        self.assertEqual(headers["x-amz-server-side-encryption"], "aws:kms")
        self.assertEqual(headers["x-amz-server-side-encryption-aws-kms-key-id"], "alias/mlflow")

    def rclone(self, remote, **variables):
        """Returns the result of run-rclone.sh for a request to list that remote."""
        work, secrets = (Path(self.enterContext(tempfile.TemporaryDirectory())) for _ in range(2))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TARGET_ACCESS_KEY_ID", "TARGET_SECRET_ACCESS_KEY"):
            (secrets / name).write_text("key")
        (work / "part").write_text(f"lsf\n{remote}\n--retries=1\n--low-level-retries=1\n")
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(work), "WORK_DIRECTORY": str(work), "MLFLOW_SECRETS_DIRECTORY": str(secrets),
            "STORE_URI": "s3://models", "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "TARGET_REMOTE": "bucket:backups", "TARGET_ENDPOINT": self.endpoint, **variables,
        }
        sidecar = subprocess.Popen(["sh", PROGRAMS.parent / "rclone" / "run-rclone.sh"], env=environment)
        self.addCleanup(sidecar.wait)
        self.addCleanup(sidecar.terminate)
        (work / "part").rename(work / "1.rclone")
        until(lambda: (work / "1.code").exists(), "the end of rclone")
        return (work / "1.code").read_text().strip(), (work / "1.errors").read_text()

    def test_rclone_trusts_that_of_the_store_and_that_of_the_target(self):
        for remote, variable in (
            ("source:", "AWS_CA_BUNDLE"), ("target:", "TARGET_CA_BUNDLE"),
            ("source:", "AUTHORITY_FILE"), ("target:", "AUTHORITY_FILE"),
        ):
            with self.subTest(remote):
                self.assertEqual(self.rclone(remote, **{variable: str(self.certificate)}), ("0", ""))
                self.assertIn("x509", self.rclone(remote)[1])

    def test_rclone_reports_that_the_file_of_the_authority_is_missing(self):
        code, errors = self.rclone("source:", AWS_CA_BUNDLE="/nonexistent")
        self.assertEqual(code, "1")
        self.assertIn("/nonexistent", errors)


if __name__ == "__main__":
    unittest.main()

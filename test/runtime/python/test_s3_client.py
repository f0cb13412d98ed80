"""What the variables of lib/artifacts/existing-bucket.ts make of the client by which MLflow speaks to a store."""

import http.server
import os
import tempfile
import threading
import unittest
from unittest import mock

from mlflow.store.artifact import s3_artifact_repo

KEY = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_DEFAULT_REGION": "eu-west-1"}
ENDPOINT = {
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}


def client(**variables):
    """MLflow's own, with these variables and no others of the machine."""
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
    """Takes each upload, and keeps its headers."""

    def do_PUT(self):
        self.server.uploads.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Checksums(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
        self.server.uploads = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def upload(self, **variables):
        endpoint = f"http://127.0.0.1:{self.server.server_port}"
        s3 = client(MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="path", MLFLOW_S3_ENDPOINT_URL=endpoint, **variables)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"text")
            file.flush()
            s3.upload_file(file.name, "models", "x")
        [headers] = self.server.uploads
        return [name for name in headers if "checksum" in name or name == "x-amz-trailer"]

    def test_none_where_they_are_not_required(self):
        self.assertEqual(self.upload(**ENDPOINT), [])

    # What the variables are for: without them this test is of no use.
    def test_boto3_adds_them_by_itself(self):
        self.assertNotEqual(self.upload(), [])

    def test_answers_are_checked_only_where_it_is_required(self):
        self.assertEqual(client(**ENDPOINT).meta.config.response_checksum_validation, "when_required")
        self.assertEqual(client().meta.config.response_checksum_validation, "when_supported")


if __name__ == "__main__":
    unittest.main()

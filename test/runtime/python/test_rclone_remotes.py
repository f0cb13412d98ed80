"""The remote and the settings of rclone that run-rclone.sh derives from the URI of each artifact store."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import PROGRAMS, until

# A stand-in that prints its settings instead of a result.
RCLONE = """#!/bin/sh
env | grep -E '^RCLONE_CONFIG_(S|DESTINATION|TARGET_REMOTE)' | sort
"""


class Remotes(unittest.TestCase):
    def settings(self, uri, secrets={}, **variables):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("work", "secrets", "programs"):
            (folder / name).mkdir()
        for name, value in secrets.items():
            (folder / "secrets" / name).write_text(value)
        rclone = folder / "programs" / "rclone"
        rclone.write_text(RCLONE)
        rclone.chmod(0o755)
        environment = {
            "PATH": f"{rclone.parent}:{os.environ['PATH']}", "WORK_DIRECTORY": str(folder / "work"),
            "MLFLOW_SECRETS_DIRECTORY": str(folder / "secrets"), "STORE_URI": uri, "TARGET_REMOTE": "/backups", **variables,
        }
        sidecar = subprocess.Popen(["sh", PROGRAMS.parent / "rclone" / "run-rclone.sh"], env=environment)
        self.addCleanup(sidecar.wait)
        self.addCleanup(sidecar.terminate)
        (folder / "request").write_text("lsf\nsource:\n")
        (folder / "request").rename(folder / "work" / "1.rclone")
        until(lambda: (folder / "work" / "1.code").exists(), "the end of rclone")
        self.assertEqual((folder / "work" / "1.errors").read_text(), "")
        lines = (folder / "work" / "1.out").read_text().splitlines()
        found = {name.removeprefix("RCLONE_CONFIG_"): value for name, _, value in (line.partition("=") for line in lines)}
        if "DESTINATION_URI" not in variables:
            self.assertEqual(found.pop("TARGET_REMOTE"), "/backups")
        return found

    def test_a_volume(self):
        self.assertEqual(self.settings("file:///mlartifacts"), {"SOURCE_TYPE": "alias", "SOURCE_REMOTE": "/mlartifacts"})

    def test_google_cloud_storage(self):
        common = {
            "SOURCE_TYPE": "alias", "SOURCE_REMOTE": "store:models/team-a", "STORE_TYPE": "google cloud storage",
            "STORE_NO_CHECK_BUCKET": "true", "STORE_BUCKET_POLICY_ONLY": "true",
        }
        self.assertEqual(self.settings("gs://models/team-a"), {**common, "STORE_ENV_AUTH": "true"})
        self.assertEqual(
            self.settings("gs://models/team-a", GOOGLE_APPLICATION_CREDENTIALS="/etc/mlflow-store/key.json"),
            {**common, "STORE_SERVICE_ACCOUNT_FILE": "/etc/mlflow-store/key.json"},
        )

    def test_azure_blob_storage(self):
        common = {"SOURCE_TYPE": "alias", "STORE_TYPE": "azureblob", "STORE_NO_CHECK_CONTAINER": "true", "STORE_ACCOUNT": "account"}
        self.assertEqual(
            self.settings("wasbs://models@account.blob.core.windows.net", {"AZURE_STORAGE_ACCESS_KEY": "the key\r\n"}),
            {**common, "SOURCE_REMOTE": "store:models/", "STORE_KEY": "the key"},
        )
        self.assertEqual(
            self.settings("wasbs://models@account.blob.core.usgovcloudapi.net/team-a/mlflow"),
            {
                **common, "SOURCE_REMOTE": "store:models/team-a/mlflow", "STORE_ENDPOINT": "blob.core.usgovcloudapi.net",
                "STORE_ENV_AUTH": "true",
            },
        )

    def test_two_buckets_of_which_each_has_its_own_key_and_endpoint(self):
        secrets = {
            "AWS_ACCESS_KEY_ID": "old", "AWS_SECRET_ACCESS_KEY": "old key",
            "DESTINATION_AWS_ACCESS_KEY_ID": "new\n", "DESTINATION_AWS_SECRET_ACCESS_KEY": "new key\r\n",
        }
        variables = {
            "MLFLOW_S3_ENDPOINT_URL": "http://minio:9000", "AWS_DEFAULT_REGION": "us-east-1",
            "DESTINATION_URI": "s3://models/team-a", "DESTINATION_AWS_DEFAULT_REGION": "eu-west-1",
            "DESTINATION_MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "virtual",
        }
        common = {"TYPE": "s3", "NO_CHECK_BUCKET": "true"}
        self.assertEqual(
            self.settings("s3://mlflow", secrets, **variables),
            {
                **{f"STORE_{name}": value for name, value in common.items()},
                **{f"DESTINATION_{name}": value for name, value in common.items()},
                "SOURCE_TYPE": "alias", "SOURCE_REMOTE": "store:mlflow", "TARGET_REMOTE": "destination:models/team-a",
                "STORE_PROVIDER": "Other", "STORE_ENDPOINT": "http://minio:9000", "STORE_REGION": "us-east-1",
                "STORE_ACCESS_KEY_ID": "old", "STORE_SECRET_ACCESS_KEY": "old key",
                "DESTINATION_PROVIDER": "AWS", "DESTINATION_REGION": "eu-west-1", "DESTINATION_FORCE_PATH_STYLE": "false",
                "DESTINATION_ACCESS_KEY_ID": "new", "DESTINATION_SECRET_ACCESS_KEY": "new key",
            },
        )

    def test_a_bucket_and_a_volume_as_the_destination_of_a_move(self):
        found = self.settings("gs://models", DESTINATION_URI="file:///destination/mlartifacts")
        self.assertEqual((found["SOURCE_REMOTE"], found["TARGET_REMOTE"]), ("store:models", "/destination/mlartifacts"))

    def test_two_containers_of_azure(self):
        found = self.settings(
            "wasbs://a@one.blob.core.windows.net", {"AZURE_STORAGE_ACCESS_KEY": "1", "DESTINATION_AZURE_STORAGE_ACCESS_KEY": "2"},
            DESTINATION_URI="wasbs://b@two.blob.core.windows.net/x",
        )
        self.assertEqual((found["STORE_KEY"], found["DESTINATION_KEY"]), ("1", "2"))
        self.assertEqual((found["SOURCE_REMOTE"], found["TARGET_REMOTE"]), ("store:a/", "destination:b/x"))

    def test_google_as_the_destination_with_a_key_file(self):
        found = self.settings(
            "file:///mlartifacts", DESTINATION_URI="gs://models",
            DESTINATION_GOOGLE_APPLICATION_CREDENTIALS="/destination/etc/mlflow-store/key.json",
        )
        self.assertEqual(found["DESTINATION_SERVICE_ACCOUNT_FILE"], "/destination/etc/mlflow-store/key.json")
        self.assertEqual(found["TARGET_REMOTE"], "destination:models")


if __name__ == "__main__":
    unittest.main()

"""The remote and the settings of rclone that run-rclone.sh derives from the URI of each artifact store."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import PROGRAMS, until

# A stand-in that prints its settings instead of a result.
RCLONE = """#!/bin/sh
env | grep ^RCLONE_CONFIG_S | sort
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
        return {name.removeprefix("RCLONE_CONFIG_"): value for name, _, value in (line.partition("=") for line in lines)}

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


if __name__ == "__main__":
    unittest.main()

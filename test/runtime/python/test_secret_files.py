import os
import subprocess
import sys
import unittest

from support import PASSWORD, PROGRAMS, PodTestCase, pod_environment


class SecretFiles(PodTestCase):
    def run_command(self, *command, **more):
        return subprocess.run(
            [sys.executable, PROGRAMS / "secret_files.py", *command],
            env=pod_environment(self.secrets, more), capture_output=True,
        )

    def test_a_command_gets_the_values_unchanged(self):
        (self.secrets / "TWO_NEWLINES").write_text("x\n\n")
        out = self.run_command("printenv", "PGPASSWORD", "PGUSER", "TWO_NEWLINES").stdout
        self.assertEqual(out.decode(), f"{PASSWORD}\nmlflow\nx\n\n")

    def test_removes_a_windows_line_ending_from_a_secret(self):
        values = {"A": b"x\r\n", "B": b"x\r\n\r\n", "C": b"x\r", "D": b"\r\nx", "E": b"x\n"}
        for name, value in values.items():
            (self.secrets / name).write_bytes(value)
        out = self.run_command("printenv", "-0", *values).stdout
        self.assertEqual(out.split(b"\0")[:-1], [b"x", b"x\r\n", b"x\r", b"\r\nx", b"x"])

    def test_a_file_overrides_a_variable(self):
        self.assertEqual(self.run_command("printenv", "PGUSER", PGUSER="other").stdout, b"mlflow\n")

    def test_reads_the_folders_of_a_projected_volume(self):
        data = self.secrets / "..2026_01_01"
        data.mkdir()
        (data / "AWS_SECRET_ACCESS_KEY").write_text("key")
        (self.secrets / "..data").symlink_to(data.name)
        (self.secrets / "AWS_SECRET_ACCESS_KEY").symlink_to("..data/AWS_SECRET_ACCESS_KEY")
        names = self.run_command("env", "-0").stdout
        self.assertIn(b"AWS_SECRET_ACCESS_KEY=key\0", names)
        self.assertNotIn(b"\0..", names)

    def test_accepts_a_missing_directory(self):
        result = self.run_command("true", MLFLOW_SECRETS_DIRECTORY=os.path.join(self.folder, "none"))
        self.assertEqual((result.returncode, result.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()

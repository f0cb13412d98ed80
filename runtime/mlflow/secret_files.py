"""Secrets arrive as files named like the environment variables that MLflow and libpq read.

As a program: `python secret_files.py CMD ARGS...` runs a command with them.
"""

import os
import sys


def without_line_end(value):
    """Editors end a file with a line end, those of Windows with two bytes; anything else belongs to the secret."""
    return value.removesuffix(b"\r\n") if value.endswith(b"\r\n") else value.removesuffix(b"\n")


def load():
    directory = os.environ.get("MLFLOW_SECRETS_DIRECTORY", "/run/secrets/mlflow")
    if not os.path.isdir(directory):
        return
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        # Kubernetes keeps its own bookkeeping beside the files (..data, ..2026_01_01_…).
        if name.startswith(".") or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            # Bytes, so that a password is taken as it is, whatever the locale.
            os.environb[os.fsencode(name)] = without_line_end(file.read())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: secret_files.py CMD ARGS...")
    load()
    os.execvp(sys.argv[1], sys.argv[1:])

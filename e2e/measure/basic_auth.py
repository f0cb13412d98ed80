"""Starts the same MLflow with its own login on port 5001, in the container of one of our servers, with users in SQLite.

The variable PASSWORD, set by a line before this program, is the administrator's.
"""

import os
import secrets
import sys

sys.path.insert(0, "/opt/cdk8s-mlflow")
import secret_files

secret_files.load()
with open("/tmp/measure.ini", "w") as file:
    file.write("[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:////tmp/measure.db\n")
os.environ.update(
    MLFLOW_AUTH_CONFIG_PATH="/tmp/measure.ini",
    MLFLOW_AUTH_ADMIN_USERNAME="admin",
    MLFLOW_AUTH_ADMIN_PASSWORD=PASSWORD,  # noqa: F821
    MLFLOW_FLASK_SERVER_SECRET_KEY=secrets.token_hex(),
)
os.execvp("mlflow", [
    *("mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1", "--port", "5001", "--workers", "1"),
    *("--backend-store-uri", "postgresql+psycopg2://", "--artifacts-destination", "/tmp/artifacts"),
    *("--uvicorn-opts", "--no-access-log --timeout-keep-alive 120"),
])

"""`mlflow server` with the same arguments, as one process that imports MLflow once.

`mlflow server` checks its arguments, sets a private environment, starts uvicorn as a child and
stays resident. MLflow's modules read that environment while they are imported, so this program

1. sets what `mlflow server` is expected to set (predicted_environment), before MLflow is imported,
2. runs the real `mlflow server` up to the point where it would start its child,
3. compares: where the expectation was right, uvicorn runs in this process; where it was not
   (another MLflow version, a rare option), this process becomes that child by exec, which
   costs a second import and is right for any version.

A server without server_app.py in front of it has neither limits nor guards: an MLflow that cannot be started with it is
not started.
"""

import argparse
import importlib
import os
import secrets
import shutil
import signal
import sys

import secret_files
from required import missing, required

HERE = os.path.dirname(os.path.abspath(__file__))

SCHEMA_WAIT_SECONDS = 600  # As long as the startup probe allows; the container starts again then.

# uvicorn kills a worker, with its requests, that does not answer its parent in time: 5 s, which a large request or a start
# on a busy node can take. As patient as the pod's liveness probe. Read since uvicorn 0.37; others ignore it.
# @see https://github.com/Kludex/uvicorn/issues/2506
WORKER_PATIENCE = {"UVICORN_TIMEOUT_WORKER_HEALTHCHECK": "120"}

# Option, the public variable that stands for it, and what `mlflow server` makes of it.
PRIVATE_NAMES = [
    ("--backend-store-uri", "MLFLOW_BACKEND_STORE_URI", "_MLFLOW_SERVER_FILE_STORE"),
    (
        "--read-replica-backend-store-uri",
        "MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
        "_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE",
    ),
    ("--registry-store-uri", "MLFLOW_REGISTRY_STORE_URI", "_MLFLOW_SERVER_REGISTRY_STORE"),
    ("--default-artifact-root", "MLFLOW_DEFAULT_ARTIFACT_ROOT", "_MLFLOW_SERVER_ARTIFACT_ROOT"),
    (
        "--artifacts-destination",
        "MLFLOW_ARTIFACTS_DESTINATION",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION",
    ),
    ("--static-prefix", "MLFLOW_STATIC_PREFIX", "_MLFLOW_STATIC_PREFIX"),
    ("--expose-prometheus", "MLFLOW_EXPOSE_PROMETHEUS", "prometheus_multiproc_dir"),
    ("--allowed-hosts", "MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_ALLOWED_HOSTS"),
    (
        "--cors-allowed-origins",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
    ),
    ("--x-frame-options", "MLFLOW_SERVER_X_FRAME_OPTIONS", "MLFLOW_SERVER_X_FRAME_OPTIONS"),
]

# Read when a request needs them, not at import: setting them late is soon enough.
# (initialising the stores sets the URIs, prometheus_client the directory.)
READ_LATE = {
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "_MLFLOW_SERVER_BOOT_ID",
    "_MLFLOW_IN_JOB_EXECUTOR",
    # Since 3.18.0, for the assistant; the first two are drawn at each start.
    "_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN",
    "_MLFLOW_ASSISTANT_DELEGATION_SIGNING_KEY",
    "_MLFLOW_SERVER_TLS_LISTENER",
    "_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED",
    "PROMETHEUS_MULTIPROC_DIR",
}


def is_true(value):
    """As MLflow reads a variable that is true or false."""
    return value.lower() in ("true", "1")


def predicted_environment(arguments):
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--no-serve-artifacts", action="store_true")
    for option, public, _ in PRIVATE_NAMES:
        parser.add_argument(option, dest=option, default=os.environ.get(public))
    options = vars(parser.parse_known_args(arguments)[0])
    options["--registry-store-uri"] = (
        options["--registry-store-uri"] or options["--backend-store-uri"]
    )
    environment = {
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_ENABLE_WORKSPACES": str(is_true(os.environ.get("MLFLOW_ENABLE_WORKSPACES", ""))).lower(),
        "MLFLOW_SERVER_SECRETS_CACHE_TTL": "60",
        "MLFLOW_SERVER_SECRETS_CACHE_MAX_SIZE": "1000",
    }
    if not options["no_serve_artifacts"]:
        environment["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
        options["--default-artifact-root"] = (
            options["--default-artifact-root"] or "mlflow-artifacts:/"
        )
    options["--artifacts-destination"] = options["--artifacts-destination"] or "./mlartifacts"
    options["--x-frame-options"] = options["--x-frame-options"] or "SAMEORIGIN"
    for option, _, private in PRIVATE_NAMES:
        if options[option]:
            environment[private] = options[option]
    return environment


class Launch(BaseException):
    """Carries what `mlflow server` would start out of its call stack."""

    def __init__(self, command, environment):
        self.command = command
        self.environment = environment


def launch_of_mlflow_server(arguments):
    """The command of the server, and what its environment has besides."""
    import mlflow.cli
    import mlflow.server

    def instead_of_exec_cmd(command, *, extra_env=None, **_):
        raise Launch([str(part) for part in command], extra_env or {})

    required(mlflow.server, "_exec_cmd")
    # It could be there and be used by others: the server would start, and never come back to this program.
    if "_exec_cmd" not in required(mlflow.server, "_run_server").__code__.co_names:
        raise missing("call of _exec_cmd in mlflow.server._run_server")
    mlflow.server._exec_cmd = instead_of_exec_cmd
    try:
        mlflow.cli.cli.main(args=["server", *arguments], prog_name="mlflow")
    except Launch as launch:
        return launch.command, launch.environment


def in_front(command):
    """The same server with server_app.py in front of MLflow's app, in each of its processes."""
    if command[1:3] != ["-m", "uvicorn"]:
        sys.exit(f"serve.py: mlflow server would start {command[:3]}; expected uvicorn: without --gunicorn-opts and the like")
    made = "--factory" in command
    os.environ["SERVED_APP"] = command[-1] + ("()" if made else "")
    return [*command[:-1], *([] if made else ["--factory"]), "--app-dir", HERE, "server_app:create_app"]


def is_single_uvicorn(command):
    workers = [command[i + 1] for i, part in enumerate(command[:-1]) if part == "--workers"]
    return command[1:3] == ["-m", "uvicorn"] and "--reload" not in command and workers == ["1"]


def empty_spool():
    """What a server that was killed left of artifacts under way would count against the volume's limit."""
    spool = os.environ.get("SPOOL_DIRECTORY")
    if spool:
        shutil.rmtree(spool, ignore_errors=True)
        os.makedirs(spool, exist_ok=True)
        os.environ["TMPDIR"] = spool


def refuse_other_schema():
    """The pod waited for its schema, but its containers can start again later, when the database has another one.

    On a newer one MLflow advises `mlflow db upgrade`, which an old version cannot do; an older one it would upgrade by
    itself, without a lock and without a dump.
    """
    import schema

    for each in schema.databases():
        database = schema.Database(*each)
        try:
            # Not knowing the schema is no reason to go on: MLflow would wait for the database too, and then upgrade it.
            database.wait(SCHEMA_WAIT_SECONDS)
        except (schema.Newer, schema.Unreachable) as error:
            sys.exit(str(error))
        if database.state != schema.CURRENT:
            found = f"is at schema {database.revision}" if database.revision else "has no schema"
            sys.exit(f"{database} {found}, this MLflow wants {database.head}: only the migration may change it.")


def refuse_jobs():
    """They need MLflow's own parent process, which starts the server without what is here."""
    name = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
    given = os.environ.get(name, "true")
    if given.lower() not in ("false", "0"):
        sys.exit(f"serve.py: {name} is {given!r}; expected 'false': jobs are not supported yet")


def set_what_only_passwords_need():
    """MLflow's login does not start without them. Single sign-on has no passwords, so nothing ever needs the values."""
    if "LOGIN_BY_PROXY" in os.environ:
        os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"] = secrets.token_urlsafe(32)
        os.environ["MLFLOW_FLASK_SERVER_SECRET_KEY"] = secrets.token_urlsafe(32)


def main(arguments):
    secret_files.load()
    set_what_only_passwords_need()
    empty_spool()

    # As PID 1 the default would be to ignore it; uvicorn takes over while it serves,
    # and raises the signal again when it has drained.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    refuse_other_schema()

    # Of a database that is no PostgreSQL.
    if module := os.environ.get("DATABASE_MODULE"):
        importlib.import_module(module).hold_as_server()
    refuse_jobs()

    # `mlflow server` opens the stores before it starts the app.
    import database_pool

    database_pool.share()

    before = dict(os.environ)
    predicted = predicted_environment(arguments)
    os.environ.update(predicted)
    at_import = dict(os.environ)

    command, extra = launch_of_mlflow_server(arguments)
    command = in_front(command)
    wanted = {**os.environ, **extra}
    # What was expected and did not come must not reach the server.
    for name in predicted.keys() - extra.keys() - before.keys():
        if name.startswith("_MLFLOW"):
            del wanted[name]

    different = {n for n in wanted.keys() | at_import.keys() if wanted.get(n) != at_import.get(n)}
    different -= READ_LATE | {"SERVED_APP"}
    if different or not is_single_uvicorn(command):
        why = sorted(different) or command
        print(f"serve.py: MLflow is loaded a second time, for {why}", file=sys.stderr, flush=True)
        os.execve(command[0], command, {**WORKER_PATIENCE, **wanted})

    os.environ.update(extra)
    import uvicorn

    uvicorn.main(args=command[3:], prog_name="uvicorn")


if __name__ == "__main__":
    main(sys.argv[1:])

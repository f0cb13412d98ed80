"""Creates the service users in MLflow's own login, and changes no schema.

Users are files `<role>.<name>` with the password, from a Secret that the credentials Job writes; the plan names all of
them, each with the registered models that it may change, as `<model>` or `<workspace>/<model>`. `<role>.<name>_<workspace>`
also gets MLflow's permission to use the workspace.
"""

import json
import os
import signal
import sys
from pathlib import Path
from urllib.parse import quote

import plan_file
import schema
import secret_files
from schema import Failure, Refusal, say

def without_password(folder, plan):
    missing = sorted(user for user in plan if not (folder / user).is_file())
    if missing:
        return f"The Secret of the users lacks {', '.join(missing[:5])}: waiting for the credentials Job."


def create_users(auth, database, folder, plan):
    user = None
    try:
        auth.store.init_db(f"postgresql+psycopg2:///{quote(database.name, safe='')}")
        for user, models in sorted(plan.items()):
            name, _, workspace = user.partition(".")[2].partition("_")
            create_user(auth.store, name, (folder / user).read_text("utf-8").removesuffix("\n"))
            if workspace:
                let_use(auth.store, name, workspace)
            for model in models:
                let_edit(auth.store, name, model)
    except Failure:
        raise
    except Exception as error:
        raise Failure(f"The service user {user} could not be written: {schema.cause(error)}") from None


def create_user(store, username, password):
    if not store.has_user(username):
        store.create_user(username, password)
        say(f"Created the user {username}.")
    elif not store.authenticate_user(username, password):
        if store.get_user(username).is_admin:
            raise Refusal(f"A service user has the name of an admin, {username}.")
        store.update_user(username, password=password)
        say(f"Updated the password of the user {username}.")


def let_use(store, username, workspace):
    # An admin may have given it more.
    if store.get_workspace_permission(workspace, username) is None:
        store.set_workspace_permission(workspace, username, "USE")
        say(f"The user {username} may use the workspace {workspace}.")


def let_edit(store, username, entry):
    from mlflow.exceptions import MlflowException
    from mlflow.utils.workspace_context import ServerWorkspaceContext

    workspace, _, model = entry.rpartition("/")
    try:
        with ServerWorkspaceContext(workspace or None):
            store.create_registered_model_permission(model, username, "EDIT")
        say(f"The user {username} may change the registered model {entry}.")
    except MlflowException as error:
        # An admin may have given it more permissions, or fewer.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def main():
    # PID 1 has no default for it. What was begun is rolled back by the database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    folder = Path(os.environ["SERVICE_USERS_DIRECTORY"])
    file = Path(os.environ["SERVICE_USERS_FILE"])
    try:
        plan_file.wait_for_own(file, "users")
        plan = json.loads(file.read_text("utf-8"))
        database = next(schema.Database(*each) for each in schema.databases() if each[2] == schema.AUTH)
        patience = os.environ.get("USERS_WAIT_SECONDS", plan_file.PATIENCE)
        plan_file.wait_for(lambda: plan_file.without_schema(database), patience)
        plan_file.wait_for(lambda: without_password(folder, plan), patience)
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        import mlflow.server.auth

        create_users(mlflow.server.auth, database, folder, plan)
        say(f"All {len(plan)} users are there.")
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

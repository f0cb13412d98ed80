"""Creates the workspaces of MLflow that a platform declares, and updates their descriptions. It deletes none.

  WORKSPACES_FILE   a list of {"name": …, "description": …}
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
from schema import Failure, say

DEFAULT = "default"  # MLflow's own: its migration creates it.


def settle(store, name, description):
    from mlflow.entities import Workspace
    from mlflow.exceptions import MlflowException

    found = {each.name: each for each in store.list_workspaces()}.get(name)
    if found is None and name != DEFAULT:
        try:
            store.create_workspace(Workspace(name=name, description=description))
            say(f"Created the workspace {name}.")
            return
        except MlflowException as error:
            # Another Job was faster.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = store.get_workspace(name)
    if found is not None and description is not None and found.description != description:
        store.update_workspace(Workspace(name=name, description=description))
        say(f"Updated the description of the workspace {name}.")


def main():
    # PID 1 has no default for it. What was begun is rolled back by the database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    file = Path(os.environ["WORKSPACES_FILE"])
    try:
        plan_file.wait_for_own(file, "workspaces")
        plan = json.loads(file.read_text("utf-8"))
        database = next(schema.Database(*each) for each in schema.databases() if each[2] == schema.TRACKING)
        patience = os.environ.get("WORKSPACES_WAIT_SECONDS", plan_file.PATIENCE)
        plan_file.wait_for(lambda: plan_file.without_schema(database), patience)
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore

        name = None
        try:
            store = SqlAlchemyStore(f"postgresql+psycopg2:///{quote(database.name, safe='')}")
            for each in plan:
                name = each["name"]
                settle(store, name, each.get("description"))
        except Exception as error:
            raise Failure(f"The workspace {name} could not be written: {schema.cause(error)}") from None
        say(f"All {len(plan)} workspaces are there.")
    except (Failure, schema.Unreachable, schema.Newer) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()

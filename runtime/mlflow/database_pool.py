"""The connections of one server process to its databases, which cannot run out.

MLflow opens a pool for each of its stores (runs, registry, jobs, workspaces), although all of them are one database,
and a request can wait for a connection while it holds others. Here the stores share one pool, and the number of
requests that may use it at once follows from its size.
"""

import os
import threading

import schema
import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.pool import QueuePool

from required import missing, required, required_module

# What one request can hold at once: `log_batch` with the tag `mlflow.runName` calls _set_tags, set_tag and
# update_run_info inside each other, with a session each (mlflow/store/tracking/sqlalchemy_store.py).
MOST_HELD = 4
# One with which any of them can go on when each holds all but its last, and one for what does not wait for its turn.
SPARE = 2
# For the users of MLflow's own login, a database of their own: short questions that hold one connection each.
USERS_CONNECTIONS = 4


def concurrent_requests():
    """Requests that may use the database at once, so that a pool of this size never locks up."""
    size = int(os.environ.get("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE") or 5)
    overflow = int(os.environ.get("MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW") or 10)
    return max(1, (size + overflow - SPARE) // (MOST_HELD - 1))


class Pool(QueuePool):
    """Says of a time-out what it is: MLflow answers 503 then, which its client retries. A TimeoutError would be a 400."""

    def _do_get(self):
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            raise exc.OperationalError("waiting for a connection", None, error) from error


def share():
    """Makes MLflow's stores share a pool for each database. Call it before MLflow opens one."""
    create = sqlalchemy.create_engine
    if getattr(create, "shares", False):
        return
    required(QueuePool, "_do_get", "sqlalchemy")
    if os.environ.get("DATABASE_MODULE") == "mysql_database":
        schema.other().use()
    engines, lock = {}, threading.Lock()

    def create_engine(url, **options):
        address = sqlalchemy.make_url(url)
        if address.get_backend_name() not in ("postgresql", "mysql") or "poolclass" in options:
            return create(url, **options)
        options["poolclass"] = Pool
        if address.database not in (None, os.environ.get("DATABASE_NAME") or os.environ.get("PGDATABASE")):
            options |= {"pool_size": USERS_CONNECTIONS, "max_overflow": 0}
        with lock:
            if address not in engines:
                engines[address] = create(url, **options)
            return engines[address]

    create_engine.shares = True
    sqlalchemy.create_engine = create_engine


def see_that_mlflow_shares():
    """MLflow looks the function up in sqlalchemy at each engine. One that it had taken before would make pools of its own."""
    utils = required_module("mlflow.store.db.utils")
    if "create_engine" in vars(utils) or required(utils, "sqlalchemy") is not sqlalchemy:
        raise missing("call of sqlalchemy.create_engine in mlflow.store.db.utils")

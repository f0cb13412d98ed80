"""A program does not start if MLflow, uvicorn or SQLAlchemy lacks a name that the program replaces."""

import contextlib
import importlib
import io
import os
import sys
import types
import unittest
from unittest import mock

import sqlalchemy
import uvicorn
from support import PROGRAMS

sys.path.insert(0, str(PROGRAMS))
import artifact_locations  # noqa: E402
import database_pool  # noqa: E402
import own_login  # noqa: E402
import required  # noqa: E402
import serve  # noqa: E402
import serve_model  # noqa: E402
import server_app  # noqa: E402
import serving_protocol  # noqa: E402
import serving_settings  # noqa: E402

import mlflow.cli  # noqa: E402
import mlflow.server  # noqa: E402
from mlflow.store.tracking import sqlalchemy_store as tracking  # noqa: E402
from mlflow.store.workspace import sqlalchemy_store as workspaces  # noqa: E402

AUTH = types.ModuleType("mlflow.server.auth")


def share():
    with mock.patch.object(sqlalchemy, "create_engine"):
        sqlalchemy.create_engine.shares = False
        database_pool.share()


def launch():
    with mock.patch.object(mlflow.cli, "cli"):
        serve.launch_of_mlflow_server([])


# The names that each program requires, by the module that requires them.
PROGRAMS_WITH_WHAT_THEY_REPLACE = [
    (artifact_locations, artifact_locations.restrict, [
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore",
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore.create_experiment",
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore.set_trace_tag",
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore.start_trace",
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore.deprecated_start_trace_v2",
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore.deprecated_end_trace_v2",
        "mlflow.store.tracking.sqlalchemy_store._validate_trace_tag",
        "mlflow.store.workspace.sqlalchemy_store.SqlAlchemyStore",
        "mlflow.store.workspace.sqlalchemy_store.SqlAlchemyStore.create_workspace",
        "mlflow.store.workspace.sqlalchemy_store.SqlAlchemyStore.update_workspace",
    ]),
    (serve, launch, ["mlflow.server._exec_cmd", "mlflow.server._run_server"]),
    (own_login, lambda: own_login.take_every_password(AUTH), [
        "mlflow.server.auth._authenticate_fastapi_request", "mlflow.server.auth._authenticate_cached",
    ]),
    (server_app, lambda: server_app.refuse_passwords(AUTH), [
        "mlflow.server.auth._authenticate_custom_for_fastapi", "mlflow.server.auth.auth_config",
    ]),
    (database_pool, share, ["sqlalchemy.pool.impl.QueuePool._do_get"]),
    (database_pool, database_pool.see_that_mlflow_shares, ["mlflow.store.db.utils.sqlalchemy"]),
    (serving_protocol, lambda: serving_protocol.protocol(15), [
        "uvicorn.protocols.http.h11_impl.H11Protocol",
        "uvicorn.protocols.http.h11_impl.H11Protocol.on_response_complete",
    ]),
    (required, serve_model.check_mlflow, [
        "mlflow.pyfunc.scoring_server.load_model_with_mlflow_config", "mlflow.pyfunc.scoring_server.init",
        "mlflow.environment_variables.MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT",
    ]),
]


class Required(unittest.TestCase):
    def setUp(self):
        self.enterContext(mock.patch.dict(os.environ, {"_MLFLOW_SERVER_SERVE_ARTIFACTS": "true"}))
        self.said = self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        # Restores MLflow for other tests of this process.
        for holder in (mlflow.server, tracking, tracking.SqlAlchemyStore, workspaces.SqlAlchemyStore):
            self.enterContext(self.kept(holder))
        for name in ("_authenticate_fastapi_request", "_authenticate_cached", "_authenticate_custom_for_fastapi"):
            setattr(AUTH, name, lambda *_: None)
        AUTH.auth_config = types.SimpleNamespace(authorization_function="proxy_login:authenticate")

    @contextlib.contextmanager
    def kept(self, holder):
        before = dict(vars(holder))
        try:
            yield
        finally:
            for name in vars(holder).keys() - before.keys():
                delattr(holder, name)
            for name, value in before.items():
                if vars(holder).get(name) is not value:
                    setattr(holder, name, value)

    @contextlib.contextmanager
    def without(self, holder, name):
        """Removes the name from a class and its base classes."""
        with contextlib.ExitStack() as stack:
            for each in getattr(holder, "__mro__", [holder]):
                if name in vars(each):
                    stack.enter_context(mock.patch.object(each, name, vars(each)[name]))
                    delattr(each, name)
            yield

    def asked(self, module, run):
        """Returns (module or class, name) of all names that a program requires."""
        found, plain = [], required.required

        def recording(holder, name, *package):
            found.append((holder, name))
            return plain(holder, name, *package)

        with mock.patch.object(module, "required", recording):
            run()
        return found

    def test_each_program_refuses_to_start_without_any_of_what_it_replaces(self):
        for module, run, names in PROGRAMS_WITH_WHAT_THEY_REPLACE:
            asked = self.asked(module, run)
            self.assertEqual([f"{required.in_full(holder)}.{name}" for holder, name in asked], names)
            for (holder, name), full in zip(asked, names):
                with self.subTest(full), self.without(holder, name):
                    with self.assertRaises(required.Missing) as refused:
                        run()
                    self.assertEqual(refused.exception.code, 3)
                    self.assertRegex(
                        str(refused.exception), rf"^[^:]+: (mlflow|uvicorn|sqlalchemy) [\d.]+ has no {full}, without which"
                    )
                    self.assertIn(str(refused.exception), self.said.getvalue())

    def test_a_module_that_is_not_there(self):
        for name in ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.workspace.sqlalchemy_store"):
            with mock.patch.object(importlib, "import_module", side_effect=ModuleNotFoundError(name=name)):
                with self.assertRaisesRegex(required.Missing, f"has no {name}, without which"):
                    required.required_module(name)
        # An error for an import of the module itself is not changed.
        with mock.patch.object(importlib, "import_module", side_effect=ModuleNotFoundError(name="psycopg2")):
            with self.assertRaises(ModuleNotFoundError):
                required.required_module("mlflow.store.tracking.sqlalchemy_store")

    def test_a_start_that_is_not_what_serve_py_knows(self):
        with mock.patch.object(mlflow.server, "_run_server", lambda *_, **__: None):
            with self.assertRaisesRegex(required.Missing, "has no call of _exec_cmd in mlflow.server._run_server"):
                launch()

    def test_a_server_that_would_run_without_the_limits(self):
        with self.assertRaisesRegex(SystemExit, "gunicorn.*; expected uvicorn: without --gunicorn-opts"):
            serve.in_front(["gunicorn", "mlflow.server:app"])

    def test_jobs_that_would_start_a_server_of_their_own(self):
        name = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
        for value in ("true", "1", None):
            with mock.patch.dict(os.environ, {} if value is None else {name: value}):
                if value is None:
                    os.environ.pop(name, None)
                with self.assertRaisesRegex(SystemExit, f"{name} is '{value or 'true'}'; expected 'false'"):
                    serve.refuse_jobs()
        for value in ("false", "0"):
            with mock.patch.dict(os.environ, {name: value}):
                serve.refuse_jobs()

    def test_an_engine_that_mlflow_makes_by_itself(self):
        from mlflow.store.db import utils

        with mock.patch.object(utils, "create_engine", sqlalchemy.create_engine, create=True):
            with self.assertRaisesRegex(required.Missing, "has no call of sqlalchemy.create_engine in mlflow.store.db.utils"):
                database_pool.see_that_mlflow_shares()

    def test_a_login_in_another_module(self):
        app = types.ModuleType("mlflow.another_login")
        environment = {"SERVED_APP": "mlflow.another_login:app", "AUTH_DATABASE": "auth"}
        with mock.patch.dict(sys.modules, {app.__name__: app}), mock.patch.dict(os.environ, environment):
            with mock.patch.object(sqlalchemy, "create_engine", sqlalchemy.create_engine):
                with self.assertRaisesRegex(required.Missing, "no app with a login in mlflow.server.auth, but in mlflow.another"):
                    server_app.create_app()

    def test_single_sign_on_with_a_login_that_takes_passwords(self):
        AUTH.auth_config.authorization_function = "mlflow.server.auth:authenticate_request_basic_auth"
        with self.assertRaisesRegex(required.Missing, "has no authorization_function proxy_login:authenticate, but mlflow"):
            server_app.refuse_passwords(AUTH)

    def test_a_serving_whose_uvicorn_does_not_end_in_order(self):
        with self.without(uvicorn.Server, "handle_exit"):
            with self.assertRaisesRegex(required.Missing, "has no uvicorn.server.Server.handle_exit"):
                serve_model.serve(None)

    def test_an_mlflow_that_a_version_brings_is_the_fault_of_the_version(self):
        from mlflow.pyfunc import scoring_server

        environment = {"PACKAGES_DIRECTORY": os.path.dirname(sys.executable)}
        with self.without(scoring_server, "init"), mock.patch.dict(os.environ, environment):
            with self.assertRaisesRegex(serving_settings.CannotServe, "Its requirements install an MLflow version that cannot serve it"):
                serve_model.check_mlflow()


if __name__ == "__main__":
    unittest.main()
